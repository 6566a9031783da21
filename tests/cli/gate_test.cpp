// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// Checkpoint and restore through lpm-runc and the gate, which has to fork: the runtime is given the same as
// in a direct call but for its pid and LISTEN_PID, and its caller gets back the same.
#include "gate.hpp"

#include <chrono>
#include <csignal>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace lpm::test;

namespace {

// Everything but the pid, whose parent is the gate, and the variable that names the pid.
void expect_equal_but_for_pid(const Call& how, const Control& control) {
    SCOPED_TRACE(shown(how.argv));
    const Outcome without = direct(how, control);
    const Outcome with = through_lpm(how, control);
    ASSERT_FALSE(with.dump.empty()) << with.err;
    for (const std::string& name : differences(without, with)) {
        const bool listen_pid =
            without.at(name) == "LISTEN_PID=self" && with.at(name) == "LISTEN_PID=" + with.at("pid");
        if (name != "pid" && name != "ppid" && !listen_pid)
            ADD_FAILURE() << name << ": " << without.at(name) << "  through the gate: " << with.at(name);
    }
    EXPECT_NE(with.at("pid"), "self");
    EXPECT_EQ(with.at("ppid"), std::to_string(with.pid));
    EXPECT_EQ(with.at("listen_pid"), how.listen_pid ? "self" : "none");
}

TEST_F(Gate, calls_are_equal_but_for_pid_and_listen_pid) {
    for (const Words& words : gated()) {
        expect_equal_but_for_pid(plain(words), {"exit 0"});
        expect_equal_but_for_pid(odd(words),
                                 {"read-stdin", "stdout to stdout", "stderr to stderr\\n", "exit 1"});
    }
}

TEST_F(Gate, exit_statuses_are_reproduced) {
    for (const int code : {0, 1, 2, 3, 127, 128, 137, 255})
        expect_equal_but_for_pid(plain({"restore", "c"}), {"exit " + std::to_string(code)});
}

TEST_F(Gate, death_by_signal_is_reproduced) {
    for (const int number : {SIGKILL, SIGTERM, SIGINT, SIGSEGV, SIGABRT, SIGPIPE}) {
        Call how = plain({"checkpoint", "c"});
        for (const bool blocked : {false, true}) {
            how.blocked = blocked ? std::vector<int>{SIGTERM, SIGINT, SIGPIPE} : std::vector<int>{};
            const Outcome got = through_lpm(how, {"stderr first\\n", "signal " + std::to_string(number)});
            EXPECT_EQ(got.end_signal(), number);
            EXPECT_FALSE(WCOREDUMP(got.status));
            EXPECT_TRUE(got.err.starts_with("first\n")) << got.err;
            EXPECT_EQ(got.out, "");
        }
    }
}

TEST_F(Gate, an_ignored_sigchld_does_not_lose_the_status) {
    Call how = plain({"checkpoint", "c"});
    how.ignored = {SIGCHLD, SIGPIPE};
    expect_equal_but_for_pid(how, {"exit 7"});
}

TEST_F(Gate, signals_are_sent_on) {
    for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH}) {
        Call how = plain({"restore", "c"});
        how.kill_after_dump = number;
        const Outcome got = through_lpm(how, {"catch 20000", "exit 4"});
        EXPECT_EQ(got.at("caught"), std::to_string(number));
        EXPECT_EQ(got.exit_code(), 4);
    }
}

