// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/fdinfo.hpp"

#include "wire.hpp"

using namespace lpm;

TEST(OpenFiles, reads_regular_files) {
    // id 7, name, size 5, mode 0100644
    const std::string file =
        std::string("\x08\x07", 2) + field(6, "/data/log") + "\x40\x05" + "\x50\xa4\x83\x02";
    const auto files = criu::parse_files(files_head + record("\x08\x01\x10\x07" + field(3, file)) +
                                         record("\x08\x02\x10\x08"));
    ASSERT_TRUE(files) << files.error().text;
    ASSERT_EQ(files->reg.size(), 1U);
    const auto& one = files->reg[0];
    EXPECT_EQ(one.id, 7U);
    EXPECT_EQ(one.name, "/data/log");
    EXPECT_EQ(one.size, 5U);
    EXPECT_EQ(one.mode, 0100644U);
    EXPECT_FALSE(one.ext);
}

TEST(OpenFiles, reads_sockets) {
    // AF_INET, stream, TCP, listening, port 8080, 127.0.0.1
    const std::string socket("\x18\x02\x20\x01\x28\x06\x30\x0a\x38\x90\x3f\x58\xff\x80\x80\x08", 16);
    const auto files = criu::parse_files(files_head + record(field(4, socket)));
    ASSERT_TRUE(files) << files.error().text;
    ASSERT_EQ(files->isk.size(), 1U);
    const auto& one = files->isk[0];
    EXPECT_EQ(one.family, 2U);
    EXPECT_EQ(one.proto, 6U);
    EXPECT_EQ(one.state, 10U);
    EXPECT_EQ(one.src_port, 8080);
    EXPECT_EQ(one.src_addr[0], 0x0100007fU);
    EXPECT_FALSE(one.freebind);
    EXPECT_EQ(one.dst_port, 0);
}

TEST(OpenFiles, reads_connections) {
    // inode 10, AF_INET, stream, TCP, established, port 80, peer port 1234, 127.0.0.1, peer 127.0.0.2
    const std::string socket("\x10\x0a\x18\x02\x20\x01\x28\x06\x30\x01\x38\x50\x40\xd2\x09\x58\xff\x80\x80"
                             "\x08\x60\xff\x80\x80\x10",
                             25);
    const auto files = criu::parse_files(files_head + record(field(4, socket)));
    ASSERT_TRUE(files) << files.error().text;
    ASSERT_EQ(files->isk.size(), 1U);
    const auto& one = files->isk[0];
    EXPECT_EQ(one.ino, 10U);
    EXPECT_EQ(one.dst_port, 1234);
    EXPECT_EQ(one.src_addr[0], 0x0100007fU);
    EXPECT_EQ(one.dst_addr[0], 0x0200007fU);
}

TEST(OpenFiles, reads_unix_sockets) {
    const auto named = field(11, std::string("/run/app\0", 9));
    const auto files =
        criu::parse_files(files_head + record(field(4, "")) +
                          record("\x82\x01" + std::string(1, static_cast<char>(named.size())) + named) +
                          record(std::string("\x82\x01\x05\x30\x03\x5a\x01/", 8)));
    ASSERT_TRUE(files) << files.error().text;
    ASSERT_EQ(files->usk.size(), 2U);
    EXPECT_EQ(files->usk[0].name, "/run/app");
    EXPECT_FALSE(files->usk[0].external());
    EXPECT_EQ(files->usk[1].name, "/");
    EXPECT_TRUE(files->usk[1].external());
}

TEST(OpenFiles, bear_damage) {
    EXPECT_FALSE(criu::parse_files(""));
    EXPECT_FALSE(criu::parse_files(remap_head));
    EXPECT_TRUE(criu::parse_files(files_head)) << "no files at all";
    EXPECT_FALSE(criu::parse_files(files_head + record(field(3, "\x08"))));
    EXPECT_FALSE(criu::parse_files(files_head + std::string("\xff\xff\xff\xff\x08", 5)));
}
