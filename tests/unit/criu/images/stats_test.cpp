// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/stats.hpp"

#include <map>

#include "../../support.hpp"

using namespace lpm;

static std::map<std::string, std::uint64_t> figures(const std::string& image) {
    const auto stats = criu::parse_stats(image);
    EXPECT_TRUE(stats);
    std::map<std::string, std::uint64_t> found;
    for (std::size_t i = 0; stats && i < stats->names.size(); ++i)
        if (stats->values[i])
            found.emplace(stats->names[i].name, *stats->values[i]);
    return found;
}

TEST(Stats, reads_a_dump) {
    auto found = figures(data("images/stats-dump"));
    EXPECT_EQ(found.at("freezing_us"), 101489U);
    EXPECT_EQ(found.at("frozen_us"), 214682U);
    EXPECT_EQ(found.at("pages_written"), 32U);
    EXPECT_EQ(found.size(), 14U);
}

TEST(Stats, reads_a_restore) {
    const auto found = figures(data("images/stats-restore"));
    EXPECT_GT(found.at("restore_us"), 0U);
    EXPECT_GT(found.at("pages_restored"), 0U);
}

TEST(Stats, refuses_other_bytes) {
    const std::string whole = data("images/stats-dump");
    EXPECT_FALSE(criu::parse_stats(""));
    EXPECT_FALSE(criu::parse_stats(data("images/pstree.img")));
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_FALSE(criu::parse_stats(whole.substr(0, length))) << length;
}
