// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// Where lpm-runc goes: the gate or the runtime, on whole and on broken nodes.
#include "gate.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <sys/mount.h>
#include <sys/stat.h>

using namespace lpm::test;
namespace {

const Words checkpoint = {"--root", "/r", "checkpoint", "--image-path", "/i", "c"};
const Words restore = {"restore", "--bundle", "/b", "-d", "c"};

class Front : public testing::Test {
  protected:
    void SetUp() override { reset_world(); }
    void TearDown() override {
        for (const char* path : {"/usr/sbin/runc", "/usr/libexec/crio/runc", "/usr/local/sbin/runc"})
            if (fs::is_symlink(path))
                fs::remove(path);
    }

    static void make_gate(mode_t mode = 0755) {
        write_file("/usr/libexec/lpm/lpm-gate", "#!/bin/sh\necho \"gate:$0:$*\"\nexit 42\n", mode);
    }
    static void expect_runtime(const Words& words) {
        const Outcome got = through_lpm(plain(words), {"exit 5"});
        EXPECT_EQ(got.exit_code(), 5) << shown(words) << got.err;
        EXPECT_EQ(got.at("argv.1"), words[0]);
    }
};

TEST_F(Front, gated_verbs_become_the_gate_with_the_same_words) {
    make_gate();
    for (const Words& words : {checkpoint, restore}) {
        const Outcome got = through_lpm(plain(words));
        EXPECT_EQ(got.exit_code(), 42);
        EXPECT_TRUE(got.dump.empty());
        std::string line = "gate:/usr/libexec/lpm/lpm-gate:";
        for (const std::string& word : words)
            line += word + " ";
        line.back() = '\n';
        EXPECT_EQ(got.out, line);
    }
}

TEST_F(Front, bypass_file_is_the_kill_switch) {
    make_gate();
    write_file("/etc/lpm/bypass", "");
    expect_runtime(checkpoint);
    expect_runtime(restore);
    fs::remove("/etc/lpm/bypass");
    fs::create_directory("/etc/lpm/bypass"); // whatever it is
    expect_runtime(checkpoint);
}

TEST_F(Front, without_a_gate_gated_verbs_reach_the_runtime) {
    expect_runtime(checkpoint);
    make_gate(0644);
    expect_runtime(restore);
    fs::remove("/usr/libexec/lpm/lpm-gate");
    fs::create_directory("/usr/libexec/lpm/lpm-gate");
    expect_runtime(checkpoint);
}

TEST_F(Front, a_chain_of_links_is_followed) {
    link_to(fake_runc(), "/run/second");
    link_to("/run/second", "/run/first");
    link_to("/run/first", "/etc/lpm/runtime");
    const Outcome got = through_lpm(plain({"state", "c"}), {"exit 5"});
    EXPECT_EQ(got.exit_code(), 5);
    EXPECT_EQ(got.at("argv.0"), "/run/first");
}

TEST_F(Front, a_relative_link_and_a_plain_file_work_too) {
    fs::copy_file(fake_runc(), "/etc/lpm/real-runc");
    link_to("real-runc", "/etc/lpm/runtime");
    Outcome got = through_lpm(plain({"state", "c"}), {"exit 5"});
    EXPECT_EQ(got.exit_code(), 5);
    EXPECT_EQ(got.at("argv.0"), "/etc/lpm/runtime");
    fs::remove("/etc/lpm/runtime");
    fs::rename("/etc/lpm/real-runc", "/etc/lpm/runtime");
    got = through_lpm(plain({"state", "c"}), {"exit 5"});
    EXPECT_EQ(got.exit_code(), 5);
    EXPECT_EQ(got.at("argv.0"), "/etc/lpm/runtime");
}

TEST_F(Front, broken_links_fall_back_to_where_runc_usually_is) {
    const auto expect_fallback = [](const char* why, const char* where) {
        const Outcome got = through_lpm(plain({"state", "c"}), {"exit 5"});
        EXPECT_EQ(got.exit_code(), 5) << why << got.err;
        EXPECT_EQ(got.at("argv.0"), where) << why;
    };
    if (exists("/usr/sbin/runc"))
        GTEST_FAIL() << "this root has a runc of its own";
    link_to(fake_runc(), "/usr/libexec/crio/runc");
    link_to("/run/nothing", "/etc/lpm/runtime");
    expect_fallback("dangling", "/usr/libexec/crio/runc");
    link_to("/etc/lpm/runtime", "/etc/lpm/runtime");
    expect_fallback("pointing at itself", "/usr/libexec/crio/runc");
    link_to(lpm_runc(), "/etc/lpm/runtime");
    expect_fallback("pointing at lpm-runc", "/usr/libexec/crio/runc");
    link_to("/etc/lpm/bin/runc", "/etc/lpm/runtime");
    expect_fallback("pointing at lpm-runc by another link", "/usr/libexec/crio/runc");
    fs::create_hard_link(lpm_runc(), built("shim/other-name"));
    link_to(built("shim/other-name"), "/etc/lpm/runtime");
    expect_fallback("pointing at lpm-runc by a hard link", "/usr/libexec/crio/runc");
    fs::remove(built("shim/other-name"));
    link_to("/run", "/etc/lpm/runtime");
    expect_fallback("a folder", "/usr/libexec/crio/runc");
    write_file("/run/not-executable", "");
    link_to("/run/not-executable", "/etc/lpm/runtime");
    expect_fallback("not executable", "/usr/libexec/crio/runc");
    fs::remove("/etc/lpm/runtime");
    expect_fallback("absent", "/usr/libexec/crio/runc");
    link_to(lpm_runc(), "/usr/sbin/runc"); // a node where lpm-runc took runc's place
    expect_fallback("runc itself is lpm-runc", "/usr/libexec/crio/runc");
    link_to(fake_runc(), "/usr/sbin/runc");
    expect_fallback("the first place counts", "/usr/sbin/runc");
}

TEST_F(Front, says_what_to_do_when_there_is_no_runtime) {
    fs::remove("/etc/lpm/runtime");
    for (const Words& words : {Words{"state", "c"}, checkpoint, Words{}}) {
        const Outcome got = through_lpm(plain(words));
        EXPECT_EQ(got.exit_code(), 1);
        EXPECT_EQ(got.out, "");
        EXPECT_NE(got.err.find("install runc or make /etc/lpm/runtime a link to it\n"), std::string::npos)
            << got.err;
        EXPECT_EQ(std::count(got.err.begin(), got.err.end(), '\n'), 1);
        expect_nothing_to_misread(got.err);
    }
}

TEST_F(Front, an_exec_loop_through_another_wrapper_ends) {
    // The wrapper is what some installers put in place: it hands on to `runc`, which is lpm-runc.
    write_file("/run/fake-runc/perturb", "nothing\n/etc/lpm/bin/runc\n");
    link_to(built("tests/cli/perturb"), "/etc/lpm/runtime");
    link_to(fake_runc(), "/usr/local/sbin/runc");
    const Call how = odd({"state", "c"});
    const Outcome got = through_lpm(how, {"exit 5"});
    EXPECT_EQ(got.exit_code(), 5) << got.err;
    EXPECT_EQ(got.at("argv.0"), "/usr/local/sbin/runc");
    // Nothing was put anywhere to count the rounds.
    EXPECT_EQ(differences(call("/usr/local/sbin/runc", how, {"exit 5"}), got), Words{});
}

// A wrapper that starts another process instead of becoming it, whatever it is called and however it is
// started.
TEST_F(Front, a_fork_loop_through_another_wrapper_ends) {
    const std::string count = "echo >>/run/rounds\n";
    const std::string padding(300 << 10, '#'); // as big as a program
    struct Case {
        std::string path;
        std::string script;
    };
    for (const auto& [path, script] : {
             Case{"/run/wrapper", "#!/bin/sh\n" + count + "/etc/lpm/bin/runc \"$@\"\n"},
             Case{"/run/runc", "#!/bin/sh\n" + count + "/etc/lpm/bin/runc \"$@\"\n"},
             Case{"/run/runc", "#!/bin/sh\n" + count + "/etc/lpm/bin/runc \"$@\"\nexit $?\n" + padding},
             Case{"/run/crun", "#!/bin/sh\n" + count + "/etc/lpm/bin/runc \"$@\"\n"},
             Case{"/run/runc", "#!/bin/sh -e\n" + count + "timeout 10 /etc/lpm/bin/runc \"$@\"\n"},
             Case{"/run/wrapper", "#!/usr/bin/env sh\n" + count + "(/etc/lpm/bin/runc \"$@\")\nexit $?\n"},
         }) {
        fs::remove("/run/rounds");
        write_file(path, script, 0755);
        link_to(path, "/etc/lpm/runtime");
        const auto begin = std::chrono::steady_clock::now();
        const Outcome got = through_lpm(plain({"state", "c"}));
        EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1)) << script.substr(0, 80);
        EXPECT_EQ(got.exit_code(), 1) << script.substr(0, 80);
        EXPECT_NE(got.err.find("/etc/lpm/runtime leads back"), std::string::npos) << got.err;
        EXPECT_LE(read_file("/run/rounds").size(), 4U) << "rounds";
        if (path == "/run/crun")
            continue; // another implementation is never replaced
        link_to(fake_runc(), "/usr/local/sbin/runc");
        EXPECT_EQ(through_lpm(plain({"state", "c"}), {"exit 5"}).exit_code(), 5)
            << "there is a runc that is none";
        fs::remove("/usr/local/sbin/runc");
    }
}