TEST_F(Gate, the_runtime_dies_with_the_gate_if_the_caller_wanted_that) {
    Call how = plain({"checkpoint", "c"});
    how.pdeathsig = SIGKILL; // conmon and containerd
    how.kill_after_dump = SIGKILL;
    const Outcome got = through_lpm(how, {"sleep 15000"}); // its end of the streams would stay open as long
    EXPECT_EQ(got.end_signal(), SIGKILL);
    EXPECT_EQ(got.err, "");
    EXPECT_EQ(got.at("pdeathsig"), std::to_string(SIGKILL));
    const std::string runtime = "/proc/" + got.at("pid");
    for (int i = 0; i < 3000 && exists(runtime); ++i)
        usleep(10'000);
    EXPECT_FALSE(exists(runtime));
}

TEST_F(Gate, a_listen_pid_of_somebody_else_stays) {
    Call how = plain({"checkpoint", "c"});
    how.env.emplace_back("LISTEN_PID=1");
    how.env.emplace_back("LISTEN_FDS=1");
    const Outcome got = through_lpm(how);
    EXPECT_EQ(got.at("listen_pid"), "other");
    EXPECT_EQ(got.at("env.2"), "LISTEN_PID=1");
}

TEST_F(Gate, orphans_of_the_runtime_go_to_the_callers_reaper) {
    ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); // as conmon is
    const Outcome got = through_lpm(plain({"restore", "-d", "c"}), {"orphan /run/adopted"});
    for (int i = 0; i < 3000 && !exists("/run/adopted"); ++i)
        usleep(10'000);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    EXPECT_EQ(got.exit_code(), 0);
    EXPECT_EQ(read_file("/run/adopted"), std::to_string(getpid()) + "\n");
}

TEST_F(Gate, adds_nothing_to_the_log_of_a_runtime_that_reported) {
    const Words words = {"--log", "/run/l", "--log-format", "json", "checkpoint", "c"};
    EXPECT_EQ(through_lpm(plain(words), {"exit 0"}).exit_code(), 0);
    EXPECT_FALSE(exists("/run/l"));
    EXPECT_EQ(
        through_lpm(plain(words), {"log {\"level\":\"error\"}\\n", "stderr e\\n", "exit 1"}).exit_code(), 1);
    EXPECT_EQ(read_file("/run/l"), "{\"level\":\"error\"}\n");
}

TEST_F(Gate, goes_on_when_its_own_house_is_not_in_order) {
    const auto expect_done = [](const char* why) {
        const Outcome got = through_lpm(plain({"checkpoint", "c"}), {"exit 0"});
        EXPECT_EQ(got.exit_code(), 0) << why << got.err;
        EXPECT_FALSE(got.dump.empty()) << why;
        EXPECT_EQ(got.err, "") << why;
    };
    fs::remove_all("/var/lib/lpm/records");
    write_file("/var/lib/lpm/records", "");
    expect_done("records is a file");
    fs::remove("/var/lib/lpm/records");
    ASSERT_EQ(mount("tmpfs", "/var/lib/lpm", "tmpfs", MS_RDONLY, ""), 0);
    expect_done("read-only");
    umount("/var/lib/lpm");
    ASSERT_EQ(mount("tmpfs", "/var/lib/lpm", "tmpfs", 0, "size=4096,nr_inodes=2"), 0);
    expect_done("full");
    umount("/var/lib/lpm");
    write_file("/etc/lpm/lpm.toml", "[checks\nnonsense\n", 0644);
    write_file("/run/criu", "#!/bin/sh\n", 0755);
    Call how = plain({"checkpoint", "c"});
    how.env = {"PATH=/run"};
    EXPECT_EQ(through_lpm(how, {"exit 0"}).exit_code(), 0) << "broken lpm.toml";
}

TEST_F(Gate, records_one_call_once) {
    EXPECT_EQ(through_lpm(plain({"checkpoint", "c"}), {"exit 0"}).exit_code(), 0);
    expect_one_record("completed");
}

TEST_F(Gate, names_the_builds) {
    link_to(lpm_runc(), "/usr/bin/lpm-runc");
    const Outcome got = call(lpm_gate(), plain({"--version"}));
    fs::remove("/usr/bin/lpm-runc");
    EXPECT_EQ(got.exit_code(), 0);
    EXPECT_TRUE(got.out.starts_with("lpm-gate 0.")) << got.out;
    EXPECT_NE(got.out.find("/lpm-runc: 0."), std::string::npos) << got.out;
    // --version of lpm-runc is the runtime's.
    EXPECT_EQ(through_lpm(plain({"--version"}), {"exit 0"}).at("pid"), "self");
    through_lpm(plain({"checkpoint", "c"}));
    ASSERT_EQ(records().size(), 1U);
    EXPECT_NE(records().front().find("\"lpm\": \"0."), std::string::npos) << "who wrote it";
}

TEST_F(Gate, leaves_a_container_that_is_not_there_to_the_runtime) {
    // This caller has no capability, and its PATH no criu: neither is what is wrong.
    Call how = plain({"--root", "/run/x", "checkpoint", "nobody"});
    const Outcome got = through_lpm(how, {"exit 4"});
    EXPECT_EQ(got.exit_code(), 4) << got.err;
}

TEST_F(Gate, pre_dump_is_recorded_as_what_it_is) {
    EXPECT_EQ(through_lpm(plain({"checkpoint", "--pre-dump", "--parent-path", "../p", "c"})).exit_code(), 0);
    const auto texts = records();
    ASSERT_EQ(texts.size(), 1U);
    EXPECT_NE(texts[0].find("\"operation\": \"pre-dump\""), std::string::npos) << texts[0];
}

TEST_F(Gate, a_killed_gate_leaves_an_intent) {
    Call how = plain({"checkpoint", "c"});
    how.pdeathsig = SIGKILL;
    how.kill_after_dump = SIGKILL;
    EXPECT_EQ(through_lpm(how, {"sleep 15000"}).end_signal(), SIGKILL);
    const auto texts = records();
    ASSERT_EQ(texts.size(), 1U);
    EXPECT_NE(texts[0].find("\"state\": \"intent\""), std::string::npos) << texts[0];
}

// A call whose runtime has come up and stays.
class Slow {
  public:
    explicit Slow(const Words& words) {
        write_file("/run/fake-runc/control", "dump /run/slow\nsleep 120000\n");
        fs::remove("/run/slow");
        std::vector<const char*> argv = {"runc"};
        for (const auto& word : words)
            argv.push_back(word.c_str());
        argv.push_back(nullptr);
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); // the runtime inherits it, and so ends with the gate
            execv("/etc/lpm/bin/runc", const_cast<char**>(argv.data()));
            _exit(97);
        }
        for (int i = 0; i < 3000 && !exists("/run/slow"); ++i)
            usleep(10'000);
        EXPECT_TRUE(exists("/run/slow"));
    }
    ~Slow() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    Slow(const Slow&) = delete;
    Slow& operator=(const Slow&) = delete;
    [[nodiscard]] bool runs() const {
        siginfo_t info{};
        return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
               info.si_pid == 0;
    }

  private:
    pid_t pid_ = 0;
};

