// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/open_files.hpp"

#include "../support.hpp"

using namespace lpm;

namespace {

std::string record(std::string_view message) {
    const auto size = static_cast<std::uint32_t>(message.size());
    return std::string(reinterpret_cast<const char*>(&size), sizeof size) + std::string(message);
}

// A field of bytes: tag, length, content.
std::string field(unsigned number, std::string_view bytes) {
    std::string text(1, static_cast<char>(number << 3U | 2U));
    text += static_cast<char>(bytes.size());
    return text + std::string(bytes);
}

const std::string files_head("\x19\x43\x56\x54\x38\x31\x30\x56", 8);
const std::string remap_head("\x19\x43\x56\x54\x54\x39\x13\x59", 8);

} // namespace

TEST(OpenFiles, reads_regular_files) {
    // id 7, name, size 5, mode 0100644
    const std::string file =
        std::string("\x08\x07", 2) + field(6, "/data/log") + "\x40\x05" + "\x50\xa4\x83\x02";
    const auto files = criu::parse_files(files_head + record("\x08\x01\x10\x07" + field(3, file)) +
                                         record("\x08\x02\x10\x08"));
    ASSERT_TRUE(files) << files.error().text;
    ASSERT_EQ(files->files.size(), 1U);
    const auto& one = files->files[0];
    EXPECT_EQ(one.id, 7U);
    EXPECT_EQ(one.name, "/data/log");
    EXPECT_EQ(one.size, 5U);
    EXPECT_EQ(one.mode, 0100644U);
    EXPECT_FALSE(one.external);
}

TEST(OpenFiles, reads_sockets) {
    // AF_INET, stream, TCP, listening, port 8080, 127.0.0.1
    const std::string socket("\x18\x02\x20\x01\x28\x06\x30\x0a\x38\x90\x3f\x58\xff\x80\x80\x08", 16);
    const auto files = criu::parse_files(files_head + record(field(4, socket)));
    ASSERT_TRUE(files) << files.error().text;
    ASSERT_EQ(files->sockets.size(), 1U);
    const auto& one = files->sockets[0];
    EXPECT_EQ(one.family, 2U);
    EXPECT_EQ(one.protocol, 6U);
    EXPECT_EQ(one.state, 10U);
    EXPECT_EQ(one.port, 8080);
    EXPECT_EQ(one.address[0], 0x0100007fU);
    EXPECT_FALSE(one.freebind);
    EXPECT_EQ(one.peer_port, 0);
}

TEST(OpenFiles, reads_connections) {
    // inode 10, AF_INET, stream, TCP, established, port 80, peer port 1234, 127.0.0.1, peer 127.0.0.2
    const std::string socket("\x10\x0a\x18\x02\x20\x01\x28\x06\x30\x01\x38\x50\x40\xd2\x09\x58\xff\x80\x80"
                             "\x08\x60\xff\x80\x80\x10",
                             25);
    const auto files = criu::parse_files(files_head + record(field(4, socket)));
    ASSERT_TRUE(files) << files.error().text;
    ASSERT_EQ(files->sockets.size(), 1U);
    const auto& one = files->sockets[0];
    EXPECT_EQ(one.inode, 10U);
    EXPECT_EQ(one.peer_port, 1234);
    EXPECT_EQ(one.address[0], 0x0100007fU);
    EXPECT_EQ(one.peer[0], 0x0200007fU);
}

TEST(OpenFiles, reads_unix_sockets) {
    const auto named = field(11, std::string("/run/app\0", 9));
    const auto files =
        criu::parse_files(files_head + record(field(4, "")) +
                          record("\x82\x01" + std::string(1, static_cast<char>(named.size())) + named) +
                          record(std::string("\x82\x01\x05\x30\x03\x5a\x01/", 8)));
    ASSERT_TRUE(files) << files.error().text;
    ASSERT_EQ(files->unix_sockets.size(), 2U);
    EXPECT_EQ(files->unix_sockets[0].name, "/run/app");
    EXPECT_FALSE(files->unix_sockets[0].external);
    EXPECT_EQ(files->unix_sockets[1].name, "/");
    EXPECT_TRUE(files->unix_sockets[1].external);
}

