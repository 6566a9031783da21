// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "relay.hpp"

#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include <gtest/gtest.h>

using namespace lpm;

namespace {

struct RelayTest : testing::Test {
    void SetUp() override {
        int pair[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        server = Fd(pair[0]);
        relay = sidecar::Relay::start(Fd(pair[1]), 10).value();
        client = relay->take();
    }
    // What comes within a second, up to the end of the stream; nothing when it has not ended.
    static std::string read(int fd, std::size_t size) {
        std::string all;
        for (pollfd ready{fd, POLLIN, 0}; all.size() < size && ::poll(&ready, 1, 1000) == 1;) {
            char bytes[64];
            const ssize_t got = ::recv(fd, bytes, sizeof bytes, 0);
            if (got <= 0)
                return all + "|";
            all.append(bytes, static_cast<std::size_t>(got));
        }
        return all;
    }
    static void write(int fd, std::string_view text) {
        ASSERT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }

    Fd server, client;
    std::unique_ptr<sidecar::Relay> relay;
};

} // namespace

TEST_F(RelayTest, hands_over_what_both_say) {
    write(client.get(), "a question of more than ten bytes");
    EXPECT_EQ(read(server.get(), 33), "a question of more than ten bytes");
    write(server.get(), "01234");
    EXPECT_EQ(read(client.get(), 5), "01234");
    write(server.get(), "56789");
    EXPECT_EQ(read(client.get(), 5), "56789");
    EXPECT_FALSE(relay->overflowed());
}

TEST_F(RelayTest, ends_when_too_much_has_come) {
    write(server.get(), "0123456789");
    EXPECT_EQ(read(client.get(), 10), "0123456789");
    write(server.get(), "x");
    EXPECT_EQ(read(client.get(), 1), "|");
    EXPECT_TRUE(relay->overflowed());
    EXPECT_EQ(read(server.get(), 1), "|") << "the other end hears of it";
}

TEST_F(RelayTest, ends_with_either) {
    client.reset();
    EXPECT_EQ(read(server.get(), 1), "|");
    SetUp();
    server.reset();
    EXPECT_EQ(read(client.get(), 1), "|");
    SetUp();
    relay.reset();
    EXPECT_EQ(read(client.get(), 1), "|");
    EXPECT_EQ(read(server.get(), 1), "|");
}
