// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "convert_processes.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "../node/made_archive.hpp"
#include "convert.hpp"
#include "node/archive.hpp"

using namespace lpm;

static constexpr auto go_on = [] { return Result<>(); };
static constexpr std::uint32_t page = 4096;
static constexpr std::uint32_t first = 65536; // address of the first page

static std::string head_of(const char* magic) {
    return std::string("\x19\x43\x56\x54", 4) + std::string(magic, 4);
}
static const std::string pstree_head = head_of("\x30\x30\x27\x50");
static const std::string mm_head = head_of("\x20\x28\x49\x57");
static const std::string ids_head = head_of("\x30\x20\x43\x54");
static const std::string fdinfo_head = head_of("\x32\x37\x21\x56");

static std::string pstree_of(std::uint32_t count) {
    std::string image = pstree_head;
    for (std::uint32_t pid = 1; pid <= count; ++pid)
        image += ::record(field(1, pid) + field(2, pid == 1 ? 0U : 1U) + field(3, 1U) + field(4, 1U) +
                          field(5, pid));
    return image;
}

static std::string mm_of(std::uint32_t arg_end, std::uint32_t env_end) {
    return mm_head + ::record(field(8, first) + field(9, arg_end) + field(10, arg_end) + field(11, env_end));
}

static node::v1::InspectArchiveResponse answer_of(const std::vector<std::string>& parts,
                                                  bool environment = true) {
    const Fd file = file_of(tar_of(parts));
    const auto archive = lpm::node::read_archive(file.get(), lpm::node::Depth::processes, go_on);
    EXPECT_TRUE(archive);
    node::v1::InspectArchiveResponse response;
    sidecar::convert(*archive, response);
    EXPECT_TRUE(sidecar::add_memory(file.get(), archive->images, environment, go_on, response));
    return response;
}

static std::vector<std::string> with_text(const std::string& text, std::uint32_t arg_size) {
    std::string pages = text;
    pages.resize((text.size() + page - 1) / page * page, 'x');
    const auto count = static_cast<std::uint32_t>(pages.size() / page);
    return {tar_part("checkpoint/pstree.img", pstree_of(1)),
            tar_part("checkpoint/mm-1.img",
                     mm_of(first + arg_size, first + static_cast<std::uint32_t>(text.size()))),
            tar_part("checkpoint/pagemap-1.img", pagemap_of(1, page_run(first, count, 4))),
            tar_part("checkpoint/pages-1.img", pages)};
}

using Texts = std::vector<std::string>;
static Texts texts(const google::protobuf::RepeatedPtrField<std::string>& from) {
    return {from.begin(), from.end()};
}

TEST(Inspect, reads_arguments_and_who_may_the_environment) {
    const auto parts = with_text(std::string("sh\0\0-c\0A=b\0\xff\0", 13), 7);
    const auto all = answer_of(parts);
    ASSERT_EQ(all.processes_size(), 1);
    EXPECT_EQ(texts(all.processes(0).arguments()), (Texts{"sh", "", "-c"}));
    EXPECT_EQ(texts(all.processes(0).environment()), (Texts{"A=b", "\xef\xbf\xbd"}));
    EXPECT_EQ(answer_of(parts, false).processes(0).environment_size(), 0);
}

