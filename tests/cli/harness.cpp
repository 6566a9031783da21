// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "harness.hpp"

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <set>
#include <sstream>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lpm::test {
namespace {

constexpr char dump_file[] = "/run/fake-runc/dump";
constexpr int call_limit_ms = 60'000;

struct Pipe {
    int ends[2] = {-1, -1};
    std::string name;
    ino_t inode = 0;

    explicit Pipe(std::string label) : name(std::move(label)) {
        if (pipe2(ends, O_CLOEXEC) != 0)
            std::abort();
        // Out of the way of the numbers that tests hand on.
        for (int& end : ends) {
            const int high = fcntl(end, F_DUPFD_CLOEXEC, 200);
            close(end);
            end = high;
        }
        struct stat info{};
        fstat(ends[0], &info);
        inode = info.st_ino;
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_end(0);
        close_end(1);
    }
    void close_end(int which) {
        if (ends[which] >= 0)
            close(ends[which]);
        ends[which] = -1;
    }
};

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> list;
    for (std::string& word : words)
        list.push_back(word.data());
    list.push_back(nullptr);
    return list;
}

void burn(int ms) {
    timespec now{};
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    while (now.tv_sec * 1000 + now.tv_nsec / 1'000'000 < ms);
}

[[noreturn]] void become(const std::string& program, const Call& how, int in, int out, int err) {
    if (how.new_session)
        setsid();
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    std::set<int> kept = {0, 1, 2};
    for (const auto& [number, ours] : how.descriptors) {
        dup2(ours, number);
        kept.insert(number);
    }
    for (int fd = 3; fd < 300; ++fd)
        if (!kept.contains(fd))
            close(fd);
    if (how.oom_score_adj >= 0)
        write_file("/proc/self/oom_score_adj", std::to_string(how.oom_score_adj));
    if (chdir(how.cwd.c_str()) != 0)
        _exit(98);
    umask(how.umask);
    if (how.nice != 0)
        setpriority(PRIO_PROCESS, 0, how.nice);
    for (const auto& [which, soft] : how.limits) {
        rlimit limit{};
        getrlimit(static_cast<__rlimit_resource>(which), &limit);
        limit.rlim_cur = soft;
        setrlimit(static_cast<__rlimit_resource>(which), &limit);
    }
    for (int number = 1; number < NSIG; ++number)
        std::signal(number, SIG_DFL);
    for (const int number : how.ignored)
        std::signal(number, SIG_IGN);
    sigset_t mask;
    sigemptyset(&mask);
    for (const int number : how.blocked)
        sigaddset(&mask, number);
    sigprocmask(SIG_SETMASK, &mask, nullptr);
    prctl(PR_SET_PDEATHSIG, how.pdeathsig);
    burn(how.burn_ms);

    std::vector<std::string> argv = {program};
    argv.insert(argv.end(), how.argv.begin(), how.argv.end());
    std::vector<std::string> env = how.env;
    if (how.listen_pid) {
        env.push_back("LISTEN_PID=" + std::to_string(getpid()));
        env.emplace_back("LISTEN_FDS=1");
    }
    execve(program.c_str(), pointers(argv).data(), pointers(env).data());
    _exit(97);
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
}

// Numbers that are new in every run become names, if they are what they have to be; otherwise they stay and
// show up as differences.
void settle(Outcome& outcome, const std::vector<const Pipe*>& pipes) {
    const std::string own = std::to_string(outcome.pid);
    for (auto& [key, value] : outcome.dump) {
        if ((key == "pid" || key == "pgid" || key == "sid") && value == own)
            value = "self";
        if (value == "LISTEN_PID=" + own)
            value = "LISTEN_PID=self";
        if (!key.starts_with("fd."))
            continue;
        for (const Pipe* pipe : pipes) {
            replace_all(value, "[" + std::to_string(pipe->inode) + "]", "[" + pipe->name + "]");
            replace_all(value, "ino=" + std::to_string(pipe->inode) + " ", "ino=" + pipe->name + " ");
        }
    }
}

std::map<std::string, std::string> read_dump() {
    std::map<std::string, std::string> dump;
    std::istringstream lines(read_file(dump_file));
    for (std::string line; std::getline(lines, line);)
        dump[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
    return dump;
}

// Collects both streams to their end; what never ends is killed.
void collect(Outcome& outcome, Pipe& out, Pipe& err, int signal_after_dump) {
    pollfd streams[] = {{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}};
    std::string* texts[] = {&outcome.out, &outcome.err};
    int waited = 0;
    for (int open = 2; open > 0;) {
        if (poll(streams, 2, 10) == 0 && (waited += 10) > call_limit_ms) {
            kill(outcome.pid, SIGKILL);
            outcome.err += "[killed by the test: it did not end]";
            break;
        }
        if (signal_after_dump != 0 && exists(dump_file)) {
            kill(outcome.pid, signal_after_dump);
            signal_after_dump = 0;
        }
        for (int i = 0; i < 2; ++i) {
            if ((streams[i].revents & (POLLIN | POLLHUP)) == 0)
                continue;
            char buffer[65536];
            const ssize_t n = read(streams[i].fd, buffer, sizeof buffer);
            if (n > 0) {
                texts[i]->append(buffer, static_cast<std::size_t>(n));
            } else {
                streams[i].fd = -1;
                --open;
            }
        }
    }
}

} // namespace

int Outcome::exit_code() const {
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
int Outcome::end_signal() const {
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

std::string Outcome::at(const std::string& key) const {
    const auto found = dump.find(key);
    return found == dump.end() ? "(none)" : found->second;
}

Outcome call(const std::string& program, const Call& how, const Control& control) {
    std::string lines = std::string("dump ") + dump_file + "\n";
    for (const std::string& line : control)
        lines += line + "\n";
    unlink(dump_file);
    write_file("/run/fake-runc/control", lines);

    Pipe in("stdin");
    Pipe out("stdout");
    Pipe err("stderr");
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    Outcome outcome;
    outcome.pid = fork();
    if (outcome.pid == 0)
        become(program, how, how.no_input ? null : in.ends[0], out.ends[1], err.ends[1]);
    close(null);
    in.close_end(0);
    out.close_end(1);
    err.close_end(1);
    std::signal(SIGPIPE, SIG_IGN); // what is called need not read its input
    if (write(in.ends[1], how.input.data(), how.input.size()) < 0)
        outcome.err += "";
    in.close_end(1);
    collect(outcome, out, err, how.kill_after_dump);
    waitpid(outcome.pid, &outcome.status, 0);
    outcome.dump = read_dump();
    settle(outcome, {&in, &out, &err});
    return outcome;
}

Outcome through_lpm(const Call& how, const Control& control) {
    return call("/etc/lpm/bin/runc", how, control);
}

Outcome direct(const Call& how, const Control& control) {
    return call(fake_runc(), how, control);
}

std::vector<std::string> differences(const Outcome& a, const Outcome& b) {
    std::vector<std::string> names;
    std::set<std::string> keys;
    for (const auto* outcome : {&a, &b})
        for (const auto& [key, value] : outcome->dump)
            keys.insert(key);
    for (const std::string& key : keys)
        if (!a.dump.contains(key) || !b.dump.contains(key) || a.dump.at(key) != b.dump.at(key))
            names.push_back(key);
    if (a.out != b.out)
        names.emplace_back("stdout");
    if (a.err != b.err)
        names.emplace_back("stderr");
    if (a.status != b.status)
        names.emplace_back("status");
    return names;
}

} // namespace lpm::test
