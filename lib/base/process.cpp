// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deadline.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/text.hpp"

extern char** environ;

namespace lpm {

static std::vector<char*> pointers_to(const std::vector<std::string>& words) {
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (const auto& word : words)
        pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

static Result<pid_t> start(const Job& job, int input, int output) {
    constexpr int program = 3;
    const int first_other = job.program < 0 ? program : program + 1;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    if (job.program >= 0)
        ::posix_spawn_file_actions_adddup2(&actions, job.program, program);
    // Those of an engine are in our hands unmarked: its pipes would stay open for as long as this program
    // runs.
    ::posix_spawn_file_actions_addclosefrom_np(&actions, first_other);
    ::posix_spawnattr_setflags(&attributes,
                               POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    auto words = pointers_to(job.argv);
    auto variables = job.environment ? pointers_to(*job.environment) : std::vector<char*>{};
    pid_t pid = 0;
    const char* const path = job.program < 0 ? words.front() : "/proc/self/fd/3";
    const int error = ::posix_spawnp(&pid, path, &actions, &attributes, words.data(),
                                     job.environment ? variables.data() : environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (error != 0)
        return fail_errno(error, "start " + job.argv.front());
    return pid;
}

// In memory: a program that does not read it keeps nobody waiting.
static Result<Fd> make_input(const std::string& text) {
    if (text.empty())
        return open_at(AT_FDCWD, "/dev/null", O_RDONLY);
    Fd file(::memfd_create("input", MFD_CLOEXEC));
    if (!file)
        return fail_errno(errno, "make input");
    TRY(write_all(file.get(), text));
    if (::lseek(file.get(), 0, SEEK_SET) != 0)
        return fail_errno(errno, "make input");
    return file;
}

// Until it ends or the time is over. What it wrote is read to the end, but its children are not waited for.
static bool wait_for(pid_t pid, int from, const Job& job, Output& output, int& status) {
    using namespace std::chrono_literals;
    constexpr auto look = 2ms;
    const Deadline deadline(job.timeout);
    bool open = true;
    for (;;) {
        const bool ended = ::waitpid(pid, &status, WNOHANG) == pid;
        if (!ended && open)
            open = read_some(from, look, job.limit, output.text) != ReadResult::end;
        // A pipe holds 64 KiB: more than that is from what it has left behind.
        for (int reads = 0; ended && reads < 16; ++reads)
            if (read_some(from, 0ms, job.limit, output.text) != ReadResult::some)
                break;
        if (ended)
            return true;
        if (deadline.passed())
            return false;
        if (!open)
            ::usleep(500);
    }
}

// With SIGCHLD ignored, as some callers leave it to us, the kernel keeps no status for waitpid.
class ChildrenSeen {
  public:
    ChildrenSeen() {
        struct sigaction standard{};
        standard.sa_handler = SIG_DFL;
        ::sigaction(SIGCHLD, &standard, &before_);
    }
    ChildrenSeen(const ChildrenSeen&) = delete;
    ChildrenSeen& operator=(const ChildrenSeen&) = delete;
    ~ChildrenSeen() { ::sigaction(SIGCHLD, &before_, nullptr); }

  private:
    struct sigaction before_{};
};

Result<Output> run(const Job& job) {
    const ChildrenSeen seen;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail_errno(errno, "pipe");
    const Fd from(ends[0]);
    Fd to(ends[1]);
    TRY_ASSIGN(const Fd input, job.from < 0 ? make_input(job.input) : Result<Fd>());
    TRY_ASSIGN(const pid_t pid, start(job, job.from < 0 ? input.get() : job.from, to.get()));
    to.reset();
    Output output;
    int status = SIGKILL; // as waitpid tells of it
    output.late = !wait_for(pid, from.get(), job, output, status);
    if (output.late) {
        ::kill(-pid, SIGKILL);
        // What waits for a dead server, or is frozen, dies when that lets it; we do not wait for it.
        for (int looks = 0; looks < 200 && ::waitpid(pid, &status, WNOHANG) == 0; ++looks)
            ::usleep(5000);
    }
    output.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return output;
}

Result<Output> run(const std::vector<std::string>& argv, std::chrono::milliseconds timeout,
                   std::size_t limit) {
    TRY_ASSIGN(Output output, run(Job{argv, timeout, limit}));
    if (output.late)
        return fail(Errc::unavailable,
                    argv.front() + " did not end in " + std::to_string(timeout.count()) + " ms");
    return output;
}

std::string find_in_path(std::string_view name, std::string_view path) {
    while (!path.empty()) {
        const auto dir = next_part(path, ':');
        // An empty entry means the current directory; Go's LookPath refuses what it finds there, and so do
        // we.
        if (!dir.starts_with('/'))
            continue;
        std::string file = std::string(dir) + "/" + std::string(name);
        struct stat st{};
        if (::stat(file.c_str(), &st) == 0 && S_ISREG(st.st_mode) && ::access(file.c_str(), X_OK) == 0)
            return file;
    }
    return {};
}

} // namespace lpm
