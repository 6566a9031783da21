// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/journal.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <thread>

#include "../support.hpp"
#include "base/file.hpp"
#include "record/store.hpp"

using namespace lpm;
using namespace std::chrono_literals;
using record::Journal;
using record::JournalPosition;
using record::JournalWatch;

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t all = 1'000'000;
constexpr JournalPosition first{};

// A store that one reads while others write into it.
struct JournalStore {
    const TempDir dir;
    record::Store store = record::Store::open(dir.path()).value();
    const Journal journal{dir.path()};
    JournalWatch watch{journal};

    // Whether something comes behind `position` by `deadline`.
    Result<bool> wait(JournalPosition position, Clock::time_point deadline) {
        TRY_ASSIGN(const auto batch, watch.next(position, 1, deadline));
        return batch.next != position;
    }

    std::string publish(std::string id = record::new_id()) {
        record::Record r;
        r.id = std::move(id);
        r.operation = record::Operation::checkpoint;
        r.container = "c1";
        r.started = "2026-01-01T00:00:00.000Z";
        EXPECT_TRUE(store.publish(r));
        return r.id;
    }
    void renew() { EXPECT_TRUE(store.renew_journal(0).value()); }
    void append(const std::string& text, const std::string& file = "journal/00000001.jsonl") const {
        std::ofstream(dir.path(file), std::ios::binary | std::ios::app) << text;
    }
    [[nodiscard]] std::vector<std::string> ids(JournalPosition from, std::size_t limit = all) const {
        std::vector<std::string> found;
        const auto batch = journal.read_from(from, limit).value();
        for (const auto& entry : batch.entries)
            found.push_back(entry.id);
        return found;
    }
};
using Ids = std::vector<std::string>;

} // namespace

TEST(Journal, tells_what_was_published_from_a_position_on) {
    JournalStore kept;
    EXPECT_EQ(kept.journal.end().value(), first) << "before there is a journal";
    EXPECT_EQ(kept.ids(first), Ids{});
    Ids published;
    for (int i = 0; i < 5; ++i)
        published.push_back(kept.publish());
    EXPECT_EQ(kept.ids(first), published);
    const auto batch = kept.journal.read_from(first, 2).value();
    ASSERT_EQ(batch.entries.size(), 2U);
    EXPECT_EQ(batch.entries[1].next, batch.next);
    EXPECT_EQ(kept.ids(batch.next), Ids(published.begin() + 2, published.end()));
    EXPECT_EQ(kept.ids(batch.entries[0].next, 1), Ids{published[1]}) << "every entry can be gone on from";
    EXPECT_EQ(kept.ids(kept.journal.end().value()), Ids{});
    const auto& entry = batch.entries[0];
    EXPECT_TRUE(entry.state == record::Change::intent);
    EXPECT_TRUE(entry.operation == record::Operation::checkpoint);
    EXPECT_TRUE(entry.outcome.empty());
    EXPECT_EQ(entry.container, "c1");
    EXPECT_EQ(entry.time, "2026-01-01T00:00:00.000Z");
}

TEST(Journal, says_how_a_call_ended) {
    JournalStore kept;
    record::Record r;
    r.id = record::new_id();
    r.final = true;
    r.operation = record::Operation::pre_dump;
    r.outcome = record::Outcome::refused;
    r.ended = "2026-01-01T00:00:01.000Z";
    ASSERT_TRUE(kept.store.publish(r));
    const auto batch = kept.journal.read_from(first, all).value();
    ASSERT_EQ(batch.entries.size(), 1U);
    EXPECT_TRUE(batch.entries[0].state == record::Change::final);
    EXPECT_TRUE(batch.entries[0].operation == record::Operation::pre_dump);
    EXPECT_TRUE(batch.entries[0].outcome == record::Outcome::refused);
    EXPECT_EQ(batch.entries[0].time, r.ended);
}

