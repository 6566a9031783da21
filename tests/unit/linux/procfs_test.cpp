// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/procfs.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/file.hpp"

using namespace lpm;
using Pids = std::vector<pid_t>;

TEST(Procfs, reads_a_command_name_with_brackets_and_spaces) {
    const auto stat =
        procfs::parse_stat("7 (a) R 1) b) S 1 8 9 34816 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4711 8192 0");
    ASSERT_TRUE(stat) << stat.error().text;
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->parent, 1);
    EXPECT_EQ(stat->group, 8);
    EXPECT_EQ(stat->session, 9);
    EXPECT_EQ(stat->terminal, 34816);
    EXPECT_EQ(stat->start, 4711U);
    EXPECT_EQ(stat->size, 8192U);
    // A name may hold a newline.
    EXPECT_EQ(procfs::parse_stat("7 (a\nb) Z 0 -1 -1 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 5").value().group, -1);
    for (const char* bad : {"", "7 (a", "7 (a)", "7 (a) SS 1 7 7 0", "7 (a) S 1 2",
                            "7 (a) S x 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 5",
                            "7 (a) S 1 7 7 9999999999 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 5",
                            "7 (a) S 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 x",
                            "7 (a) S 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 99999999999999999999"})
        EXPECT_FALSE(procfs::parse_stat(bad)) << bad;
}

TEST(Procfs, reads_status) {
    const auto status = procfs::parse_status(
        "Name:\twe ird\t\\n\\\\)\nUmask:\t0022\nState:\tt (tracing stop)\nTgid:\t70\nPid:\t70\nPPid:\t1\n"
        "TracerPid:\t44\nUid:\t0\t101\t4294967294\t7\nGid:\t1\t2\t3\t4\nGroups:\t "
        "\nNStgid:\t70\t8\t1\nNSpid:\t70\t8\t1\nNSpgid:\t0\t0\t1\nNSsid:\t0\t0\t1\n"
        "RssAnon:\t     116 "
        "kB\nThreads:\t12\nCapPrm:\t0000000000000000\nCapEff:\t000001fffeffffff\nSeccomp:\t2\n"
        "Seccomp_filters:\t1\nCpus_allowed:\t10f\nCpus_allowed_list:\t0-3,8\n");
    EXPECT_EQ(status.cpus, "0-3,8");
    EXPECT_EQ(status.name, "we ird\t\\n\\\\)");
    EXPECT_EQ(status.state, 't');
    EXPECT_EQ(status.tracer, 44);
    EXPECT_EQ(status.threads, 12U);
    EXPECT_EQ(status.ns_pids, (Pids{70, 8, 1}));
    EXPECT_EQ(status.ns_sids, (Pids{0, 0, 1}));
    EXPECT_EQ(status.users, (procfs::Ids{0, 101, 4294967294}));
    EXPECT_EQ(status.groups, (procfs::Ids{1, 2, 3}));
    EXPECT_EQ(status.seccomp, 2);
    EXPECT_EQ(status.cap_eff, 0x1fffeffffffULL);
    EXPECT_EQ(status.memory.anon, 116U * 1024);
}

TEST(Procfs, keeps_the_defaults_for_lines_of_status_that_are_broken) {
    for (const char* text :
         {"", "\n\n\n", "Name", "junk", ":::", "State:\nTracerPid:\nThreads:\nNSpid:\nCapEff:\nSeccomp:",
          "State:\tSS\nTracerPid:\t-\nThreads:\t-1\nNSpid:\t1\tx\nCapEff:\txyz\nSeccomp:\t1.5\n",
          "TracerPid:\t99999999999\nThreads:\t99999999999\nNSpid:\t1\t99999999999\nNSsid:\t\n"
          "CapEff:\t10000000000000000\nSeccomp:\t99999999999\n",
          "Uid:\t5\t6\nGid:\t5\t6\t4294967296\t8\n", " TracerPid:\t1\nThreads\t4\n"}) {
        const auto status = procfs::parse_status(text);
        EXPECT_EQ(status.state, '?') << text;
        EXPECT_EQ(status.tracer, 0) << text;
        EXPECT_EQ(status.threads, 0U) << text;
        EXPECT_EQ(status.ns_pids, Pids{}) << text;
        EXPECT_EQ(status.ns_sids, Pids{}) << text;
        EXPECT_EQ(status.cap_eff, 0U) << text;
        EXPECT_EQ(status.users, procfs::Ids{}) << text;
        EXPECT_EQ(status.groups, procfs::Ids{}) << text;
        EXPECT_EQ(status.seccomp, 0) << text;
    }
    EXPECT_EQ(procfs::parse_status("Name:\t\n").name, "");
    EXPECT_EQ(procfs::parse_status("Name:\t " + std::string(1 << 20, 'x')).name.size(), (1U << 20) + 1);
    EXPECT_EQ(procfs::parse_status("Threads:\t3").threads, 3U); // the last newline is missing
}

TEST(Procfs, sums_memory_in_bytes) {
    const auto memory =
        procfs::parse_status(
            "Name:\tx\nRssAnon:\t     12 kB\nRssShmem:\t 3 kB\nVmSwap:\t1 kB\nRssFile:\t9 kB\n")
            .memory;
    EXPECT_EQ(memory.anon, 12U * 1024);
    EXPECT_EQ(memory.shmem, 3U * 1024);
    EXPECT_EQ(memory.swap, 1024U);
    // Neither what does not fit into 64 bits as KiB, nor what does not as bytes.
    for (const char* kib : {"99999999999999999999", "18014398509481984", "-1", ""})
        EXPECT_EQ(procfs::parse_status("RssAnon:\t" + std::string(kib) + " kB\n").memory.anon, 0U) << kib;
    EXPECT_EQ(procfs::parse_status("RssAnon:\t18014398509481983 kB\n").memory.anon, UINT64_MAX - 1023);
}

