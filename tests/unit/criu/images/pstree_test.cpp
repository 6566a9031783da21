// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/pstree.hpp"

#include "../../support.hpp"

using namespace lpm;

TEST(Pstree, tells_groups_and_sessions) {
    const auto tasks = criu::parse_pstree(data("images/pstree.img"));
    ASSERT_TRUE(tasks) << tasks.error().text;
    EXPECT_EQ(tasks->front().pid, 1U);
    EXPECT_EQ(tasks->front().pgid, 1U);
    EXPECT_EQ(tasks->front().sid, 1U);
}

TEST(Pstree, reads_packed_and_plain_threads) {
    const std::string head("\x19\x43\x56\x54\x30\x30\x27\x50", 8);
    const auto plain = criu::parse_pstree(head + std::string("\x06\0\0\0\x08\x01\x28\x01\x28\x02", 10));
    const auto packed = criu::parse_pstree(head + std::string("\x06\0\0\0\x08\x01\x2a\x02\x01\x02", 10));
    ASSERT_TRUE(plain);
    ASSERT_TRUE(packed);
    EXPECT_EQ(plain->at(0).threads, (std::vector<std::uint32_t>{1, 2}));
    EXPECT_EQ(packed->at(0).threads, plain->at(0).threads);
    EXPECT_FALSE(criu::parse_pstree(head + std::string("\x06\0\0\0\x08\x01\x2a\x02\x01\x82", 10)));
    EXPECT_FALSE(criu::parse_pstree(head));
}

TEST(Pstree, has_an_end) {
    std::string record("\x08\x01\x2a\xc0\x84\x3d", 6); // pid 1, 1,000,000 packed threads
    record += std::string(1'000'000, '\x01');
    const auto size = static_cast<std::uint32_t>(record.size());
    std::string image("\x19\x43\x56\x54\x30\x30\x27\x50", 8);
    image.append(reinterpret_cast<const char*>(&size), 4);
    const auto tasks = criu::parse_pstree(image + record);
    ASSERT_FALSE(tasks);
    EXPECT_EQ(tasks.error().text, "pstree.img holds more than a million tasks");
}