TEST(Journal, positions_are_written_and_read) {
    EXPECT_EQ((JournalPosition{42, 1234}).text(), "42:1234");
    EXPECT_EQ(JournalPosition::parse("42:1234"), (JournalPosition{42, 1234}));
    for (const char* text : {"", ":", "1", "1:", ":1", "0:0", "-1:0", "1:-1", "1:1:1", "1: 1", "1:1 ", "a:1",
                             "100000000:0", "1:9223372036854775808", "4294967297:0"})
        EXPECT_EQ(JournalPosition::parse(text), std::nullopt) << text;
}

TEST(Journal, waits_for_a_line_to_be_whole) {
    JournalStore kept;
    const auto whole = kept.publish();
    const auto end = kept.journal.end().value();
    kept.append(R"({"id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","sta)");
    EXPECT_EQ(kept.ids(first), Ids{whole});
    EXPECT_EQ(kept.journal.end().value(), end) << "half a line is behind the end";
    EXPECT_EQ(kept.journal.read_from(end, all).value().next, end);
    EXPECT_FALSE(kept.wait(end, Clock::now() + 10ms).value()) << "and nothing to be woken for";
    kept.append("te\":\"intent\"}\n");
    EXPECT_EQ(kept.ids(end), Ids{"01ARZ3NDEKTSV4RRFFQ69G5FAV"});
}

TEST(Journal, tells_of_lines_that_are_none) {
    JournalStore kept;
    Ids published{kept.publish()};
    kept.append("{\"id\":\"half");
    published.push_back(kept.publish()); // which ends it
    kept.append("\n{\"id\":\"../../etc/passwd\"}\n[]\n");
    kept.append(std::string(3 << 20, 'x') + "\n");
    published.push_back(kept.publish());
    const auto batch = kept.journal.read_from(first, all).value();
    EXPECT_EQ(batch.skipped, 4U);
    EXPECT_EQ(kept.ids(first), published);
    EXPECT_EQ(batch.next, kept.journal.end().value());
    kept.append(std::string(3 << 20, 'x'));
    EXPECT_EQ(kept.journal.read_from(first, all).value().next, batch.next) << "it may go on";
}

TEST(Journal, reads_the_longest_line_that_a_gate_writes) {
    JournalStore kept;
    record::Record r;
    r.id = record::new_id();
    r.container = std::string(128 << 10, '\x01'); // six bytes of JSON for each
    ASSERT_TRUE(kept.store.publish(r));
    const auto batch = kept.journal.read_from(first, all).value();
    ASSERT_EQ(batch.entries.size(), 1U);
    EXPECT_EQ(batch.entries[0].container, r.container);
    EXPECT_EQ(batch.next, kept.journal.end().value());
}

TEST(Journal, goes_on_in_the_next_generation) {
    JournalStore kept;
    Ids published;
    for (int i = 0; i < 4; ++i) {
        published.push_back(kept.publish());
        published.push_back(kept.publish());
        if (i == 1)
            kept.append("{\"half\":"); // a power cut; nobody ends it any more
        if (i < 3)
            kept.renew();
        if (i == 0)
            kept.append("", "journal/00000002.jsonl");
    }
    EXPECT_EQ(kept.ids(first), published);
    Ids one_by_one;
    for (JournalPosition at = first;;) {
        const auto batch = kept.journal.read_from(at, 1).value();
        if (batch.next == at)
            break;
        for (const auto& entry : batch.entries)
            one_by_one.push_back(entry.id);
        at = batch.next;
    }
    EXPECT_EQ(one_by_one, published);
    EXPECT_EQ(kept.journal.end()->generation, 4U);
}

