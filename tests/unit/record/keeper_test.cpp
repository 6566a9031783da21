// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/keeper.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "linux/boot.hpp"
#include "linux/procfs.hpp"
#include "record/journal.hpp"

using namespace lpm;

namespace {

// A store with records of this boot, whose gate is this test.
struct KeptStore {
    const TempDir dir;
    record::Store store = record::Store::open(dir.path()).value();

    record::Record intent(std::string id = record::new_id()) {
        record::Record r;
        r.id = std::move(id);
        r.operation = record::Operation::checkpoint;
        r.container = "c1";
        r.boot_id = boot_id();
        r.gate_pid = ::getpid();
        r.gate_start = procfs::read_stat(0)->start;
        return r;
    }
    std::string add(const record::Record& r) {
        EXPECT_TRUE(store.publish(r));
        return r.id;
    }
    std::string add_final(const std::string& id, record::Outcome outcome = record::Outcome::completed) {
        auto r = intent(id);
        r.final = true;
        r.outcome = outcome;
        return add(r);
    }
    [[nodiscard]] record::SettleReport run(const config::Retention& limits = {}) const {
        return record::Keeper::open(dir.path()).value().run(limits);
    }
    [[nodiscard]] bool has(const std::string& path) const { return std::filesystem::exists(dir.path(path)); }
};

constexpr const char* old_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV"; // of July 2016

pid_t dead_process() {
    const pid_t pid = ::fork();
    if (pid == 0)
        ::_exit(0);
    ::waitpid(pid, nullptr, 0);
    return pid;
}

} // namespace

TEST(Keeper, ends_what_a_killed_gate_has_begun) {
    KeptStore kept;
    auto r = kept.intent();
    r.gate_pid = dead_process();
    kept.add(r);
    const auto done = kept.run();
    EXPECT_EQ(done.settled, 1U);
    const auto after = kept.store.load(r.id).value();
    EXPECT_TRUE(after.final);
    EXPECT_EQ(after.outcome, record::Outcome::interrupted);
    EXPECT_EQ(after.code, "Interrupted");
    EXPECT_FALSE(after.ended.empty());
    const auto journal = read_file(AT_FDCWD, kept.dir.path("journal/current"), 4096).value();
    EXPECT_NE(journal.find(R"("outcome":"interrupted")"), std::string::npos) << "watchers hear of it";
    EXPECT_EQ(kept.run().settled, 0U);
}

TEST(Keeper, clears_the_image_directory_of_what_a_killed_gate_was_writing) {
    KeptStore kept;
    auto r = kept.intent();
    r.gate_pid = dead_process();
    r.image_path = kept.dir.path("images");
    const std::string half = "images/.lpm.json.tmp." + std::to_string(r.gate_pid);
    kept.dir.write(half, "{");
    kept.dir.write("images/lpm.json", "{}");
    kept.add(r);
    EXPECT_EQ(kept.run().settled, 1U);
    EXPECT_FALSE(kept.has(half));
    EXPECT_TRUE(kept.has("images/lpm.json"));
}

TEST(Keeper, keeps_the_end_that_is_known) {
    KeptStore kept;
    auto r = kept.intent();
    r.gate_pid = dead_process();
    r.outcome = record::Outcome::completed; // killed in the hooks after the operation
    kept.add(r);
    EXPECT_EQ(kept.run().settled, 1U);
    const auto after = kept.store.load(r.id).value();
    EXPECT_TRUE(after.final);
    EXPECT_EQ(after.outcome, record::Outcome::completed);
    EXPECT_EQ(after.notes.size(), 1U);
}

TEST(Keeper, ends_what_a_power_cut_has_interrupted) {
    KeptStore kept;
    auto r = kept.intent();
    r.boot_id = "another boot"; // where the same number was another process
    kept.add(r);
    EXPECT_EQ(kept.run().settled, 1U);
}

TEST(Keeper, knows_a_number_that_was_given_again) {
    KeptStore kept;
    auto r = kept.intent();
    r.gate_start += 1;
    kept.add(r);
    EXPECT_EQ(kept.run().settled, 1U);
}

TEST(Keeper, leaves_what_goes_on) {
    KeptStore kept;
    const auto id = kept.add(kept.intent(old_id));
    auto unsaid = kept.intent();
    unsaid.gate_pid = 0; // as lpm wrote before it said who the gate is
    kept.add(unsaid);
    const auto done = kept.run({.max_records = 1, .max_days = 1});
    EXPECT_EQ(done.settled, 0U);
    EXPECT_EQ(done.removed, 0U);
    EXPECT_FALSE(kept.store.load(id)->final);
}

