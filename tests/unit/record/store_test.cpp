// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/store.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support.hpp"
#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/text.hpp"

using namespace lpm;

static record::Record sample() {
    record::Record r;
    r.id = record::new_id();
    r.operation = record::Operation::checkpoint;
    r.container = "c1";
    return r;
}

TEST(Store, publishes_intent_and_end_of_a_record) {
    const TempDir dir;
    auto store = record::Store::open(dir.path("lpm"));
    ASSERT_TRUE(store) << store.error().text;
    auto r = sample();
    ASSERT_TRUE(store->publish(r));
    EXPECT_FALSE(store->load(r.id).value().final);
    r.final = true;
    r.outcome = record::Outcome::completed;
    ASSERT_TRUE(store->publish(r));
    EXPECT_EQ(store->load(r.id).value().outcome, record::Outcome::completed);
    const auto journal = read_file(AT_FDCWD, dir.path("lpm/journal/current"), 4096).value();
    EXPECT_EQ(std::ranges::count(journal, '\n'), 2);
    EXPECT_NE(journal.find(R"("state":"intent")"), std::string::npos);
    struct stat st{};
    const std::string file = dir.path("lpm/records/" + record::month_of(r.id) + "/" + r.id + ".json");
    ASSERT_EQ(::stat(file.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777U, 0640U);
}

TEST(Store, publishes_the_end_into_the_room_made_for_it) {
    const TempDir dir;
    auto store = record::Store::open(dir.path("lpm"));
    ASSERT_TRUE(store);
    auto r = sample();
    ASSERT_TRUE(store->publish(r));
    ASSERT_TRUE(store->settle_intent(r));
    EXPECT_FALSE(store->load(r.id).value().final) << "the intent stays until the end is published";
    auto other = sample();
    other.final = true;
    ASSERT_TRUE(store->publish(other)) << "which is not the record that the room is for";
    r.final = true;
    r.outcome = record::Outcome::completed;
    ASSERT_TRUE(store->publish(r));
    EXPECT_EQ(store->load(r.id).value().outcome, record::Outcome::completed);
    EXPECT_TRUE(store->load(other.id).value().final);
    const std::string month = dir.path("lpm/records/" + record::month_of(r.id));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(month), {}), 2) << "no temporary file stays";
}

TEST(Store, says_what_an_empty_record_is) {
    const TempDir dir;
    auto store = record::Store::open(dir.path());
    const std::string id = record::new_id();
    dir.write("records/" + record::month_of(id) + "/" + id + ".json", "");
    EXPECT_EQ(store->load(id).error().code, Errc::absent);
}

TEST(Store, files_by_the_month_in_the_id) {
    EXPECT_EQ(record::month_of(record::new_id()), rfc3339(now()).substr(0, 7));
    EXPECT_EQ(record::month_of("01ARZ3NDEKTSV4RRFFQ69G5FAV"), "2016-07");
}

TEST(Store, ends_a_line_that_a_power_cut_left) {
    const TempDir dir;
    dir.write("journal/00000001.jsonl", "{\"id\":\"half");
    auto store = record::Store::open(dir.path());
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->publish(sample()));
    const auto journal = read_file(AT_FDCWD, dir.path("journal/current"), 4096).value();
    EXPECT_TRUE(journal.starts_with("{\"id\":\"half\n{\"container\":\"c1\"")) << journal;
}

// Each leads out of the store; nothing may be written there.
TEST(Store, follows_no_planted_link) {
    const auto r = sample();
    const std::string month = "records/" + record::month_of(r.id);
    const std::string file = month + "/" + r.id + ".json";
    const std::string half = month + "/" + draft_name(r.id + ".json", ::getpid());
    const TempDir other;
    for (const std::string& place :
         {std::string("records"), month, file, half, std::string("journal"), std::string("journal/current"),
          std::string("journal/00000001.jsonl"), std::string("logs"), "logs/" + r.id}) {
        SCOPED_TRACE(place);
        const TempDir dir;
        std::filesystem::create_directories(std::filesystem::path(dir.path(place)).parent_path());
        const bool folder =
            place == "records" || place == month || place == "journal" || place.starts_with("logs");
        other.write("victim", "as it was");
        std::filesystem::create_symlink(folder ? other.path() : other.path("victim"), dir.path(place));
        auto store = record::Store::open(dir.path()).value();
        EXPECT_EQ(bool(store.publish(r)), place.starts_with("logs") || place == file || place == half);
        EXPECT_NE(bool(store.make_log_dir(r.id)), place.starts_with("logs"));
        EXPECT_EQ(read_file(AT_FDCWD, other.path("victim"), 100).value(), "as it was");
        EXPECT_EQ(std::distance(std::filesystem::directory_iterator(other.path()), {}), 1);
    }
}

TEST(Store, mends_a_journal_that_leads_elsewhere) {
    const TempDir dir;
    dir.write("victim", "as it was");
    std::filesystem::create_directory(dir.path("journal"));
    std::filesystem::create_symlink("../victim", dir.path("journal/current"));
    auto store = record::Store::open(dir.path()).value();
    EXPECT_NE(store.publish(sample()).error().text.find("--settle"), std::string::npos);
    EXPECT_TRUE(store.renew_journal(1 << 20).value());
    EXPECT_TRUE(store.publish(sample()));
    EXPECT_FALSE(store.renew_journal(1 << 20).value());
    EXPECT_EQ(std::filesystem::read_symlink(dir.path("journal/current")), "00000001.jsonl");
    EXPECT_EQ(read_file(AT_FDCWD, dir.path("victim"), 100).value(), "as it was");
}

TEST(Store, loads_by_valid_ids_only) {
    const TempDir dir;
    const auto store = record::Store::open(dir.path());
    ASSERT_TRUE(store);
    EXPECT_EQ(store->load("../../etc/passwd").error().code, Errc::invalid);
    EXPECT_EQ(store->load(record::new_id()).error().code, Errc::absent);
}