TEST(Journal, says_when_a_position_is_gone) {
    JournalStore kept;
    const auto gone = [&](JournalPosition position) {
        const auto batch = kept.journal.read_from(position, all);
        const auto woken = kept.wait(position, Clock::now() + 10s);
        return !batch && batch.error().code == Errc::absent && !woken && woken.error().code == Errc::absent;
    };
    EXPECT_TRUE(gone({2, 0})) << "there never was a journal";
    kept.publish();
    const auto end = kept.journal.end().value();
    EXPECT_TRUE(gone({1, end.offset + 1})) << "of a store that was here before";
    EXPECT_TRUE(gone({1, end.offset - 1})) << "in the middle of a line";
    EXPECT_TRUE(gone({2, 0}));
    for (int i = 0; i < 3; ++i) {
        kept.renew();
        kept.publish();
    }
    EXPECT_EQ(kept.ids(end).size(), 3U) << "four are kept";
    kept.renew();
    EXPECT_TRUE(gone(first));
    EXPECT_TRUE(gone(end));
    EXPECT_EQ(kept.ids({2, 0}).size(), 3U);
    std::filesystem::remove(kept.dir.path("journal/00000004.jsonl"));
    const auto batch = kept.journal.read_from({2, 0}, all).value();
    EXPECT_EQ(batch.entries.size(), 2U) << "what is there is told first";
    EXPECT_TRUE(gone(batch.next));
}

TEST(Journal, is_not_led_elsewhere) {
    JournalStore kept;
    kept.dir.write("victim", "{\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"}\n");
    std::filesystem::create_directory(kept.dir.path("journal"));
    std::filesystem::create_symlink("../victim", kept.dir.path("journal/00000001.jsonl"));
    EXPECT_EQ(kept.journal.read_from(first, all).error().code, Errc::invalid);
    std::filesystem::create_symlink("../victim", kept.dir.path("journal/current"));
    EXPECT_EQ(kept.journal.end().error().code, Errc::invalid);
    EXPECT_EQ(kept.wait(first, Clock::now() + 10s).error().code, Errc::invalid);
    std::filesystem::remove_all(kept.dir.path("journal"));
    std::filesystem::create_directory(kept.dir.path("journal"));
    ASSERT_EQ(::mkfifo(kept.dir.path("journal/00000001.jsonl").c_str(), 0600), 0);
    EXPECT_EQ(kept.journal.read_from(first, all).error().code, Errc::invalid) << "and waits for nobody";
}

