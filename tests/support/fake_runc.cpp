// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// Stands in for runc in tests: writes down everything it was given, then does what a control file says. The
// control file has a fixed place, so that neither argv nor the environment has to differ from a real call.
//
// /run/fake-runc/control, one `key value` a line (\n and \\ in values are escapes):
//   dump PATH      where the description goes (published by rename)
//   stdout TEXT    stderr TEXT    log TEXT (appended to the file that --log names)
//   read-stdin     read standard input to its end and add its hash
//   catch MS       after the dump, wait up to MS for a signal and append `caught=N` to the dump
//   orphan PATH    leave a child behind that writes down there who adopted it
//   sleep MS       exit N         signal N (die by it)
#include "oci/argv.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

extern char** environ;

namespace {

constexpr char control_file[] = "/run/fake-runc/control";

std::string slurp(const char* path) {
    std::string text;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char buffer[4096];
    for (ssize_t n; fd >= 0 && (n = read(fd, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    if (fd >= 0)
        close(fd);
    return text;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text)
        out += c == '\n' ? "\\n" : c == '\\' ? "\\\\" : std::string(1, c);
    return out;
}

std::string unescaped(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size())
            out += text[++i] == 'n' ? '\n' : text[i];
        else
            out += text[i];
    }
    return out;
}

std::string link_of(const std::string& path) {
    char target[4096];
    const ssize_t n = readlink(path.c_str(), target, sizeof target);
    return n < 0 ? "?" : std::string(target, static_cast<std::size_t>(n));
}

class Dump {
  public:
    void add(const std::string& key, const std::string& value) { text_ += key + "=" + escaped(value) + "\n"; }
    void add(const std::string& key, long value) { add(key, std::to_string(value)); }

    void publish(const std::string& path) const {
        const std::string next = path + ".new";
        if (FILE* file = std::fopen(next.c_str(), "we"); file != nullptr) {
            std::fwrite(text_.data(), 1, text_.size(), file);
            std::fclose(file);
            std::rename(next.c_str(), path.c_str());
        }
    }

  private:
    std::string text_;
};

// The state of standard descriptors and of all that was inherited beyond them.
void add_descriptors(Dump& dump) {
    DIR* dir = opendir("/proc/self/fd");
    if (dir == nullptr)
        return;
    std::vector<int> numbers;
    for (const dirent* entry; (entry = readdir(dir)) != nullptr;)
        if (entry->d_name[0] != '.' && std::atoi(entry->d_name) != dirfd(dir))
            numbers.push_back(std::atoi(entry->d_name));
    closedir(dir);
    std::sort(numbers.begin(), numbers.end());
    for (const int fd : numbers) {
        struct stat info{};
        fstat(fd, &info);
        char state[96];
        std::snprintf(state, sizeof state, " fd=%x fl=%x mode=%o ino=%lu at=%ld", fcntl(fd, F_GETFD),
                      fcntl(fd, F_GETFL), info.st_mode, info.st_ino,
                      static_cast<long>(lseek(fd, 0, SEEK_CUR)));
        dump.add("fd." + std::to_string(fd), link_of("/proc/self/fd/" + std::to_string(fd)) + state);
    }
}

void add_limits(Dump& dump) {
    for (int which = 0; which < static_cast<int>(RLIM_NLIMITS); ++which) {
        rlimit limit{};
        if (getrlimit(static_cast<__rlimit_resource>(which), &limit) == 0)
            dump.add("rlimit." + std::to_string(which),
                     std::to_string(limit.rlim_cur) + ":" + std::to_string(limit.rlim_max));
    }
}

// Signals, credentials and capabilities, as /proc/self/status shows them.
void add_status(Dump& dump) {
    const std::vector<std::string> wanted = {
        "Uid",    "Gid",    "Groups", "SigPnd", "ShdPnd", "SigBlk",     "SigIgn",  "SigCgt",
        "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Cpus_allowed"};
    for (const std::string& line : lines_of(slurp("/proc/self/status"))) {
        const std::string key = line.substr(0, line.find(':'));
        if (std::find(wanted.begin(), wanted.end(), key) != wanted.end())
            dump.add("status." + key,
                     line.substr(std::min(line.find_first_not_of(":\t ", key.size()), line.size())));
    }
}

void add_process(Dump& dump) {
    dump.add("pid", getpid());
    dump.add("ppid", getppid());
    dump.add("pgid", getpgrp());
    dump.add("sid", getsid(0));
    int number = 0;
    prctl(PR_GET_PDEATHSIG, &number);
    dump.add("pdeathsig", number);
    prctl(PR_GET_CHILD_SUBREAPER, &number);
    dump.add("subreaper", number);
    dump.add("timerslack", prctl(PR_GET_TIMERSLACK));
    dump.add("keepcaps", prctl(PR_GET_KEEPCAPS));
    dump.add("securebits", prctl(PR_GET_SECUREBITS));
    dump.add("personality", personality(0xffffffff));
    dump.add("nice", getpriority(PRIO_PROCESS, 0));
    dump.add("scheduler", sched_getscheduler(0));
    dump.add("ioprio", syscall(SYS_ioprio_get, 1, 0));
    itimerval timer{};
    getitimer(ITIMER_REAL, &timer);
    dump.add("itimer", timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0 ? "armed" : "off");
    dump.add("oom_score_adj", slurp("/proc/self/oom_score_adj"));
    dump.add("cgroup", slurp("/proc/self/cgroup"));
    dump.add("root", link_of("/proc/self/root"));
    for (const char* ns : {"mnt", "net", "pid", "ipc", "uts", "cgroup", "user", "time"})
        dump.add(std::string("ns.") + ns, link_of(std::string("/proc/self/ns/") + ns));
    dump.add("exe", link_of("/proc/self/exe"));
    dump.add("children", slurp(("/proc/self/task/" + std::to_string(getpid()) + "/children").c_str()));
}

std::string stdin_hash() {
    std::uint64_t hash = 0xcbf29ce484222325;
    std::size_t size = 0;
    unsigned char buffer[4096];
    for (ssize_t n; (n = read(0, buffer, sizeof buffer)) > 0; size += static_cast<std::size_t>(n))
        for (ssize_t i = 0; i < n; ++i)
            hash = (hash ^ buffer[i]) * 0x100000001b3;
    return std::to_string(size) + ":" + std::to_string(hash);
}

void pause_ms(long ms) {
    timespec time{.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000};
    while (nanosleep(&time, &time) != 0) {
    }
}

void catch_signal(const std::string& dump_path, long ms) {
    sigset_t all;
    sigfillset(&all);
    const timespec limit{.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000};
    const int number = sigtimedwait(&all, nullptr, &limit);
    if (FILE* file = std::fopen(dump_path.c_str(), "ae"); file != nullptr) {
        std::fprintf(file, "caught=%d\n", number < 0 ? 0 : number);
        std::fclose(file);
    }
}

// The first parent after us: the nearest subreaper above, if there is one.
void leave_orphan(const std::string& path) {
    const pid_t parent = getpid();
    if (fork() != 0)
        return;
    close(0); // callers wait for the ends of the streams
    close(1);
    close(2);
    while (getppid() == parent)
        sched_yield();
    if (FILE* file = std::fopen(path.c_str(), "we"); file != nullptr) {
        std::fprintf(file, "%d\n", getppid());
        std::fclose(file);
    }
    _exit(0);
}

void say(int fd, const std::string& text) {
    if (!text.empty() && write(fd, text.data(), text.size()) < 0)
        _exit(99);
}

} // namespace

