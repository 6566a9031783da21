// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/log.hpp"

#include <gtest/gtest.h>

using namespace lpm;

TEST(CriuLog, finds_the_first_error_that_matters) {
    const auto error = criu::first_error("(00.001) Version: 4.1.1\n"
                                         "(00.002) Error (criu/util.c:1534): rlimit: Can't setup "
                                         "RLIMIT_NOFILE for self: Operation not permitted\n"
                                         "(00.150) Error (criu/sk-inet.c:190): inet: Connected TCP socket, "
                                         "consider using --tcp-established option.\n"
                                         "(00.160) Error (criu/cr-dump.c:1781): Dumping FAILED.\n");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, "TcpEstablished");
    EXPECT_EQ(error->message, "inet: Connected TCP socket, consider using --tcp-established option.");
    EXPECT_FALSE(error->remedy.empty());
}

TEST(CriuLog, reads_lines_without_a_time_and_from_the_restorer) {
    EXPECT_EQ(
        criu::first_error("Error (criu/util.c:642): execvp(\"ip6tables-restore\", ...) failed: x\n")->code,
        "NetworkLockTool");
    EXPECT_EQ(criu::first_error("pie: 12: Error (criu/pie/restorer.c:1): something new\n")->code,
              "CriuError");
}

TEST(CriuLog, takes_the_row_that_says_more) {
    EXPECT_EQ(
        criu::first_error("(00.1) Error (criu/files-ext.c:98): Can't dump file 9 of that type [600] (unknown "
                          "anon_inode:[io_uring])\n")
            ->code,
        "IoUring");
}

TEST(CriuLog, tells_a_program_from_a_standard_stream) {
    const auto code = [](const char* text) { return criu::first_error(text)->code; };
    EXPECT_EQ(code("(00.1) Error (criu/files-reg.c:9): Can't lookup mount=44 for fd=-3 path=/usr/bin/dash\n"),
              "FileOutsideMounts");
    EXPECT_EQ(code("(00.1) Error (criu/files-reg.c:9): Can't lookup mount=44 for fd=1 path=/var/log/x\n"),
              "StdioOutsideMounts");
}

TEST(CriuLog, knows_what_prlimit_may_not_read) {
    EXPECT_EQ(criu::first_error("(00.079027) Error (criu/cr-dump.c:371): Can't get rlimit 0: Operation not "
                                "permitted\n")
                  ->code,
              "Capabilities");
}

TEST(CriuLog, is_silent_about_a_good_log) {
    EXPECT_FALSE(criu::first_error(""));
    EXPECT_FALSE(
        criu::first_error("(00.1) Dumping finished successfully\n(00.2) Warn (x.c:1): no Error here\n"));
    EXPECT_FALSE(criu::first_error("Error (unfinished"));
}

TEST(CriuLog, blames_a_zombie_only_when_nothing_better_comes) {
    const std::string zombie = "(00.1) Error (criu/seize.c:335): zombie 12 (comm x) found while seizing\n";
    const std::string failed = "(00.2) Error (criu/cr-dump.c:1975): Dumping FAILED.\n";
    EXPECT_EQ(criu::first_error(zombie + zombie + failed).value().code, "Traced");
    EXPECT_EQ(criu::first_error(zombie).value().code, "Traced");
    EXPECT_EQ(criu::first_error(failed).value().code, "CriuError");
    EXPECT_EQ(
        criu::first_error(zombie + "(00.2) Error (criu/sk-inet.c:1): Unsupported proto 262\n").value().code,
        "Mptcp");
}
