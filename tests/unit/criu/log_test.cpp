// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/log.hpp"

#include <string>
#include <utility>

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
    EXPECT_EQ(code("(00.1) Error (criu/files-reg.c:9): Can't lookup mount=44 for fd=3 path=/lpm\n"),
              "FileOutsideMounts");
}

TEST(CriuLog, knows_what_criu_says_of_queues_and_what_waits_in_them) {
    const auto code = [](const char* text) { return criu::first_error(text)->code; };
    EXPECT_EQ(code("(00.1) Error (criu/filesystems.c:650): mqueue isn't empty\n"), "MessageQueue");
    EXPECT_EQ(code("(00.1) Error (criu/pipes.c:490): The packetized mode for pipes is not supported yet\n"),
              "PacketPipe");
    EXPECT_EQ(code("(00.1) Error (criu/sk-unix.c:525): unix: Found a closed in-flight socket to 0x12b33b0\n"),
              "UnixInFlight");
    EXPECT_EQ(code("(00.1) Error (criu/sk-inet.c:504): inet: Can't dump corked dgram socket 12aeb9b\n"),
              "UdpCorked");
}

TEST(CriuLog, tells_why_a_process_could_not_be_seized) {
    const auto code = [](const std::string& text) { return criu::first_error(text)->code; };
    const std::string line =
        "(00.1) Error (compel/src/lib/infect.c:262): Unseizable non-zombie 12 found, state ";
    EXPECT_EQ(code("(10.1) Error (criu/cr-dump.c:1655): Timeout reached. Try to interrupt: 0\n" + line +
                   "D, err -1/4\n"),
              "FreezeStuck");
    EXPECT_EQ(code(line + "S, err -1/10\n"), "CannotSeize");
    EXPECT_EQ(code("(00.1) Error (criu/seize.c:335): zombie 12 (comm x) found while seizing\n" + line +
                   "S, err -1/10\n"),
              "Traced");
    EXPECT_EQ(code("(00.1) Error (criu/cr-dump.c:669): Can't make VM id for 3131\n"), "MemoryShared");
    EXPECT_EQ(code("(00.1) Error (criu/cr-dump.c:1550): Dump eventpoll (pid: 12) failed with -1\n"),
              "EpollTarget");
}

TEST(CriuLog, knows_a_process_that_ended_while_it_was_traced) {
    constexpr const char* lines[] = {
        "(00.06) Error (compel/src/lib/infect.c:1620): Task 143 is in unexpected state: 9\n",
        "(01.41) Error (criu/namespaces.c:1163): Namespaces dumping finished with error 9\n",
        ("(01.41) Error (criu/cr-dump.c:1): si_code=2 si_pid=143 si_status=9\n"
         "(01.41) Error (criu/cr-dump.c:1): 143 was killed by 9 unexpectedly: Killed\n"),
        "(01.41) Error (criu/cr-dump.c:1): si_code=1 si_pid=143 si_status=0\n",
    };
    for (const auto* line : lines)
        EXPECT_EQ(criu::first_error(line)->code, "ProcessEnded") << line;
    // One that was stopped is there still, and a helper of CRIU's that failed is none of the container's.
    EXPECT_EQ(criu::first_error("(00.06) Error (x.c:1): Task 143 is in unexpected state: 137f\n")->code,
              "CriuError");
    EXPECT_EQ(criu::first_error("(00.06) Error (x.c:1): si_code=5 si_pid=143 si_status=19\n")->code,
              "CriuError");
    EXPECT_EQ(criu::first_error("(00.06) Error (x.c:1): Namespaces dumping finished with error 256\n")->code,
              "CriuError");
}

TEST(CriuLog, knows_secret_memory_open_or_mapped) {
    EXPECT_EQ(criu::first_error("(00.1) Error (criu/files-reg.c:1790): Can't lookup mount=15 for fd=3 "
                                "path=/secretmem (deleted)\n")
                  ->code,
              "AnonInode");
    EXPECT_EQ(criu::first_error(
                  "(00.1) Error (criu/proc_parse.c:502): Unknown shit 100600 (/secretmem (deleted))\n")
                  ->code,
              "AnonInode");
}