TEST(OpenFiles, lie_on_mounts) {
    const std::string head("\x19\x43\x56\x54\x28\x39\x56\x55", 8);
    const std::string external = field(7, "./data") + std::string("\x68\x01", 2);
    const std::string keyed = field(7, "/etc/hosts") + std::string("\x92\x01\x02/k", 5);
    const auto mounts = criu::parse_mounts(head + record(field(7, "/")) + record(field(7, "./tmp/own")) +
                                           record(external) + record(keyed));
    ASSERT_TRUE(mounts) << mounts.error().text;
    ASSERT_EQ(mounts->size(), 4U);
    EXPECT_EQ((*mounts)[1].place, "/tmp/own");
    EXPECT_FALSE((*mounts)[1].external);
    EXPECT_EQ((*mounts)[2].place, "/data");
    EXPECT_TRUE((*mounts)[2].external);
    EXPECT_TRUE((*mounts)[3].external);
    EXPECT_EQ((*mounts)[3].key, "/k");
    EXPECT_FALSE(criu::parse_mounts(head + record("\x3a")));
    EXPECT_FALSE(criu::parse_mounts(remap_head));
}

TEST(OpenFiles, bear_damage) {
    EXPECT_FALSE(criu::parse_files(""));
    EXPECT_FALSE(criu::parse_files(remap_head));
    EXPECT_TRUE(criu::parse_files(files_head)) << "no files at all";
    EXPECT_FALSE(criu::parse_files(files_head + record(field(3, "\x08"))));
    EXPECT_FALSE(criu::parse_files(files_head + std::string("\xff\xff\xff\xff\x08", 5)));
    EXPECT_FALSE(criu::parse_remaps(files_head));
    EXPECT_EQ(criu::parse_remaps(remap_head + record("\x08\x05\x10\x06")).value(),
              std::vector<std::uint32_t>{5});
}

TEST(OpenFiles, tell_the_profile_of_a_process) {
    const std::string head("\x19\x43\x56\x54\x47\x38\x05\x55", 8);
    const std::string creds = field(10, "\x08\x07" + field(15, "crio-default"));
    const auto profile = criu::parse_lsm_profile(head + record("\x08\x01" + field(5, creds)));
    ASSERT_TRUE(profile) << profile.error().text;
    EXPECT_EQ(*profile, "crio-default");
    EXPECT_EQ(criu::parse_lsm_profile(head + record("\x08\x01")).value_or("?"), "");
    EXPECT_EQ(criu::parse_lsm_profile(data("images/core-1.img")).value_or("?"), "");
    EXPECT_FALSE(criu::parse_lsm_profile(head + record("\x08\x01\x2a\x05\x52")));
    EXPECT_FALSE(criu::parse_lsm_profile(head));
}

TEST(OpenFiles, tell_a_namespace_that_was_joined) {
    const std::string head("\x19\x43\x56\x54\x26\x73\x15\x61", 8);
    EXPECT_EQ(criu::parse_external_pids(head + record(field(1, "extRootPidNS"))).value_or("?"),
              "extRootPidNS");
    EXPECT_FALSE(criu::parse_external_pids(head));
    EXPECT_FALSE(criu::parse_external_pids(head + record("\x0a\x05x")));
}

TEST(OpenFiles, tell_the_machine_from_the_beginning_of_a_core) {
    EXPECT_EQ(criu::parse_machine(data("images/core-1.img").substr(0, 64)).value(), 1U);
    EXPECT_FALSE(criu::parse_machine(data("images/core-1.img").substr(0, 12)));
    EXPECT_FALSE(criu::parse_machine(data("images/pstree.img")));
}