TEST_F(Front, an_exec_loop_without_a_way_out_ends) {
    write_file("/run/fake-runc/perturb", "nothing\n/etc/lpm/bin/runc\n");
    write_file("/run/script", "#!/bin/sh\nexec /etc/lpm/bin/runc \"$@\"\n", 0755);
    for (const std::string& runtime : {built("tests/cli/perturb"), std::string("/run/script")}) {
        link_to(runtime, "/etc/lpm/runtime");
        const auto begin = std::chrono::steady_clock::now();
        const Outcome got = through_lpm(plain({"state", "c"}));
        EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4))
            << runtime; // of a busy machine
        EXPECT_EQ(got.exit_code(), 1);
        EXPECT_NE(got.err.find("/etc/lpm/runtime leads back"), std::string::npos) << got.err;
    }
}

TEST_F(Front, a_busy_caller_is_not_taken_for_a_loop) {
    Call how = plain({"state", "c"});
    how.burn_ms = 2000;
    EXPECT_EQ(through_lpm(how, {"exit 5"}).exit_code(), 5);
}

std::string stamp_of(const std::string& root_hash, const std::string& name) {
    return "/run/lpm/" + root_hash + "/c/" + name;
}

constexpr char default_root[] = "8b541e798859d3fa"; // FNV-1a of /run/runc