TEST(Keeper, removes_the_oldest_above_the_number_and_their_logs) {
    KeptStore kept;
    std::vector<std::string> ids;
    for (const char last : {'1', '2', '3', '4'}) {
        ids.push_back(kept.add_final(std::string("01ARZ3NDEKTSV4RRFFQ69G5FA") + last));
        ASSERT_TRUE(kept.store.make_log_dir(ids.back()));
        kept.dir.write("logs/" + ids.back() + "/dump.log", "x");
    }
    const auto done = kept.run({.max_records = 2, .max_days = 36'500});
    EXPECT_EQ(done.removed, 2U);
    EXPECT_EQ(done.removed_logs, 2U);
    EXPECT_EQ(done.records, 2U);
    EXPECT_FALSE(kept.store.load(ids[1]));
    EXPECT_TRUE(kept.store.load(ids[2]));
    EXPECT_FALSE(kept.has("logs/" + ids[1]));
    EXPECT_TRUE(kept.has("logs/" + ids[2] + "/dump.log"));
}

TEST(Keeper, removes_refusals_first_where_they_are_more_than_half) {
    KeptStore kept;
    const auto taken = kept.add_final("01ARZ3NDEKTSV4RRFFQ69G5FA1");
    std::vector<std::string> refused;
    for (const char last : {'2', '3', '4', '5', '6'})
        refused.push_back(
            kept.add_final(std::string("01ARZ3NDEKTSV4RRFFQ69G5FA") + last, record::Outcome::refused));
    EXPECT_EQ(kept.run({.max_records = 4, .max_days = 36'500}).removed, 2U);
    EXPECT_TRUE(kept.store.load(taken));
    EXPECT_FALSE(kept.store.load(refused[1]));
    EXPECT_TRUE(kept.store.load(refused[2]));
    EXPECT_EQ(kept.run({.max_records = 2, .max_days = 36'500}).removed, 2U);
    EXPECT_TRUE(kept.store.load(taken)) << "half of the number is for others";
    EXPECT_EQ(kept.run({.max_records = 1, .max_days = 36'500}).removed, 1U);
    EXPECT_EQ(kept.run({.max_days = 1}).removed, 1U) << "age is the same for all";
}

TEST(Keeper, removes_what_is_too_old_and_the_month_with_it) {
    KeptStore kept;
    kept.add_final(old_id);
    const auto young = kept.add_final(record::new_id());
    const auto done = kept.run({.max_days = 30});
    EXPECT_EQ(done.removed, 1U);
    EXPECT_TRUE(kept.store.load(young));
    EXPECT_FALSE(kept.has("records/2016-07"));
}

TEST(Keeper, keeps_the_logs_within_their_size_the_newest_first) {
    KeptStore kept;
    std::vector<std::string> ids;
    for (const char last : {'1', '2', '3'}) {
        ids.push_back(kept.add_final(std::string("01ARZ3NDEKTSV4RRFFQ69G5FA") + last));
        kept.dir.write("logs/" + ids.back() + "/dump.log", std::string(100'000, 'x'));
    }
    EXPECT_EQ(kept.run({.max_days = 36'500, .max_log_bytes = 250'000}).removed_logs, 1U);
    EXPECT_TRUE(kept.has("logs/" + ids[2]));
    EXPECT_TRUE(kept.has("logs/" + ids[1]));
    EXPECT_FALSE(kept.has("logs/" + ids[0]));
    EXPECT_TRUE(kept.store.load(ids[0])) << "the record itself stays";
}

TEST(Keeper, begins_a_new_journal_and_keeps_four) {
    KeptStore kept;
    for (int i = 0; i < 6; ++i) {
        kept.add_final(record::new_id());
        EXPECT_TRUE(kept.run({.max_journal_bytes = 10}).new_journal);
    }
    EXPECT_FALSE(kept.run({.max_journal_bytes = 10}).new_journal) << "the new one is empty";
    EXPECT_EQ(std::filesystem::read_symlink(kept.dir.path("journal/current")), "00000007.jsonl");
    EXPECT_FALSE(kept.has("journal/00000003.jsonl"));
    EXPECT_TRUE(kept.has("journal/00000004.jsonl"));
    kept.add_final(record::new_id());
    EXPECT_GT(std::filesystem::file_size(kept.dir.path("journal/00000007.jsonl")), 0U);
}

TEST(Keeper, leaves_what_is_not_its_own) {
    KeptStore kept;
    const TempDir other;
    other.write("01ARZ3NDEKTSV4RRFFQ69G5FAV.json", "{}");
    std::filesystem::create_directory(kept.dir.path("records"));
    std::filesystem::create_directory_symlink(other.path(), kept.dir.path("records/2016-07"));
    kept.dir.write("records/2016-08/readme.txt", "x");
    kept.dir.write("records/2026-11/01ARZ3NDEKTSV4RRFFQ69G5FAV.json", "{}"); // in a month that is not its own
    kept.dir.write("logs/mine/x.log", "x");
    std::filesystem::create_directory_symlink(other.path(), kept.dir.path("logs/01ARZ3NDEKTSV4RRFFQ69G5FAV"));
    EXPECT_EQ(kept.run({.max_records = 1, .max_days = 1, .max_log_bytes = 1}).removed, 0U);
    EXPECT_TRUE(kept.has("records/2016-08/readme.txt"));
    EXPECT_TRUE(kept.has("records/2026-11/01ARZ3NDEKTSV4RRFFQ69G5FAV.json"));
    EXPECT_TRUE(kept.has("logs/mine/x.log"));
    EXPECT_TRUE(std::filesystem::exists(other.path("01ARZ3NDEKTSV4RRFFQ69G5FAV.json")));
}

TEST(Keeper, clears_what_killed_gates_have_left) {
    KeptStore kept;
    const std::string month = "records/2016-07/";
    const std::string draft = month + "." + old_id + ".json.tmp.";
    const std::string dead = draft + std::to_string(dead_process());
    const std::string alive = draft + std::to_string(::getpid());
    kept.dir.write(dead, "half");
    kept.dir.write(alive, "half");
    kept.dir.write(month + old_id + ".json", "");
    const auto done = kept.run({.max_days = 36'500});
    EXPECT_TRUE(done.faults.empty()) << done.faults.front();
    EXPECT_FALSE(kept.has(dead));
    EXPECT_TRUE(kept.has(alive));
    EXPECT_FALSE(kept.has(month + old_id + ".json")) << "a power cut has taken what was in it";
}

TEST(Keeper, names_a_record_that_it_cannot_read) {
    KeptStore kept;
    kept.dir.write(std::string("records/2016-07/") + old_id + ".json", "{ broken");
    const auto done = kept.run({.max_days = 36'500});
    ASSERT_EQ(done.faults.size(), 1U);
    EXPECT_TRUE(done.faults.front().starts_with(old_id)) << done.faults.front();
}

TEST(Keeper, works_alone) {
    const TempDir dir;
    const auto first = record::Keeper::open(dir.path());
    ASSERT_TRUE(first);
    EXPECT_EQ(record::Keeper::open(dir.path()).error().code, Errc::busy);
}

static std::vector<record::JournalEntry> told(const KeptStore& kept) {
    const record::Journal journal(kept.dir.path());
    return journal.read_from(journal.begin().value(), 1000).value().entries;
}

TEST(Keeper, tells_the_journal_what_it_has_missed) {
    KeptStore kept;
    const auto first = kept.add_final(record::new_id());
    // The disk is full: a folder in the place of the file, so that no line can be written.
    const std::string file = kept.dir.path("journal/00000001.jsonl");
    std::filesystem::rename(file, file + ".aside");
    std::filesystem::create_directory(file);
    auto lost = kept.intent();
    lost.final = true;
    lost.outcome = record::Outcome::completed;
    lost.ended = rfc3339(now());
    EXPECT_FALSE(kept.store.publish(lost));
    std::filesystem::remove(file);
    std::filesystem::rename(file + ".aside", file);
    EXPECT_EQ(kept.run().journalled, 1U);
    const auto entries = told(kept);
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].id, first);
    EXPECT_EQ(entries[1].id, lost.id);
    EXPECT_EQ(entries[1].state, record::Change::final);
    EXPECT_EQ(kept.run().journalled, 0U) << "once";
}

TEST(Keeper, does_not_tell_again_what_older_generations_told) {
    KeptStore kept;
    auto r = kept.intent();
    r.final = true;
    r.outcome = record::Outcome::completed;
    r.ended = "2026-01-31T12:00:00.123Z";
    kept.add(r);
    for (int i = 0; i < 5; ++i) { // the first generation goes
        auto later = kept.intent();
        later.started = rfc3339(now());
        kept.add(later);
        EXPECT_TRUE(kept.store.renew_journal(0).value());
    }
    EXPECT_FALSE(kept.has("journal/00000001.jsonl"));
    EXPECT_EQ(kept.run().journalled, 0U);
}

TEST(Keeper, tells_the_journal_of_what_it_removes) {
    KeptStore kept;
    kept.add_final(old_id);
    EXPECT_EQ(kept.run().removed, 1U);
    const auto entries = told(kept);
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[1].id, old_id);
    EXPECT_EQ(entries[1].state, record::Change::removed);
    EXPECT_FALSE(entries[1].time.empty());
}

TEST(Keeper, does_not_believe_a_clock_that_has_jumped) {
    KeptStore kept;
    kept.add_final(old_id);
    const std::string day_before = std::to_string(to_milliseconds(now()) - std::uint64_t{30} * 86'400'000);
    kept.dir.write("clock", "another-boot " + day_before + " 1000\n");
    auto done = kept.run();
    EXPECT_EQ(done.removed, 0U);
    ASSERT_EQ(done.faults.size(), 1U);
    EXPECT_NE(done.faults.front().find("clock"), std::string::npos);
    EXPECT_TRUE(kept.has(record::record_path(old_id)));
    std::filesystem::remove(kept.dir.path("clock"));
    EXPECT_EQ(kept.run().removed, 1U);
}

TEST(Keeper, leaves_records_of_a_newer_lpm) {
    KeptStore kept;
    auto r = kept.intent();
    r.version = record::schema + 1;
    r.gate_pid = dead_process();
    kept.add(r);
    const auto done = kept.run();
    EXPECT_EQ(done.settled, 0U);
    EXPECT_TRUE(done.faults.empty());
    EXPECT_FALSE(kept.store.load(r.id)->final);
}
