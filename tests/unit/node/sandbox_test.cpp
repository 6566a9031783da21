// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/sandbox.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "node/web.hpp"

using namespace lpm;

namespace {

// What becomes of `act` in a child: its exit status, or 1000 + the signal that ended it.
template <class Act> int fate(Act act) {
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit none{};
        ::setrlimit(RLIMIT_CORE, &none);
        ::_exit(act());
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}
constexpr int killed = 1000 + SIGSYS;

// The same behind the filter.
template <class Act> int fate_inside(bool may_run, Act act) {
    return fate([&] { return node::allow_daemon_calls(may_run) ? act() : 99; });
}

bool thread_works() {
    bool ran = false;
    std::thread([&] { ran = true; }).join();
    return ran;
}

bool socket_works(int family, int protocol = 0) {
    return static_cast<bool>(Fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol)));
}

bool web_works() {
    // No page is asked for: that its threads start and end is what a filter could prevent.
    for (int port = 18'000; port < 18'100; ++port)
        if (node::Web::open("127.0.0.1:" + std::to_string(port), {}))
            return true;
    return false;
}

bool names_resolve() {
    const addrinfo hints{.ai_flags = AI_ADDRCONFIG,
                         .ai_family = AF_UNSPEC,
                         .ai_socktype = SOCK_STREAM,
                         .ai_protocol = 0,
                         .ai_addrlen = 0,
                         .ai_addr = nullptr,
                         .ai_canonname = nullptr,
                         .ai_next = nullptr};
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo("localhost", "443", &hints, &found);
    if (error == 0)
        ::freeaddrinfo(found);
    return error == 0;
}

bool run_works() {
    const auto output = run({"/bin/sh", "-c", "echo $((6 * 7)) | cat"}, std::chrono::seconds(10));
    return output && output->status == 0 && output->text == "42\n";
}

std::string status_of(std::string_view status, std::string_view key) {
    while (!status.empty()) {
        std::string_view line = next_line(status);
        if (next_part(line, ':') == key)
            return std::string(trim(line));
    }
    return "absent";
}

struct Call {
    const char* name;
    bool (*works)();
};
constexpr Call working[] = {
    {"getuid", [] { return ::syscall(SYS_getuid) >= 0; }},
    {"a TCP socket", [] { return socket_works(AF_INET); }},
    {"a TCP socket of IPv6", [] { return socket_works(AF_INET6) || errno == EAFNOSUPPORT; }},
    {"a unix socket", [] { return socket_works(AF_UNIX); }},
    {"a thread", thread_works},
    {"names", names_resolve},
    {"a web server", web_works},
    {"an eventfd", [] { return static_cast<bool>(Fd(::eventfd(0, EFD_CLOEXEC))); }},
    {"a file", [] { return read_head(AT_FDCWD, "/proc/self/status", 100).has_value(); }},
    {"memory", [] { return std::string(8 << 20, 'x').back() == 'x'; }},
    {"a limit",
     [] {
         rlimit limit{};
         return ::getrlimit(RLIMIT_NOFILE, &limit) == 0;
     }},
    {"clone3, or ENOSYS", [] { return ::syscall(SYS_clone3, nullptr, 0) == -1 && errno == ENOSYS; }},
};
// As if they did not exist for us: a library can take its other way.
constexpr Call refused[] = {
    {"a packet socket", [] { return socket_works(AF_PACKET); }},
    {"a vsock", [] { return socket_works(AF_VSOCK); }},
    {"netlink of another kind", [] { return socket_works(AF_NETLINK, NETLINK_AUDIT); }},
    {"setuid", [] { return ::syscall(SYS_setuid, 0) == 0; }},
    {"another's limits", [] { return ::syscall(SYS_prlimit64, ::getppid(), 0, nullptr, nullptr) == 0; }},
    {"a new user namespace", [] { return ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr) == 0; }},
    {"a terminal's input", [] { return ::syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x") == 0; }},
    {"a call of tomorrow", [] { return ::syscall(5000) == 0; }},
};
constexpr Call refused_to_daemons[] = {
    {"fork", [] { return ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr) >= 0; }},
    {"another's signal", [] { return ::syscall(SYS_tgkill, ::getppid(), ::getppid(), 0) == 0; }},
    {"memory that is written and run",
     [] {
         return ::syscall(SYS_mmap, nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != -1;
     }},
};
constexpr Call deadly[] = {
    {"ptrace", [] { return ::syscall(SYS_ptrace, PTRACE_TRACEME, 0, nullptr, nullptr) == 0; }},
    {"mount", [] { return ::syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, nullptr) == 0; }},
    {"bpf", [] { return ::syscall(SYS_bpf, 0, nullptr, 0) == 0; }},
    {"setns", [] { return ::syscall(SYS_setns, -1, 0) == 0; }},
    {"unshare", [] { return ::syscall(SYS_unshare, 0) == 0; }},
    {"init_module", [] { return ::syscall(SYS_init_module, nullptr, 0, "") == 0; }},
    {"process_vm_readv", [] { return ::syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0) == 0; }},
};
constexpr Call deadly_to_daemons[] = {
    {"execve", [] { return ::syscall(SYS_execve, "/none", nullptr, nullptr) == 0; }},
    {"keyctl", [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0) == 0; }},
    {"io_uring", [] { return ::syscall(SYS_io_uring_setup, 0, nullptr) == 0; }},
};

} // namespace