// CRI-O gives up on a slow restore by itself and deletes, while the runtime is still at work.
TEST_F(Gate, other_verbs_work_while_a_checkpoint_runs) {
    const Slow slow({"checkpoint", "c"});
    for (const char* verb : {"state", "kill", "delete", "resume"})
        EXPECT_EQ(through_lpm(plain({verb, "c"}), {"exit 0"}).exit_code(), 0) << verb;
    EXPECT_EQ(through_lpm(plain({"checkpoint", "c"}), {"exit 0"}).exit_code(), 0);
    EXPECT_TRUE(slow.runs()) << "it was to run all the while";
}

double seconds_since(std::chrono::steady_clock::time_point before) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
}

TEST_F(Gate, a_delete_waits_for_the_restore_of_the_same_container) {
    const auto expect_soon = [](const Words& words) {
        const auto before = std::chrono::steady_clock::now();
        EXPECT_EQ(through_lpm(plain(words), {"exit 5"}).exit_code(), 5) << shown(words);
        EXPECT_LT(seconds_since(before), 8) << shown(words);
    };
    for (const char* place : {"/run/x/c", "/run/x/d", "/run/y/c"})
        fs::create_directories(place);
    link_to("/run/x", "/run/same");
    expect_soon({"--root", "/run/x", "delete", "c"}); // nothing is under way
    const Slow slow({"--root", "/run/x", "restore", "c"});
    expect_soon({"--root", "/run/x", "delete", "d"});
    expect_soon({"--root", "/run/y", "delete", "c"});
    for (const char* root : {"/run/x/", "/run/same"}) {
        const auto before = std::chrono::steady_clock::now();
        std::thread runtime([] {
            usleep(1'000'000);
            write_file("/run/x/c/state.json", "{}");
        });
        expect_soon({"--root", root, "delete", "--force", "c"});
        runtime.join();
        EXPECT_GT(seconds_since(before), 0.99);
        fs::remove("/run/x/c/state.json");
    }
}

