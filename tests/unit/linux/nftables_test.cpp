// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/nftables.hpp"

#include <cerrno>
#include <gtest/gtest.h>

#include "linux/netlink.hpp"

using namespace lpm;

// Messages as Linux 6.18 sends them: head (length, type NEWCHAIN, flags, sequence, port), nfgenmsg (family,
// version, id), attributes of 4 + text bytes.
static std::string chain(char family, const std::string& table, const std::string& name) {
    std::string attributes;
    for (const auto& [type, text] : {std::pair{'\x01', table}, std::pair{'\x03', name}}) {
        attributes += static_cast<char>(4 + text.size() + 1);
        attributes += '\0';
        attributes += type;
        attributes += '\0';
        attributes += text + '\0';
        attributes.resize((attributes.size() + 3) / 4 * 4, '\0');
    }
    std::string message;
    message += static_cast<char>(16 + 4 + attributes.size());
    message += std::string("\0\0\0\x03\x0a\x02\0\0\0\0\0\0\0\0\0", 15);
    message += family;
    message += std::string("\0\0\x07", 3);
    return message + attributes;
}

TEST(Nftables, reads_chains) {
    std::vector<FilterChain> chains;
    EXPECT_TRUE(parse_filter_chains(chain(1, "CRIU-0d57", "output") + chain(2, "filter", "CRIU"), chains));
    ASSERT_EQ(chains.size(), 2U);
    EXPECT_EQ(chains[0].family, 1); // NFPROTO_INET
    EXPECT_EQ(chains[0].table, "CRIU-0d57");
    EXPECT_EQ(chains[0].name, "output");
    EXPECT_EQ(chains[1].family, 2);
    EXPECT_EQ(chains[1].table, "filter");
    EXPECT_EQ(chains[1].name, "CRIU");
}

TEST(Nftables, stops_at_the_last_answer_and_survives_half_of_one) {
    std::vector<FilterChain> chains;
    const std::string done("\x14\0\0\0\x03\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    EXPECT_FALSE(parse_filter_chains(done, chains));
    EXPECT_FALSE(parse_filter_chains("", chains));
    const std::string whole = chain(1, "table", "name");
    for (std::size_t size = 1; size < whole.size(); ++size)
        EXPECT_TRUE(parse_filter_chains(whole.substr(0, size), chains));
    EXPECT_TRUE(chains.empty());
}

TEST(Nftables, tells_an_error_from_the_end_of_the_list) {
    const std::string rest(8, '\0'); // sequence and port
    const auto message = [&](char type, char flags, std::string code) {
        return std::string("\x14\0\0\0", 4) + type + '\0' + flags + '\0' + rest + std::move(code);
    };
    const std::string none(4, '\0');
    const std::string denied("\xff\xff\xff\xff", 4); // -EPERM
    EXPECT_EQ(netlink::error_of(message(3, 2, none)), 0) << "the end";
    EXPECT_EQ(netlink::error_of(message(2, 0, none)), 0) << "an acknowledgement";
    EXPECT_EQ(netlink::error_of(message(2, 0, denied)), EPERM);
    EXPECT_EQ(netlink::error_of(message(3, 2, denied)), EPERM) << "a list that broke off";
    EXPECT_EQ(netlink::error_of(message(3, 0x12, none)), EINTR) << "a list that changed meanwhile";
    EXPECT_EQ(netlink::error_of(chain(1, "a", "b") + message(2, 0, denied)), EPERM);
    EXPECT_EQ(netlink::error_of(message(2, 0, std::string("\0\0\0\x80", 4))), 4095) << "of no number";
    const std::string whole = message(2, 0, denied);
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(netlink::error_of(whole.substr(0, size)), 0);
}
