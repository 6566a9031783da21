// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <map>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

// Calls a runtime as an engine would and says everything that can be told about the call: what fake_runc was
// given (tests/support/fake_runc.cpp) and what came back.
namespace lpm::test {

// Where the programs under test are; found beside the test program in the build tree.
std::string lpm_runc();
std::string lpm_gate(); // empty when the tree has no gate
std::string fake_runc();
std::string built(const std::string& below); // a path in the build tree

// A mount namespace of our own in which /etc/lpm, /usr/libexec/lpm, /var/lib/lpm and /run are empty. Ends the
// program with a message when that cannot be had: these tests need root.
void enter_private_world();

// Empties that world again: /etc/lpm/bin/runc leads to lpm-runc, /etc/lpm/runtime to fake_runc; no gate.
void reset_world();

void write_file(const std::string& path, const std::string& text, mode_t mode = 0644);
std::string read_file(const std::string& path);
void link_to(const std::string& target, const std::string& path); // replaces what is there
bool exists(const std::string& path);

// How the runtime is called.
struct Call {
    std::vector<std::string> argv; // without argv[0]
    std::vector<std::string> env = {"PATH=/usr/sbin:/usr/bin", "HOME=/root"};
    std::string cwd = "/";
    mode_t umask = 022;
    std::vector<int> blocked, ignored;                 // signals
    std::vector<std::pair<int, unsigned long>> limits; // soft limits
    std::vector<std::pair<int, int>> descriptors;      // (number in the runtime, ours)
    std::string input;                                 // through a pipe
    bool no_input = false;                             // standard input is /dev/null
    int pdeathsig = 0;
    int nice = 0;
    int oom_score_adj = -1; // -1: as it is
    bool new_session = false;
    bool listen_pid = false; // adds LISTEN_PID=<pid> and LISTEN_FDS=1
    int burn_ms = 0;         // CPU time to use up before
    int kill_after_dump = 0; // signal to send to the process once fake_runc runs
};

// What fake_runc is told to do: lines of its control file (a line with `dump` is added).
using Control = std::vector<std::string>;

struct Outcome {
    pid_t pid = 0;
    int status = 0; // as waitpid gives it
    std::string out, err;
    std::map<std::string, std::string> dump; // empty when fake_runc did not run

    [[nodiscard]] int exit_code() const;  // -1 when it died by a signal
    [[nodiscard]] int end_signal() const; // 0 when it exited
    [[nodiscard]] std::string at(const std::string& key) const;
};

Outcome call(const std::string& program, const Call& how, const Control& control = {});

// The same through lpm-runc, as CRI-O reaches it, and straight to fake_runc.
Outcome through_lpm(const Call& how, const Control& control = {});
Outcome direct(const Call& how, const Control& control = {});

// Names of everything that differs: keys of the dump, `stdout`, `stderr`, `status`.
std::vector<std::string> differences(const Outcome& a, const Outcome& b);

} // namespace lpm::test