TEST_F(Gate, a_delete_through_it_is_not_told_from_a_direct_one) {
    fs::create_directories("/run/runc/c");
    for (const Words& words :
         {Words{"--root", "/run/runc", "delete", "--force", "c"}, Words{"delete", "c"}}) {
        const Call how = odd(words);
        EXPECT_EQ(differences(direct(how, {"exit 3"}), through_lpm(how, {"exit 3"})), Words{});
    }
    EXPECT_TRUE(records().empty());
}

// What a failed restore has left, say: below the gate, and its own way to the runtime.
TEST_F(Gate, a_hook_that_deletes_does_not_wait_for_the_gate_that_runs_it) {
    fs::create_directories("/run/x/c");
    fs::create_directories("/etc/lpm/checkpoint.d/post-restore");
    write_file("/run/clean",
               "#!/bin/sh\n/etc/lpm/bin/runc --root /run/x delete --force c 2>/run/said\necho $? >/run/end\n",
               0755);
    write_file("/etc/lpm/checkpoint.d/post-restore/10-clean.toml", "path = \"/run/clean\"\n");
    EXPECT_EQ(through_lpm(plain({"--root", "/run/x", "restore", "c"}), {"exit 5"}).exit_code(), 5);
    EXPECT_EQ(read_file("/run/end"), "5\n") << read_file("/run/said");
}

TEST_F(Gate, is_not_entered_for_what_runc_answers) {
    for (const Words& words : answered())
        EXPECT_EQ(through_lpm(plain(words), {"exit 3"}).at("pid"), "self") << shown(words);
    EXPECT_TRUE(records().empty());
}

TEST_F(Gate, a_loop_through_another_wrapper_or_itself_ends) {
    link_to(fake_runc(), "/usr/libexec/crio/runc");
    write_file("/run/wrapper", "#!/bin/sh\n/etc/lpm/bin/runc \"$@\"\n", 0755);
    write_file("/run/exec-wrapper", "#!/bin/sh\nexec /etc/lpm/bin/runc \"$@\"\n", 0755);
    for (const std::string& runtime :
         {lpm_runc(), std::string("/run/exec-wrapper"), std::string("/run/wrapper")}) {
        link_to(runtime, "/etc/lpm/runtime");
        const Outcome got = through_lpm(plain({"checkpoint", "c"}), {"exit 6"});
        EXPECT_EQ(got.exit_code(), 6) << runtime << got.err;
        EXPECT_EQ(got.at("argv.0"), "/usr/libexec/crio/runc");
        EXPECT_LE(records().size(), 6U);
    }
    fs::remove("/usr/libexec/crio/runc");
}

TEST_F(Gate, says_so_when_there_is_no_runtime) {
    fs::remove("/etc/lpm/runtime");
    const Outcome got = through_lpm(plain({"checkpoint", "c"}));
    EXPECT_EQ(got.exit_code(), 1);
    EXPECT_EQ(got.out, "");
    EXPECT_EQ(count(got.err, "\n"), 1U) << got.err;
}

} // namespace
