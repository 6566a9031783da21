// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "gate.hpp"

#include <sys/socket.h>
#include <thread>

#include <gtest/gtest.h>

using namespace lpm;
using namespace std::chrono_literals;
using sidecar::ArchiveTurns;
using sidecar::most_of_archives;

namespace {

struct Connection {
    Fd ours, theirs;
};

Connection connection() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    return {Fd(pair[0]), Fd(pair[1])};
}

std::string refusal(ArchiveTurns& turns, std::chrono::milliseconds wait) {
    const auto taken = turns.take(Deadline(wait));
    return taken ? "" : taken.error().text;
}

} // namespace

TEST(ArchiveTurns, are_so_many_at_once) {
    ArchiveTurns turns;
    for (std::size_t i = 0; i < most_of_archives; ++i)
        EXPECT_EQ(refusal(turns, 0ms), "");
    EXPECT_NE(refusal(turns, 1ms).find("too many"), std::string::npos);
    std::jthread other([&] { turns.give(Fd()); });
    EXPECT_EQ(refusal(turns, 10s), "");
}

TEST(ArchiveTurns, are_kept_by_what_does_not_end) {
    ArchiveTurns turns;
    std::vector<Connection> processes;
    for (std::size_t i = 0; i < most_of_archives; ++i) {
        ASSERT_EQ(refusal(turns, 0ms), "");
        processes.push_back(connection());
        turns.give(std::move(processes.back().ours));
    }
    EXPECT_NE(refusal(turns, 10s).find("do not end"), std::string::npos) << "at once";
    processes[3].theirs.reset();
    EXPECT_EQ(refusal(turns, 0ms), "") << "one has ended";
    EXPECT_NE(refusal(turns, 1ms), "");
    ASSERT_EQ(::send(processes[4].theirs.get(), "x", 1, 0), 1);
    EXPECT_EQ(refusal(turns, 0ms), "") << "one has answered, too late";
}

TEST(ArchiveTurns, come_by_themselves_when_one_that_is_kept_ends) {
    ArchiveTurns turns;
    Connection kept = connection();
    for (std::size_t i = 0; i < most_of_archives; ++i)
        ASSERT_EQ(refusal(turns, 0ms), "");
    turns.give(std::move(kept.ours));
    std::jthread other([&] {
        std::this_thread::sleep_for(100ms);
        kept.theirs.reset();
    });
    EXPECT_EQ(refusal(turns, 10s), "");
}
