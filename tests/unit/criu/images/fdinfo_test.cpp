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

TEST(OpenFiles, reads_names_of_unix_sockets_that_are_no_paths) {
    const auto socket = field(2, 5U) + field(3, 1U) + field(4, 10U) + field(8, 6U) +
                        field(10, field(1, 4096U) + field(2, 8192U)) + field(11, std::string("\0app\0x", 6));
    criu::UnixSkEntry one;
    ASSERT_TRUE(criu::read_unix_sk(socket, one));
    EXPECT_EQ(one.name, "");
    EXPECT_EQ(one.abstract, std::string("app\0x", 5));
    EXPECT_EQ(one.ino, 5U);
    EXPECT_EQ(one.type, 1U);
    EXPECT_EQ(one.state, 10U);
    EXPECT_EQ(one.peer, 6U);
    EXPECT_EQ(one.opts.so_sndbuf, 4096U);
    EXPECT_EQ(one.opts.so_rcvbuf, 8192U);
    EXPECT_FALSE(criu::read_unix_sk(field(10, "\x08"), one)) << "its options are cut short";
}

TEST(OpenFiles, reads_sockets_of_other_families) {
    const auto opts = field(1, 1U) + field(2, 2U);
    criu::PacketSockEntry packet;
    ASSERT_TRUE(criu::read_packet_sock(field(2, 3U) + field(3, 768U) + field(7, opts), packet));
    EXPECT_EQ(packet.type, 3U);
    EXPECT_EQ(packet.protocol, 768U);
    EXPECT_EQ(packet.opts.so_rcvbuf, 2U);
    criu::NetlinkSkEntry netlink;
    ASSERT_TRUE(criu::read_netlink_sk(field(3, 15U) + field(4, 1U) + field(12, opts), netlink));
    EXPECT_EQ(netlink.protocol, 15U);
    EXPECT_EQ(netlink.state, 1U);
    EXPECT_EQ(netlink.opts.so_sndbuf, 1U);
    EXPECT_FALSE(criu::read_packet_sock("\x08", packet));
    EXPECT_FALSE(criu::read_netlink_sk("\x08", netlink));
}

// A field whose number takes two bytes.
static std::string wide(unsigned number, std::string_view bytes) {
    const std::string one = field(number & 15U, bytes);
    return std::string(1, static_cast<char>(one[0] | 0x80)) + static_cast<char>(number >> 4U) + one.substr(1);
}

TEST(OpenFiles, are_found_by_their_ids) {
    const auto file = field(1, 9U) + field(6, "/data/log");
    const std::string image = files_head + record(field(1, 2U) + field(2, 9U) + wide(18, field(2, 77U))) +
                              record(field(1, 1U) + field(2, 3U) + field(3, file)) +
                              record(field(1, 6U) + field(2, 4U));
    const auto table = criu::FileTable::open(image);
    ASSERT_TRUE(table) << table.error().text;
    EXPECT_EQ(std::get<criu::PipeEntry>(table->find(9)->what).pipe_id, 77U);
    EXPECT_EQ(std::get<criu::RegFileEntry>(table->find(3)->what).name, "/data/log");
    EXPECT_TRUE(std::holds_alternative<std::monostate>(table->find(4)->what));
    EXPECT_EQ(table->find(5).error().code, Errc::absent);
    EXPECT_FALSE(criu::FileTable::open(files_head + record("\x08")));
    const std::string short_of_a_byte = files_head + record(field(2, 1U) + field(3, "\x08"));
    const auto cut = criu::FileTable::open(short_of_a_byte);
    EXPECT_EQ(cut->find(1).error().code, Errc::invalid);
}

TEST(OpenFiles, have_numbers) {
    const std::string head("\x19\x43\x56\x54\x32\x37\x21\x56", 8);
    const auto entries =
        criu::parse_fdinfo(head + record(field(1, 8U) + field(2, 0U) + field(3, 4U) + field(4, 3U)) +
                           record(field(1, 9U) + field(2, 0U) + field(3, 99U) + field(4, 4U)));
    ASSERT_TRUE(entries) << entries.error().text;
    ASSERT_EQ(entries->size(), 2U);
    EXPECT_EQ(entries->at(0).id, 8U);
    EXPECT_EQ(entries->at(0).fd, 3U);
    EXPECT_EQ(criu::name_of(entries->at(0).type), "INETSK");
    EXPECT_EQ(criu::name_of(entries->at(1).type), "UND");
    EXPECT_FALSE(criu::parse_fdinfo(head + record("\x08")));
    EXPECT_FALSE(criu::parse_fdinfo(files_head));
}

TEST(OpenFiles, bear_damage) {
    EXPECT_FALSE(criu::parse_files(""));
    EXPECT_FALSE(criu::parse_files(remap_head));
    EXPECT_TRUE(criu::parse_files(files_head)) << "no files at all";
    EXPECT_FALSE(criu::parse_files(files_head + record(field(3, "\x08"))));
    EXPECT_FALSE(criu::parse_files(files_head + std::string("\xff\xff\xff\xff\x08", 5)));
}
