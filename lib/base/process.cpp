// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.hpp"

extern char** environ;

namespace lpm {

using Clock = std::chrono::steady_clock;

static Result<pid_t> start(const std::vector<std::string>& argv, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    std::vector<char*> words;
    words.reserve(argv.size() + 1);
    for (const auto& word : argv)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    pid_t pid = 0;
    const int error = ::posix_spawnp(&pid, words.front(), &actions, &attributes, words.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (error != 0)
        return fail_errno(error, "start " + argv.front());
    return pid;
}

// Until end of file or `end`; true at end of file.
static bool collect(int from, Clock::time_point end, std::size_t limit, std::string& text) {
    std::array<char, 4096> buffer{};
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
        if (left <= 0)
            return false;
        pollfd poll{from, POLLIN, 0};
        if (::poll(&poll, 1, static_cast<int>(left)) <= 0)
            continue;
        const ssize_t n = ::read(from, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return true;
        const auto room = limit - std::min(limit, text.size());
        text.append(buffer.data(), std::min(static_cast<std::size_t>(n), room));
    }
}

Result<Output> run(const std::vector<std::string>& argv, std::chrono::milliseconds timeout,
                   std::size_t limit) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail_errno(errno, "pipe");
    const Fd from(ends[0]);
    Fd to(ends[1]);
    TRY_ASSIGN(const pid_t pid, start(argv, to.get()));
    to.reset();
    Output output;
    const auto end = Clock::now() + timeout;
    int status = 0;
    bool ended = collect(from.get(), end, limit, output.text);
    // It may close its output and live on.
    while (ended && ::waitpid(pid, &status, WNOHANG) == 0) {
        ended = Clock::now() < end;
        ::usleep(500);
    }
    if (!ended) {
        ::kill(-pid, SIGKILL);
        while (::waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    if (!ended)
        return fail(Errc::unavailable,
                    argv.front() + " did not end in " + std::to_string(timeout.count()) + " ms");
    output.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return output;
}

} // namespace lpm
