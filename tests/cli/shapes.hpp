// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "harness.hpp"

#include <csignal>
#include <fcntl.h>
#include <string>
#include <sys/resource.h>
#include <vector>

namespace lpm::test {

using Words = std::vector<std::string>;

inline Words operator+(Words a, const Words& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

inline std::string shown(const Words& words) {
    std::string text;
    for (const std::string& word : words)
        text += "[" + word.substr(0, 60) + "]";
    return text;
}

// What each engine puts before the verb.
inline const std::vector<Words>& prefixes() {
    static const std::vector<Words> list = {
        {},
        {"--root", "/run/runc", "--systemd-cgroup"},              // CRI-O, direct
        {"--systemd-cgroup", "--root=/run/runc"},                 // CRI-O, through conmon
        {"--log-format=json", "--log", "/run/fake-runc/oci-log"}, // podman
        {"--root", "/run/containerd/runc/k8s.io", "--debug", "--log", "/run/fake-runc/log.json",
         "--log-format", "json", "--rootless=false"},  // containerd
        {"-root", "checkpoint", "-debug=false", "--"}, // what Go's parser also takes
    };
    return list;
}

// Every verb of runc that lpm does not gate, as the engines call it.
inline const std::vector<Words>& ungated() {
    static const std::vector<Words> list = {
        {"create", "--bundle", "/b", "--pid-file", "/b/pid", "--console-socket", "/s", "--no-pivot", "c"},
        {"create", "--bundle", "checkpoint", "--preserve-fds", "2", "restore"},
        {"run", "-d", "--keep", "-b", "/b", "c"},
        {"start", "c"},
        {"state", "c"},
        {"kill", "c", "15"},
        {"kill", "-a", "c", "9"},
        {"delete", "--force", "c"},
        {"pause", "c"},
        {"resume", "c"},
        {"update", "--resources", "-", "c"},
        {"exec", "--process", "/p", "--detach", "--pid-file", "/pid", "c"},
        {"exec", "c", "checkpoint", "--image-path", "/x", "c"},
        {"exec", "-e", "A=B", "-t", "c", "sh", "-c", "restore; checkpoint $1", ""},
        {"ps", "--format", "json", "c"},
        {"list", "--format=json"},
        {"events", "--stats", "c"},
        {"spec", "-b", "/b"},
        {"features"},
        {"init"},
        {"help", "checkpoint"},
        {"--version"},
        {"-v"},
        {"--help"},
        {},
    };
    return list;
}

// checkpoint and restore as runc answers them by itself, and what no parser can tell.
inline const std::vector<Words>& answered() {
    static const std::vector<Words> list = {
        {"checkpoint", "--help"},
        {"checkpoint"},
        {"checkpoint", "c", "-h"},
        {"restore", "--lsm-mount-context"},
        {"restore"},
        {"checkpoint", "a", "b"},
        {"checkpoint", "--no-such-flag", "c"},
        {"checkpoint", "--leave-running=perhaps", "c"},
        {"checkpoint", "../../etc"},
        {"checkpoint", ""},
        {"restore", "--bundle", "c"},
        {"--no-such-flag", "checkpoint", "c"},
        {"no-such-verb", "checkpoint", "c"},
        {"-", "checkpoint", "c"},
        {"", "checkpoint", "c"},
        {"state", "c", "\xff\xfe\n\t'\"$(x)", " "},
        {"exec", "c", std::string(100'000, 'x')},
        Words{"exec", "c"} + Words(3000, "word"),
    };
    return list;
}

// Calls in every respect unlike a plain one, so that a reset to some default shows.
inline Call plain(const Words& argv) {
    Call how;
    how.argv = argv;
    return how;
}

inline Call odd(const Words& argv) {
    static const int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    static const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    lseek(file, 3, SEEK_SET);
    Call how;
    how.argv = argv;
    how.env = {"_OCI_SYNCPIPE=3", "_OCI_STARTPIPE=4", "NOTIFY_SOCKET=/run/n", "EMPTY=", "TWICE=1",
               "TWICE=2",         "no-equals"};
    how.cwd = "/usr/lib";
    how.umask = 0137;
    how.blocked = {SIGUSR1, SIGCHLD, SIGTERM};
    how.ignored = {SIGPIPE, SIGHUP};
    how.limits = {{RLIMIT_STACK, 1UL << 20}, {RLIMIT_NOFILE, 300}, {RLIMIT_CORE, 0}};
    how.descriptors = {{5, file}, {9, null}};
    how.input = "some input\nof two lines";
    how.pdeathsig = SIGKILL;
    how.nice = 3;
    how.oom_score_adj = 500;
    how.new_session = true;
    how.listen_pid = true;
    return how;
}

} // namespace lpm::test