TEST(CriuLog, knows_what_prlimit_may_not_read) {
    EXPECT_EQ(criu::first_error("(00.079027) Error (criu/cr-dump.c:371): Can't get rlimit 0: Operation not "
                                "permitted\n")
                  ->code,
              "Capabilities");
}

TEST(CriuLog, tells_a_limit_from_a_number_that_is_taken) {
    const std::string line = "(00.03) Error (criu/cr-restore.c:1237): Can't fork for 2: ";
    EXPECT_EQ(criu::first_error(line + "File exists\n")->code, "PidTaken");
    EXPECT_EQ(criu::first_error(line + "Resource temporarily unavailable\n")->code, "PidsLimit");
}

TEST(CriuLog, is_silent_about_a_good_log) {
    EXPECT_FALSE(criu::first_error(""));
    EXPECT_FALSE(
        criu::first_error("(00.1) Dumping finished successfully\n(00.2) Warn (x.c:1): no Error here\n"));
    EXPECT_FALSE(criu::first_error("Error (unfinished"));
}

TEST(CriuLog, blames_what_comes_after_a_helper_that_ended) {
    const std::string ended = "(00.1) Error (criu/util.c:643): exited, status=2\n";
    const std::string failed = "(00.2) Error (criu/cr-dump.c:1975): Dumping FAILED.\n";
    EXPECT_EQ(criu::first_error(ended + "(00.1) Error (criu/net.c:1): iptables-restore failed\n" + failed)
                  .value()
                  .code,
              "NetworkLockTool");
    EXPECT_EQ(
        criu::first_error(ended + "(00.1) Error (criu/net.c:1): Locking network failed\n").value().message,
        "Locking network failed");
    EXPECT_EQ(criu::first_error(ended + failed).value().message, "exited, status=2");
    const std::string tmpfs = ended + "(00.1) Error (criu/filesystems.c:426): Can't dump tmpfs content\n";
    EXPECT_EQ(criu::first_error(tmpfs +
                                "(00.1) Error (criu/bfd.c:131): bfd: Error flushing image: No space left "
                                "on device\n" +
                                failed)
                  .value()
                  .code,
              "DiskSpace");
    EXPECT_EQ(criu::first_error(tmpfs + failed).value().message, "Can't dump tmpfs content");
    EXPECT_EQ(criu::first_error(ended).value().code, "CriuError");
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

TEST(CriuLog, knows_what_restores_fail_of) {
    constexpr std::pair<const char*, const char*> rows[] = {
        {"Img trimmed 12/40", "ImageIncomplete"},
        {"Head magic doesn't match for /images/pstree.img", "ImageIncomplete"},
        {"Magic doesn't match for /images/core-1.img", "ImageIncomplete"},
        {"Not supported images version 3", "ImageVersion"},
        {"Core march mismatch 3", "ArchMismatch"},
        {"cpu: CPU xsave size mismatch (2696/832)", "CpuMismatch"},
        {"cpu: CPU xfeatures has unsupported bits (0x2e7)", "CpuMismatch"},
        {"cpu: CPU instruction capabilities do not match run time", "CpuMismatch"},
        {"Can't set FPU registers for 12: Invalid argument", "CpuMismatch"},
        {"Task had vdso, restorer doesn't", "KernelOlder"},
        {"Need to set the --tcp-close options.", "TcpOptionMissing"},
        {"Dumped with --allow-uprobes. Need to set it on restore as well.", "Uprobes"},
        {"inet: Connected TCP socket in image", "TcpOptionMissing"},
        {"inet: Can't bind inet socket (id 4): Cannot assign requested address", "AddressMissing"},
        {"inet: Can't connect inet socket back: Invalid argument", "AddressMissing"},
        {"inet: Can't bind inet socket (id 4): Address already in use", "AddressInUse"},
        {"Can't bind transport socket /crtools-fd-1-x: Address already in use", "AddressInUse"},
        {"File var/log/x has bad size 18 (expect 12)", "FileChanged"},
        {"File var/log/x has bad mode 0100600 (expect 0100644)", "FileChanged"},
        {"File bin/x has bad build-ID", "FileChanged"},
        {"files-reg: Can't open file var/log/x on restore: No such file or directory", "FileMissing"},
        {"mnt: No mapping for 1171:(null) mountpoint", "MountMissing"},
        {"mnt: Can't mount at ./etc/hosts: Not a directory", "MountMissing"},
        {"mnt: Can't parse 30668's mountinfo", "RootChanged"},
        {"mnt-v2: Can't re-create deleted file /srv/x: File exists", "MountDeleted"},
        {"sys_prctl(PR_SET_MM, PR_SET_MM_MAP) failed with -13", "ProgramMode"},
        {"Unable to map ANON_VMA: Operation not permitted", "ProgramMode"},
        {"Pid 40 do not match expected 12", "PidTaken"},
        {"Can't fork for 12: File exists", "PidTaken"},
        {"Thread pid mismatch 40/12", "PidTaken"},
        {"Unable to restore into an empty PID namespace", "PidNamespaceMissing"},
        {"Current sid 12 intersects with pid (5) in images", "SessionTaken"},
        {"mismatched lsm types and lsm profile specified", "LsmMismatch"},
        {"can't write lsm profile -13", "LsmMismatch"},
        {"Can't create ghost regfile x: File exists", "RestoredTwice"},
    };
    for (const auto& [text, code] : rows) {
        const auto error = criu::first_error("(00.1) Error (criu/x.c:1): " + std::string(text) + "\n");
        ASSERT_TRUE(error) << text;
        EXPECT_EQ(error->code, code) << text;
    }
}

TEST(CriuLog, knows_what_an_earlier_failure_has_left) {
    const auto code = [](std::string text) {
        return criu::first_error("(00.1) Error (x.c:1): " + text)->code;
    };
    EXPECT_EQ(code("Locking network failed using nftables\n"), "NetworkLockHeld");
    EXPECT_EQ(code("Locking network failed: iptables-restore returned 1. This may be\n"), "NetworkLockTool");
    EXPECT_EQ(code("Can't turn TCP repair mode ON: Operation not permitted\n"), "Capabilities");
}

TEST(CriuLog, sees_that_nobody_wrote_the_end) {
    const std::string begin = "(00.000022) Version: 4.1.1 (gitid 0)\n(00.2) Dumping pages\n";
    EXPECT_TRUE(criu::cut_short(begin));
    EXPECT_TRUE(criu::cut_short(begin + "(00.3) Dumping fin"));
    EXPECT_FALSE(criu::cut_short(begin + "(00.3) Dumping finished successfully\n"));
    EXPECT_FALSE(criu::cut_short(begin + "(00.3) Error (criu/cr-dump.c:1781): Dumping FAILED.\n"));
    EXPECT_FALSE(criu::cut_short(begin + "(00.3) Error (criu/cr-restore.c:1): Restoring FAILED.\n"));
    EXPECT_FALSE(criu::cut_short(""));
    EXPECT_FALSE(criu::cut_short("Error (x.c:1): Can't parse\n"));
}

TEST(CriuLog, tells_whose_dump_it_is) {
    EXPECT_EQ(criu::dump_run_id("(00.0) CRIU run id = 0616\n(00.0) CRIU run id = 0d57\n(00.1) x\n"), "0d57");
    EXPECT_EQ(criu::dump_run_id("(00.0) CRIU run id = 0616\n(00.1) Dump CRIU run id = aaaa\n"), "aaaa");
    EXPECT_EQ(criu::dump_run_id("(00.1) nothing\n"), "");
}