TEST(Inspect, tells_what_is_too_long) {
    const std::string text = "sh" + std::string(1, '\0') + std::string(100'000, 'y');
    const auto found = answer_of(with_text(text, 3));
    const auto& process = found.processes(0);
    EXPECT_EQ(texts(process.arguments()), Texts{"sh"});
    ASSERT_EQ(process.environment_size(), 1);
    EXPECT_EQ(process.environment(0).size(), 65536U);
    EXPECT_NE(texts(process.unread()).back().find("environment: more than 64 KiB"), std::string::npos);
}

TEST(Inspect, has_no_answer_that_a_client_cannot_take) {
    constexpr std::uint32_t many = 2000;
    std::string descriptors = fdinfo_head;
    for (std::uint32_t i = 0; i < 2000; ++i)
        descriptors += ::record(field(1, i) + field(2, 0U) + field(3, 6U) + field(4, i));
    std::vector<std::string> parts = {tar_part("checkpoint/pstree.img", pstree_of(many)),
                                      tar_part("checkpoint/fdinfo-1.img", descriptors),
                                      tar_part("checkpoint/files.img", files_head),
                                      tar_part("checkpoint/pages-1.img", std::string(65536, '\xff'))};
    for (std::uint32_t pid = 1; pid <= many; ++pid) {
        const std::string end = "-" + std::to_string(pid) + ".img";
        parts.push_back(tar_part("checkpoint/ids" + end, ids_head + ::record(field(2, 1U))));
        parts.push_back(tar_part("checkpoint/mm" + end, mm_of(17 * page, 32 * page)));
        parts.push_back(
            tar_part("checkpoint/pagemap" + end, pagemap_of(1, page_run(first, 16, pid == 1 ? 4 : 0))));
    }
    const auto found = answer_of(parts);
    EXPECT_LT(found.ByteSizeLong(), std::size_t{7} << 19);
    EXPECT_NE(texts(found.left_out()), Texts{});
    EXPECT_GT(found.processes(0).descriptors_size(), 0);
}

TEST(Inspect, tells_of_processes_that_it_cannot_read) {
    const auto none = answer_of({tar_part("checkpoint/inventory.img", "x")});
    EXPECT_NE(none.left_out(0).find("processes: pstree.img is missing"), std::string::npos);
    const auto bare = answer_of({tar_part("checkpoint/pstree.img", pstree_of(1) + pstree_of(1).substr(8))});
    ASSERT_EQ(bare.processes_size(), 1) << "no two have one number";
    EXPECT_EQ(bare.processes(0).unread_size(), 4); // name, descriptors, folders, arguments
    EXPECT_EQ(bare.processes(0).state(), "");
}

static node::v1::ArchiveDescriptor described(criu::FdType type, const std::string& file) {
    const std::string image = files_head + ::record(field(2, 5U) + file);
    node::v1::ArchiveDescriptor to;
    EXPECT_TRUE(sidecar::convert({.id = 5, .type = type, .fd = 3}, criu::FileTable::open(image), to));
    EXPECT_EQ(to.number(), 3U);
    return to;
}

TEST(Inspect, names_what_a_process_has_open) {
    EXPECT_EQ(described(criu::FdType::reg, field(3, field(6, "/data/\xff"))).path(), "/data/\xef\xbf\xbd");
    EXPECT_EQ(described(static_cast<criu::FdType>(6), "").path(), "EVENTFD.5");
    const auto tcp =
        described(criu::FdType::inetsk,
                  field(4, field(3, AF_INET) + field(4, 1U) + field(5, 6U) + field(6, 10U) + field(7, 80U) +
                               field(11, ntohl(0x7f000001)) + field(14, field(2, 9U))));
    EXPECT_EQ(tcp.path(), "INETSK.5");
    EXPECT_EQ(tcp.socket().family() + tcp.socket().type() + tcp.socket().protocol(), "INETSTREAMTCP");
    EXPECT_EQ(tcp.socket().state(), "LISTEN");
    EXPECT_EQ(tcp.socket().source(), "127.0.0.1");
    EXPECT_EQ(tcp.socket().source_port(), 80U);
    EXPECT_EQ(tcp.socket().receive_buffer(), 9U);
    std::string words;
    for (const std::uint32_t word : {htonl(0xfd000000), 0U, 0U, htonl(7)})
        words += field(11, word);
    const auto udp = described(criu::FdType::inetsk, field(4, field(3, AF_INET6) + field(4, 2U) +
                                                                  field(5, 99U) + field(6, 77U) + words));
    EXPECT_EQ(udp.socket().source(), "fd00::7");
    EXPECT_EQ(udp.socket().protocol(), "99");
    EXPECT_EQ(udp.socket().state(), "");
    criu::FdinfoEntry missing{.id = 6, .type = criu::FdType::pipe, .fd = 4};
    node::v1::ArchiveDescriptor to;
    EXPECT_FALSE(sidecar::convert(missing, criu::FileTable::open(files_head), to));
    EXPECT_EQ(to.type(), "PIPE");
}

TEST(Inspect, shows_abstract_addresses_as_ss_does) {
    const std::string socket =
        field(2, 7U) + field(3, 2U) + field(8, 8U) + field(11, std::string("\0a\0b", 4));
    std::string file = field(0, socket); // number 16 takes two bytes
    file = "\x82\x01" + file.substr(1);
    const auto found = described(criu::FdType::unixsk, file);
    EXPECT_EQ(found.path(), "unix[7 (8) @a@b]");
    EXPECT_EQ(found.socket().source(), "@a@b");
    EXPECT_EQ(found.socket().type(), "DGRAM");
}