TEST(Sandbox, drops_every_capability_for_good) {
    EXPECT_EQ(fate([] {
                  const auto before = read_head(AT_FDCWD, "/proc/self/status", 8192).value_or("");
                  if (!node::drop_capabilities() || !node::drop_capabilities())
                      return 1;
                  const auto after = read_head(AT_FDCWD, "/proc/self/status", 8192).value_or("");
                  const std::string none(16, '0');
                  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
                      if (status_of(after, set) != none)
                          return 2;
                  const bool permitted = status_of(before, "CapEff") != none;
                  if (permitted && status_of(after, "CapBnd") != none)
                      return 3;
                  return status_of(after, "NoNewPrivs") == "1" ? 0 : 4;
              }),
              0);
}

TEST(Sandbox, lets_a_daemon_work) {
    for (const bool may_run : {false, true})
        for (const auto& [name, works] : working)
            EXPECT_EQ(fate_inside(may_run, [works] { return works() ? 0 : 1; }), 0) << name << " " << may_run;
}

TEST(Sandbox, works_without_capabilities_too) {
    EXPECT_EQ(fate([] {
                  if (!node::drop_capabilities() || !node::allow_daemon_calls(false))
                      return 1;
                  return thread_works() && socket_works(AF_INET) && names_resolve() ? 0 : 2;
              }),
              0);
}

TEST(Sandbox, refuses_what_it_does_not_know) {
    const auto ends_with_eperm = [](bool (*works)()) {
        errno = 0;
        return !works() && errno == EPERM ? 0 : 1;
    };
    for (const bool may_run : {false, true})
        for (const auto& [name, works] : refused)
            EXPECT_EQ(fate_inside(may_run, [&, act = works] { return ends_with_eperm(act); }), 0) << name;
    for (const auto& [name, works] : refused_to_daemons)
        EXPECT_EQ(fate_inside(false, [&, act = works] { return ends_with_eperm(act); }), 0) << name;
}

TEST(Sandbox, ends_the_process_at_what_attackers_need) {
    const auto survives = [](bool (*works)()) {
        static_cast<void>(works());
        return 0;
    };
    for (const bool may_run : {false, true})
        for (const auto& [name, works] : deadly)
            EXPECT_EQ(fate_inside(may_run, [&, act = works] { return survives(act); }), killed) << name;
    for (const auto& [name, works] : deadly_to_daemons) {
        EXPECT_EQ(fate_inside(false, [&, act = works] { return survives(act); }), killed) << name;
        EXPECT_EQ(fate_inside(true, [&, act = works] { return survives(act); }), 0) << name;
    }
}

TEST(Sandbox, lets_a_reader_read_and_nothing_else) {
    const auto inside = [](bool (*works)()) {
        return fate([&] { return !node::allow_reading() ? 99 : works() ? 0 : errno == EPERM ? 1 : 2; });
    };
    static const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    constexpr Call reading[] = {
        {"a part",
         [] {
             char byte = 0;
             return ::pread(file, &byte, 1, 1) == 1 && ::lseek(file, 0, SEEK_END) > 0;
         }},
        {"the size",
         [] {
             struct stat info{};
             return ::fstat(file, &info) == 0 && info.st_size > 0;
         }},
        {"memory", [] { return std::string(8 << 20, 'x').back() == 'x'; }},
        {"an answer", [] { return ::write(STDOUT_FILENO, "", 0) == 0; }},
    };
    for (const auto& [name, works] : reading)
        EXPECT_EQ(inside(works), 0) << name;
    constexpr Call closed[] = {
        {"a file", [] { return static_cast<bool>(open_at(AT_FDCWD, "/dev/null", O_RDONLY)); }},
        {"a unix socket", [] { return socket_works(AF_UNIX); }},
        {"a TCP socket", [] { return socket_works(AF_INET); }},
        {"fork", [] { return ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr) >= 0; }},
        {"a signal", [] { return ::kill(::getppid(), 0) == 0; }},
        {"memory that is run",
         [] {
             return ::syscall(SYS_mmap, nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                              0) != -1;
         }},
        {"removal", [] { return ::unlink("/tmp/none-of-lpm") == 0; }},
    };
    for (const auto& [name, works] : closed)
        EXPECT_EQ(inside(works), 1) << name;
    for (const auto& [name, works] : deadly)
        EXPECT_EQ(inside(works), killed) << name;
    for (const auto& [name, works] : deadly_to_daemons)
        EXPECT_EQ(inside(works), killed) << name;
}

TEST(Sandbox, holds_for_threads_that_run_already) {
    EXPECT_EQ(fate([] {
                  std::atomic<bool> filtered = false;
                  std::atomic<int> error = 0;
                  std::thread other([&] {
                      while (!filtered)
                          std::this_thread::yield();
                      error = ::syscall(SYS_setuid, 0) == 0 ? 0 : errno;
                  });
                  const auto done = node::allow_daemon_calls(false);
                  filtered = true;
                  other.join();
                  return done && error == EPERM ? 0 : 1;
              }),
              0);
}

TEST(Sandbox, ends_the_whole_process_from_any_thread) {
    EXPECT_EQ(fate_inside(false,
                          [] {
                              std::thread([] { ::syscall(SYS_unshare, 0); }).join();
                              return 0;
                          }),
              killed);
}

TEST(Sandbox, leaves_abort_an_abort) {
    EXPECT_EQ(fate_inside(false,
                          [] {
                              ::signal(SIGABRT, SIG_DFL);
                              std::abort();
                              return 0;
                          }),
              1000 + SIGABRT);
}

TEST(Sandbox, runs_programs_if_told_so) {
    EXPECT_EQ(fate_inside(true, [] { return run_works() ? 0 : 1; }), 0);
    EXPECT_EQ(fate([] {
                  if (!node::drop_capabilities() || !node::allow_daemon_calls(true))
                      return 1;
                  return run_works() ? 0 : 2;
              }),
              0);
}
