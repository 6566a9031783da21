// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/preparation.hpp"

#include <sys/stat.h>

#include "../support.hpp"
#include "linux/boot.hpp"

using namespace lpm;

namespace {

class Preparations : public testing::Test {
  protected:
    [[nodiscard]] static record::Preparation make(std::uint64_t ns) {
        record::Preparation preparation;
        preparation.until = boot_time_ns() + ns;
        preparation.options = {{"tcp", "close"}};
        preparation.record = record::begin_record(record::Operation::checkpoint);
        preparation.record.boot_id = boot_id();
        preparation.record.root = "/run/runc";
        preparation.record.container = "abc";
        preparation.record.attempt = "uid-1";
        preparation.record.object = {"shop", "save", "uid-2"};
        preparation.record.hooks = {
            {"save", record::HookPoint::pre_checkpoint, record::HookOutcome::done, "", 7}};
        return preparation;
    }
    [[nodiscard]] Result<record::Preparation> take(const std::string& id = "abc") const {
        return record::take_preparation(dir.path(), "/run/runc", id);
    }
    TempDir dir;
};

} // namespace

TEST_F(Preparations, are_taken_once) {
    ASSERT_TRUE(record::keep_preparation(dir.path(), make(60'000'000'000)));
    EXPECT_FALSE(take("abd"));
    EXPECT_FALSE(record::take_preparation(dir.path(), "/run/crun", "abc"));
    const auto taken = take();
    ASSERT_TRUE(taken) << taken.error().text;
    EXPECT_EQ(taken->record.attempt, "uid-1");
    EXPECT_EQ(taken->record.object.name, "save");
    EXPECT_EQ(taken->record.hooks.size(), 1U);
    EXPECT_EQ(taken->options, (record::OptionList{{"tcp", "close"}}));
    const auto again = take();
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Errc::absent);
}

TEST_F(Preparations, are_replaced_by_later_ones_of_their_attempt) {
    ASSERT_TRUE(record::keep_preparation(dir.path(), make(60'000'000'000)));
    auto later = make(60'000'000'000);
    later.options = {{"tcp", "established"}};
    ASSERT_TRUE(record::keep_preparation(dir.path(), later));
    auto other = make(60'000'000'000);
    other.record.attempt = "uid-9";
    EXPECT_EQ(record::keep_preparation(dir.path(), other).error().code, Errc::busy);
    EXPECT_EQ(take()->options, later.options);
    ASSERT_TRUE(record::keep_preparation(dir.path(), other));
    EXPECT_EQ(take()->record.attempt, "uid-9");
}

TEST_F(Preparations, are_good_for_a_time) {
    auto old = make(0);
    old.until = boot_time_ns() - 1;
    ASSERT_TRUE(record::keep_preparation(dir.path(), old));
    EXPECT_EQ(take().error().code, Errc::unavailable);
    const auto expired = record::take_expired(dir.path());
    ASSERT_EQ(expired.size(), 1U);
    EXPECT_EQ(expired[0].record.attempt, "uid-1");
    EXPECT_EQ(take().error().code, Errc::absent);
    ASSERT_TRUE(record::keep_preparation(dir.path(), make(60'000'000'000)));
    EXPECT_TRUE(record::take_expired(dir.path()).empty());
    EXPECT_TRUE(take()) << "it is good";
}

TEST_F(Preparations, of_another_boot_have_nothing_to_undo) {
    auto other = make(60'000'000'000);
    other.record.boot_id = "another";
    ASSERT_TRUE(record::keep_preparation(dir.path(), other));
    EXPECT_EQ(take().error().code, Errc::unavailable);
    EXPECT_TRUE(record::take_expired(dir.path()).empty());
    EXPECT_EQ(take().error().code, Errc::absent);
}

TEST_F(Preparations, that_are_none_are_taken_away) {
    ASSERT_TRUE(record::keep_preparation(dir.path(), make(60'000'000'000)));
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.path()))
        if (entry.is_regular_file())
            std::ofstream(entry.path()) << "{\"until\":1}";
    EXPECT_EQ(take().error().code, Errc::invalid);
    EXPECT_TRUE(record::take_expired(dir.path()).empty());
    EXPECT_EQ(take().error().code, Errc::absent);
    EXPECT_FALSE(take("../abc"));
}