std::string namespace_of_pids() {
    return fs::read_symlink("/proc/self/ns/pid").string();
}

std::string start_of_this_process() {
    const std::string stat = read_file("/proc/self/stat");
    std::istringstream rest(stat.substr(stat.rfind(')') + 2));
    std::string word;
    for (int i = 0; i < 20; ++i)
        rest >> word;
    return word;
}

TEST_F(Front, pause_is_noted_with_its_caller) {
    const Words pause = {"--root", "/run/runc/", "pause", "c"};
    timespec before{};
    timespec after{};
    clock_gettime(CLOCK_BOOTTIME, &before);
    Call how = odd(pause);
    how.umask = 0;
    EXPECT_EQ(differences(direct(how), through_lpm(how)), Words{});
    clock_gettime(CLOCK_BOOTTIME, &after);
    const std::string text = read_file(stamp_of(default_root, "paused"));
    const long at = std::stol(text);
    EXPECT_GE(at, before.tv_sec * 1'000'000'000 + before.tv_nsec);
    EXPECT_LE(at, after.tv_sec * 1'000'000'000 + after.tv_nsec);
    EXPECT_TRUE(text.ends_with(" " + namespace_of_pids() + "\n")) << text;
    for (const char* folder : {"/run/lpm", "/run/lpm/8b541e798859d3fa", "/run/lpm/8b541e798859d3fa/c"})
        EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all) << folder;

    expect_runtime({"resume", "c"});
    EXPECT_FALSE(exists(stamp_of(default_root, "paused")));
    expect_runtime(pause);
    EXPECT_GT(std::stol(read_file(stamp_of(default_root, "paused"))), at);
    expect_runtime({"delete", "c"});
    EXPECT_TRUE(fs::is_empty("/run/lpm/8b541e798859d3fa"));
}

// The harness forks each call: the caller is its child, whose start is at or after this process's.
TEST_F(Front, the_caller_of_a_pause_is_known_by_its_start) {
    expect_runtime({"pause", "c"});
    std::istringstream text(read_file(stamp_of(default_root, "paused")));
    long at = 0;
    long pid = 0;
    long start = 0;
    text >> at >> pid >> start;
    EXPECT_GT(pid, 0);
    EXPECT_GE(start, std::stol(start_of_this_process()));
}

TEST_F(Front, a_checkpoint_ends_with_resume_or_delete) {
    constexpr char record[] = "01M86A8CP04PT3J4G0VS4YRB7K";
    const std::string ended = std::string("/run/lpm/ended/") + record;
    const std::string note = std::string(record) + " 1 2 3 pid:[4] no\n";
    for (const auto& [verb, how] : {std::pair{"resume", "resumed "}, std::pair{"delete", "deleted "}}) {
        expect_runtime({"pause", "c"});
        fs::create_directories("/run/lpm/ended");
        write_file(stamp_of(default_root, "checkpoint"), note);
        expect_runtime({verb, "c"});
        EXPECT_TRUE(read_file(ended).starts_with(note + how)) << read_file(ended);
        EXPECT_FALSE(exists(stamp_of(default_root, "checkpoint")));
        fs::remove(ended);
    }
    // Nothing is made of what is no note.
    for (const std::string bad : {"", "../../../etc/passwd-and-more-of-it", "01m86a8cp04pt3j4g0vs4yrb7k 1"}) {
        expect_runtime({"pause", "c"});
        write_file(stamp_of(default_root, "checkpoint"), bad);
        expect_runtime({"resume", "c"});
        EXPECT_TRUE(fs::is_empty("/run/lpm/ended"));
        EXPECT_EQ(read_file(stamp_of(default_root, "checkpoint")), bad);
    }
}

TEST_F(Front, bypass_leaves_no_note) {
    write_file("/etc/lpm/bypass", "");
    expect_runtime({"pause", "c"});
    EXPECT_FALSE(exists("/run/lpm"));
    fs::create_directories("/run/runc/c/criu-root");
    ASSERT_EQ(mount("/run/runc/c", "/run/runc/c/criu-root", nullptr, MS_BIND, nullptr), 0);
    expect_runtime({"delete", "c"});
    EXPECT_NE(read_file("/proc/self/mountinfo").find("/run/runc/c/criu-root "), std::string::npos);
    EXPECT_EQ(umount("/run/runc/c/criu-root"), 0);
}

// runc's delete would remove all that is in there.
TEST_F(Front, delete_takes_away_a_root_that_runc_left_mounted) {
    const auto mounted = [](const std::string& root) {
        return read_file("/proc/self/mountinfo").find(" " + root + "/c/criu-root ") != std::string::npos;
    };
    for (const std::string root : {"/run/runc", "/run/other"}) {
        fs::create_directories(root + "/c/criu-root");
        fs::create_directories("/run/files/kept");
        ASSERT_EQ(mount("/run/files", (root + "/c/criu-root").c_str(), nullptr, MS_BIND, nullptr), 0);
        const std::string longest(4096 - root.size() - 12, '/'); // the path does not fit
        for (const Words& words : std::initializer_list<Words>{{"--root", root, "state", "c"},
                                                               {"--root", root, "delete", "d"},
                                                               {"--root", root, "delete", "../c"},
                                                               {"--root", root + longest, "delete", "c"}}) {
            expect_runtime(words);
            EXPECT_TRUE(mounted(root)) << shown(words);
        }
        expect_runtime(root == "/run/runc" ? Words{"delete", "--force", "c"}
                                           : Words{"--root", root, "delete", "--force", "c"});
        EXPECT_FALSE(mounted(root));
        EXPECT_TRUE(exists("/run/files/kept"));
    }
}

TEST_F(Front, delete_of_what_is_still_being_made_becomes_the_gate) {
    make_gate();
    const Words words = {"--root", "/run/x", "delete", "--force", "c"};
    expect_runtime(words); // there is nothing
    fs::create_directories("/run/x/c/criu-root");
    EXPECT_EQ(through_lpm(plain(words)).out,
              "gate:/usr/libexec/lpm/lpm-gate:--root /run/x delete --force c\n");
    for (const char* state : {"state.json", "status"}) { // runc's, crun's
        write_file("/run/x/c/" + std::string(state), "{}");
        EXPECT_EQ(through_lpm(plain(words)).exit_code(), 42);
        fs::remove("/run/x/c/criu-root");
        expect_runtime(words);
        fs::remove("/run/x/c/" + std::string(state));
        EXPECT_EQ(through_lpm(plain(words)).exit_code(), 42);
        fs::create_directory("/run/x/c/criu-root");
    }
    for (const Words& other : std::initializer_list<Words>{{"--root", "/run/x", "delete", "d"},
                                                           {"--root", "/run/x", "delete", "../x/c"},
                                                           {"--root", "/run/x", "state", "c"},
                                                           {"delete", "c"}})
        expect_runtime(other);
    fs::create_directories("/run/crun/c");
    EXPECT_EQ(through_lpm(plain({"delete", "c"})).exit_code(), 42);
    write_file("/etc/lpm/bypass", "");
    expect_runtime(words);
}

TEST_F(Front, hostile_ids_and_places_get_no_stamp) {
    fs::create_directory("/run/lpm");
    for (const char* id : {"", ".", "..", "../../etc/lpm", "a/b", "/etc", "a b", "\n"})
        expect_runtime({"pause", id});
    expect_runtime({"pause", std::string(2000, 'a')});
    EXPECT_TRUE(fs::is_empty("/run/lpm"));

    // Links and pipes planted where the stamp goes are not followed and do not hang the call.
    fs::create_directories("/run/elsewhere");
    link_to("/run/elsewhere", "/run/lpm/8b541e798859d3fa");
    expect_runtime({"pause", "c"});
    EXPECT_TRUE(fs::is_empty("/run/elsewhere"));
    fs::remove("/run/lpm/8b541e798859d3fa");
    fs::create_directories("/run/lpm/8b541e798859d3fa/c");
    link_to("/run/victim", stamp_of(default_root, "paused"));
    expect_runtime({"pause", "c"});
    EXPECT_FALSE(exists("/run/victim"));
    fs::remove(stamp_of(default_root, "paused"));
    ASSERT_EQ(mkfifo(stamp_of(default_root, "paused").c_str(), 0600), 0);
    expect_runtime({"pause", "c"});
}

} // namespace