TEST(Journal, changes_nothing) {
    const TempDir dir;
    const Journal journal(dir.path("lpm"));
    EXPECT_EQ(journal.end().value(), first);
    EXPECT_TRUE(journal.read_from(first, all)->entries.empty());
    EXPECT_EQ(JournalWatch(journal).next(first, all, Clock::now() + 10ms).value().next, first);
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(Journal, wakes_who_waits) {
    JournalStore kept;
    EXPECT_FALSE(kept.wait(first, Clock::now() - 1s).value());
    EXPECT_FALSE(kept.wait(first, Clock::now() + 50ms).value());
    const auto wake = [&](JournalPosition at, const auto& what) {
        std::thread other([&] {
            std::this_thread::sleep_for(100ms);
            what();
        });
        const auto start = Clock::now();
        EXPECT_TRUE(kept.wait(at, start + 60s).value());
        other.join();
        return Clock::now() - start;
    };
    EXPECT_LT(wake(first, [&] { kept.publish(); }), 30s) << "by the first line of all";
    EXPECT_TRUE(kept.wait(first, Clock::now() - 1s).value()) << "there is one already";
    const auto end = kept.journal.end().value();
    EXPECT_LT(wake(end, [&] { kept.publish(); }), 4s);
    const auto later = kept.journal.end().value();
    EXPECT_LT(wake(later, [&] { kept.renew(); }), 4s) << "reading goes on in another file";
    const auto batch = kept.journal.read_from(later, all).value();
    EXPECT_EQ(batch.next, (JournalPosition{2, 0}));
    std::string id;
    EXPECT_LT(wake(batch.next, [&] { id = kept.publish(); }), 4s);
    EXPECT_EQ(kept.ids(later), Ids{id}) << "from the position before the new file as well";
}

TEST(Journal, wakes_who_waits_for_a_folder_that_has_come_anew) {
    JournalStore kept;
    const auto id = kept.publish();
    const auto end = kept.journal.end().value();
    EXPECT_FALSE(kept.wait(end, Clock::now() + 10ms).value()) << "it watches the folder";
    std::filesystem::rename(kept.dir.path("journal"), kept.dir.path("old"));
    using How = std::filesystem::copy_options;
    std::filesystem::copy(kept.dir.path("old"), kept.dir.path("journal"),
                          How::recursive | How::copy_symlinks);
    std::thread other([&] {
        std::this_thread::sleep_for(100ms);
        kept.publish();
    });
    const auto start = Clock::now();
    EXPECT_TRUE(kept.wait(end, start + 60s).value());
    other.join();
    EXPECT_LT(Clock::now() - start, 4s);
}

// Gates write, the journal is renewed meanwhile, and a reader that follows sees every record.
TEST(Journal, is_followed_while_it_is_renewed) {
    JournalStore kept;
    constexpr int writers = 4;
    constexpr int each = 300;
    std::atomic<unsigned> reached = 1;
    std::atomic<int> writing = writers;
    std::vector<Ids> published(writers);
    std::vector<std::thread> threads;
    for (auto& ids : published)
        threads.emplace_back([&] {
            for (int i = 0; i < each; ++i) {
                auto store = record::Store::open(kept.dir.path()).value();
                record::Record r;
                r.id = ids.emplace_back(record::new_id());
                EXPECT_TRUE(store.publish(r));
            }
            --writing;
        });
    threads.emplace_back([&] {
        auto store = record::Store::open(kept.dir.path()).value();
        while (writing > 0)
            if (kept.journal.end()->generation < reached + 2) { // four are kept: none goes that is to be read
                EXPECT_TRUE(store.renew_journal(100));
            }
    });
    std::set<std::string> seen;
    JournalPosition at;
    while (seen.size() < std::size_t{writers} * each) {
        const auto batch = kept.watch.next(at, 7, Clock::now() + 20s).value();
        if (batch.next == at)
            break;
        EXPECT_EQ(batch.skipped, 0U);
        for (const auto& entry : batch.entries)
            seen.insert(entry.id);
        at = batch.next;
        reached = at.generation;
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_GT(at.generation, 1U);
    for (const auto& ids : published)
        for (const auto& id : ids)
            EXPECT_TRUE(seen.contains(id)) << id;
}

// A lease on a file holds up who opens it to write: a gate that has chosen its file and comes to write only
// when the reader has left that for the next one.
TEST(Journal, has_the_line_of_a_gate_that_comes_too_late) {
    JournalStore kept;
    kept.publish();
    const auto usual = std::signal(SIGIO, SIG_IGN); // which tells of the gate
    const auto file = open_at(AT_FDCWD, kept.dir.path("journal/00000001.jsonl"), O_RDONLY).value();
    ASSERT_EQ(::fcntl(file.get(), F_SETLEASE, F_RDLCK), 0) << std::strerror(errno);
    std::string late;
    std::thread gate([&] { late = kept.publish(); });
    const auto end = Clock::now() + 20s;
    while (::fcntl(file.get(), F_GETLEASE) == F_RDLCK && Clock::now() < end)
        std::this_thread::sleep_for(1ms);
    EXPECT_EQ(::fcntl(file.get(), F_GETLEASE), F_UNLCK) << "the gate waits";
    kept.renew();
    const auto batch = kept.journal.read_from(first, all).value();
    EXPECT_EQ(batch.next, (JournalPosition{2, 0})) << "the reader has left the file";
    ::fcntl(file.get(), F_SETLEASE, F_UNLCK);
    gate.join();
    std::signal(SIGIO, usual);
    EXPECT_EQ(std::filesystem::file_size(kept.dir.path("journal/00000001.jsonl")),
              2 * std::filesystem::file_size(kept.dir.path("journal/00000002.jsonl")))
        << "it wrote there";
    EXPECT_EQ(kept.ids(batch.next), Ids{late});
}