TEST(Procfs, reads_itself) {
    const auto stat = procfs::read_stat(::getpid()).value();
    EXPECT_EQ(stat.state, 'R');
    EXPECT_EQ(stat.parent, ::getppid());
    EXPECT_EQ(stat.group, ::getpgrp());
    EXPECT_EQ(stat.session, ::getsid(0));
    std::array<char, 16> old{};
    ASSERT_EQ(::prctl(PR_GET_NAME, old.data()), 0);
    ASSERT_EQ(::prctl(PR_SET_NAME, "a (b\n) \\"), 0);
    const auto status = procfs::read_status(::getpid()).value();
    const auto named = procfs::read_stat(::getpid());
    ASSERT_EQ(::prctl(PR_SET_NAME, old.data()), 0);
    EXPECT_EQ(status.name, "a (b\\n) \\\\");
    EXPECT_EQ(named.value().start, stat.start);
    EXPECT_EQ(status.state, 'R');
    EXPECT_GE(status.threads, 1U);
    ASSERT_FALSE(status.ns_pids.empty());
    EXPECT_EQ(status.ns_pids.back(), ::getpid());
    EXPECT_EQ(status.ns_sids.size(), status.ns_pids.size());
    EXPECT_GT(procfs::read_status(::getpid()).value().memory.anon, 0U);
}

TEST(Procfs, reads_available_memory) {
    EXPECT_EQ(procfs::parse_available_memory("MemFree: 1 kB\nMemAvailable:  7 kB\nBuffers: 2 kB\n").value(),
              7168U);
    for (const char* text : {"", "MemAvailable:", "MemAvailable: x kB\n", "MemFree: 1 kB\n",
                             "MemAvailable: 18446744073709551615 kB\n"})
        EXPECT_EQ(procfs::parse_available_memory(text).error().code, Errc::absent) << text;
    EXPECT_GT(procfs::read_available_memory().value(), 0U);
}

TEST(Procfs, reads_links) {
    const auto link = procfs::read_proc_link(0, "ns/net").value();
    EXPECT_TRUE(link.starts_with("net:[") && link.ends_with("]")) << link;
    EXPECT_EQ(procfs::read_proc_link(0, "cwd").value().front(), '/');
    EXPECT_EQ(procfs::read_proc_link(0, "status").error().code, Errc::invalid); // not a link
    EXPECT_EQ(procfs::read_proc_link(0, "absent").error().code, Errc::absent);
}

TEST(Procfs, finds_variables) {
    const std::string_view variables("XPATH=/x\0PATH\0PATH=/bin:/sbin\0PATH=/second\0HOME=\0LAST=cut", 57);
    EXPECT_EQ(procfs::find_variable(variables, "PATH"), "/bin:/sbin");
    EXPECT_EQ(procfs::find_variable(variables, "HOME"), "");
    EXPECT_EQ(procfs::find_variable(variables, "LAST"), "cut");
    EXPECT_EQ(procfs::find_variable(variables, "ATH"), "");
    EXPECT_EQ(procfs::find_variable("", "PATH"), "");
}

TEST(Procfs, tells_namespaces_apart) {
    const auto own = procfs::read_namespace(0, "net");
    ASSERT_TRUE(own) << own.error().text;
    EXPECT_EQ(*own, procfs::read_namespace(::getpid(), "net").value());
    EXPECT_NE(*own, procfs::read_namespace(0, "pid").value());
    const auto none = procfs::read_namespace(0, "none");
    ASSERT_FALSE(none);
    EXPECT_TRUE(procfs::is_gone(none.error()));
}

TEST(Procfs, says_when_a_process_is_gone) {
    static constexpr pid_t nobody = 0x7fffffff; // above every pid_max
    EXPECT_EQ(procfs::read_stat(nobody).error().code, Errc::absent);
    EXPECT_EQ(procfs::read_status(nobody).error().code, Errc::absent);
}

TEST(Procfs, reads_children_or_none_of_a_broken_line) {
    EXPECT_EQ(procfs::parse_children("12 1300 7 \n"), (std::vector<pid_t>{12, 1300, 7}));
    EXPECT_TRUE(procfs::parse_children("").empty());
    EXPECT_TRUE(procfs::parse_children("12 x").empty());
}

TEST(Procfs, reads_segments_of_the_running_kernel) {
    const auto text = read_file(AT_FDCWD, "/proc/sysvipc/shm", 1 << 20);
    ASSERT_TRUE(text);
    const auto segments = procfs::parse_segments(
        *text + "         0          5  1600                 65536     1     1      0     0     0     0     0"
                "          0          0 1764276000                 61440                  4096\n"
                "         0          x  1600                 65536     1     1      0     0     0     0     0"
                "          0          0 1764276000                 61440                  4096\n");
    ASSERT_FALSE(segments.empty());
    EXPECT_EQ(segments.back().id, 5U);
    EXPECT_EQ(segments.back().resident, 61440U);
    EXPECT_EQ(segments.back().swapped, 4096U);
}

TEST(Procfs, counts_how_often_a_thread_was_switched) {
    EXPECT_EQ(procfs::parse_status("voluntary_ctxt_switches:\t40\nnonvoluntary_ctxt_switches:\t2\n").switches,
              42U);
}