int main(int argc, char** argv) {
    // Before anything else is opened: descriptors are part of what is described.
    Dump dump;
    add_descriptors(dump);
    std::map<std::string, std::string> control;
    for (const std::string& line : lines_of(slurp(control_file))) {
        const std::size_t space = std::min(line.find(' '), line.size());
        control[line.substr(0, space)] = unescaped(space < line.size() ? line.substr(space + 1) : "");
    }
    const auto number = [&](const char* key) { return std::atol(control[key].c_str()); };

    for (int i = 0; i < argc; ++i)
        dump.add("argv." + std::to_string(i), argv[i]);
    for (int i = 0; environ[i] != nullptr; ++i)
        dump.add("env." + std::to_string(i), environ[i]);
    dump.add("cwd", link_of("/proc/self/cwd"));
    const mode_t mask = umask(0);
    umask(mask);
    dump.add("umask", mask);
    add_status(dump);
    add_limits(dump);
    add_process(dump);
    const char* listen_pid = std::getenv("LISTEN_PID");
    dump.add("listen_pid", listen_pid == nullptr               ? "none"
                           : std::atol(listen_pid) == getpid() ? "self"
                                                               : "other");
    if (control.contains("read-stdin"))
        dump.add("stdin", stdin_hash());

    sigset_t all;
    sigset_t given;
    sigfillset(&all);
    if (control.contains("catch")) // before the dump appears: who waits for it may send at once
        sigprocmask(SIG_SETMASK, &all, &given);
    if (control.contains("dump"))
        dump.publish(control["dump"]);
    if (control.contains("catch")) {
        catch_signal(control["dump"], number("catch"));
        sigprocmask(SIG_SETMASK, &given, nullptr);
    }
    if (control.contains("orphan"))
        leave_orphan(control["orphan"]);
    if (control.contains("sleep"))
        pause_ms(number("sleep"));
    say(1, control["stdout"]);
    say(2, control["stderr"]);
    if (const char* log = lpm::oci::parse(argc, argv).text(lpm::oci::Option::log);
        log && !control["log"].empty()) {
        const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        say(fd, control["log"]);
        close(fd);
    }
    if (control.contains("signal")) {
        const rlimit no_core{};
        setrlimit(RLIMIT_CORE, &no_core);
        std::signal(static_cast<int>(number("signal")), SIG_DFL);
        sigemptyset(&all);
        sigaddset(&all, static_cast<int>(number("signal")));
        sigprocmask(SIG_UNBLOCK, &all, nullptr);
        raise(static_cast<int>(number("signal")));
    }
    return static_cast<int>(number("exit"));
}
