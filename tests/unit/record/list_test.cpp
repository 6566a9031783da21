// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/store.hpp"

#include <map>
#include <sys/resource.h>
#include <unistd.h>

#include "../support.hpp"
#include "base/text.hpp"

using namespace lpm;

namespace {

namespace fs = std::filesystem;
using Ids = std::vector<std::string>;

// An id of any time.
std::string id_at(std::uint64_t ms, char last = '0') {
    std::string id(26, '0');
    for (std::size_t i = 10; i-- > 0; ms >>= 5)
        id[i] = record::ulid_alphabet[ms & 31U];
    id.back() = last;
    return id;
}

struct ListedStore {
    const TempDir dir;
    record::Store store = record::Store::open(dir.path()).value();

    std::string add(const std::string& id) {
        record::Record r;
        r.id = id;
        r.operation = record::Operation::checkpoint;
        EXPECT_TRUE(store.publish(r));
        return id;
    }
    // Records of some months, in order.
    Ids add_some() {
        constexpr std::uint64_t day = std::uint64_t{86'400} * 1000;
        Ids ids;
        for (const std::uint64_t month : {0U, 1U, 2U, 14U})
            for (const char last : {'1', '2', 'Z'})
                ids.push_back(id_at((20'000 + month * 31) * day, last));
        for (auto id = ids.rbegin(); id != ids.rend(); ++id)
            add(*id);
        return ids;
    }
    [[nodiscard]] record::Listing list(std::string_view after = {}, std::size_t limit = 1000) const {
        return store.list(after, limit).value();
    }
    [[nodiscard]] Ids ids(std::string_view after = {}, std::size_t limit = 1000) const {
        Ids found;
        for (const auto& entry : list(after, limit).records)
            found.push_back(entry.id);
        return found;
    }
    // Everything that is there, with the times of its last change.
    [[nodiscard]] std::map<std::string, fs::file_time_type> state() const {
        std::map<std::string, fs::file_time_type> all{{"", fs::last_write_time(dir.path())}};
        for (const auto& entry : fs::recursive_directory_iterator(dir.path()))
            if (!entry.is_symlink())
                all[entry.path()] = entry.last_write_time();
        return all;
    }
};

} // namespace

TEST(List, has_the_records_in_order) {
    ListedStore kept;
    const Ids ids = kept.add_some();
    EXPECT_EQ(kept.ids(), ids);
    EXPECT_EQ(kept.list().next, "");
    for (std::size_t i = 0; i < ids.size(); ++i)
        EXPECT_EQ(kept.ids(ids[i]), Ids(ids.begin() + static_cast<long>(i) + 1, ids.end())) << ids[i];
    EXPECT_EQ(kept.ids(id_at(0)), ids) << "after an id that no record has";
    EXPECT_EQ(kept.ids(id_at(std::uint64_t{20'016} * 86'400'000)), Ids(ids.begin() + 3, ids.end()));
    EXPECT_EQ(kept.ids(ids.back()), Ids{});
    EXPECT_EQ(kept.list().records[4].record->id, ids[4]);
}

TEST(List, comes_in_parts) {
    ListedStore kept;
    const Ids ids = kept.add_some();
    for (std::size_t limit = 1; limit < ids.size() + 2; ++limit) {
        Ids found;
        std::string after;
        do {
            const auto part = kept.list(after, limit);
            EXPECT_LE(part.records.size(), limit);
            for (const auto& entry : part.records)
                found.push_back(entry.id);
            after = part.next;
        } while (!after.empty() && found.size() < 100);
        EXPECT_EQ(found, ids) << limit;
    }
    EXPECT_EQ(kept.store.list({}, 0).error().code, Errc::invalid);
    EXPECT_EQ(kept.store.list("../../etc", 1).error().code, Errc::invalid);
}

TEST(List, begins_with_the_newest_when_it_is_asked_to) {
    ListedStore kept;
    Ids ids = kept.add_some();
    std::ranges::reverse(ids);
    for (std::size_t limit = 1; limit < ids.size() + 2; ++limit) {
        Ids found;
        std::string after;
        do {
            const auto part = kept.store.list(after, limit, record::Store::Listed::newest_first).value();
            EXPECT_LE(part.records.size(), limit);
            for (const auto& entry : part.records)
                found.push_back(entry.id);
            after = part.next;
        } while (!after.empty() && found.size() < 100);
        EXPECT_EQ(found, ids) << limit;
    }
}

TEST(List, tells_of_what_cannot_be_read) {
    ListedStore kept;
    const Ids ids = kept.add_some();
    kept.dir.write(record::record_path(ids[2]), "{ broken");
    kept.dir.write(record::record_path(ids[5]), "");
    kept.dir.write(record::record_path(ids[7]), R"({"schema":99,"id":")" + ids[7] + "\"}");
    fs::remove(kept.dir.path(record::record_path(ids[8])));
    fs::create_directory(kept.dir.path(record::record_path(ids[8])));
    fs::remove(kept.dir.path(record::record_path(ids[9]))); // it was there when the month was read
    fs::create_symlink("nowhere", kept.dir.path(record::record_path(ids[9])));
    const auto listing = kept.list();
    ASSERT_EQ(listing.records.size(), ids.size() - 1);
    for (std::size_t i = 0; i < listing.records.size(); ++i)
        EXPECT_EQ(bool(listing.records[i].record), i != 2 && i != 5 && i != 8) << i;
    EXPECT_TRUE(record::is_later(*listing.records[7].record)) << "of a newer lpm";
    EXPECT_TRUE(listing.faults.empty());
    const auto part = kept.list(ids[8], 1);
    EXPECT_TRUE(part.records.empty()) << "which is not the end";
    EXPECT_EQ(part.next, ids[9]);
}

TEST(List, leaves_out_what_is_not_its_own) {
    ListedStore kept;
    const Ids ids = kept.add_some();
    const TempDir other;
    const std::string foreign = "01ARZ3NDEKTSV4RRFFQ69G5FAV"; // of July 2016
    other.write(foreign + ".json", "{}");
    fs::create_directory_symlink(other.path(), kept.dir.path("records/2016-07"));
    kept.dir.write("records/2016-08", "a file");
    kept.dir.write("records/2026-11/" + foreign + ".json", "{}"); // in a month that is not its own
    kept.dir.write("records/x/" + foreign + ".json", "{}");
    kept.dir.write("records/" + foreign + ".json", "{}");
    const std::string month = "records/" + record::month_of(ids[0]) + "/";
    kept.dir.write(month + "." + ids[0] + ".json.tmp.1", "half");
    kept.dir.write(month + "readme.json", "{}");
    kept.dir.write(month + ids[0], "{}");
    EXPECT_EQ(kept.ids(), ids);
    EXPECT_TRUE(kept.list().faults.empty());
}

TEST(List, tells_of_a_month_that_cannot_be_looked_into) {
    ListedStore kept;
    const Ids ids = kept.add_some();
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = ::dup(0);
    ::close(next);
    // `records` and one more at a time can be opened, and a month needs two.
    const rlimit few{static_cast<rlim_t>(next) + 2, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    const auto listing = kept.store.list({}, 1000);
    const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const auto nothing = kept.store.list({}, 1000);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_TRUE(listing) << listing.error().text;
    EXPECT_TRUE(listing->records.empty());
    ASSERT_EQ(listing->faults.size(), 4U);
    EXPECT_TRUE(listing->faults[0].starts_with("records/2024-10: ")) << listing->faults[0];
    EXPECT_FALSE(nothing);
}

TEST(List, changes_nothing) {
    ListedStore kept;
    const auto empty = kept.state();
    EXPECT_TRUE(kept.list().records.empty()) << "nobody has written yet";
    EXPECT_EQ(kept.state(), empty) << "and no folder is made";
    record::Record r;
    r.id = record::new_id();
    r.boot_id = "another boot";
    ASSERT_TRUE(kept.store.publish(r));
    const auto before = kept.state();
    const auto reader = record::Store::open_existing(kept.dir.path()).value();
    const auto listing = reader.list({}, 10).value();
    ASSERT_EQ(listing.records.size(), 1U);
    EXPECT_FALSE(listing.records[0].record->final) << "what nobody ends any more is not ended by who looks";
    EXPECT_EQ(kept.state(), before);
    EXPECT_EQ(record::Store::open_existing(kept.dir.path("none")).error().code, Errc::absent);
    EXPECT_EQ(kept.state(), before);
}
