// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/probe.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "criu/images/inventory.hpp"
#include "criu/log.hpp"
#include "criu/swrk.hpp"
#include "linux/netns.hpp"

namespace lpm::criu {

using namespace std::chrono_literals;

static constexpr auto patience = 10s;
// A dump of a process that sleeps takes a tenth of a second; a guest that emulates its processor is slow.
static constexpr auto patience_for_dump = 60s;
static constexpr std::size_t most_log = std::size_t{1} << 20;

// A process to dump: no terminal, no file outside /dev/null.
static pid_t start_sleeper() {
    const pid_t pid = ::fork();
    if (pid != 0)
        return pid;
    ::setsid();
    const int null = ::open("/dev/null", O_RDWR); // NOLINT: handed to the process that follows
    for (int fd = 0; fd <= 2; ++fd)
        ::dup2(null, fd);
    ::close_range(3, ~0U, 0);
    ::execl("/bin/sleep", "sleep", "60", nullptr);
    ::_exit(1);
}

// Until the child has become `sleep`, a second at most.
static bool await_sleep(pid_t pid) {
    const std::string comm = "/proc/" + std::to_string(pid) + "/comm";
    for (int i = 0; i < 1000; ++i) {
        if (const auto name = read_file(AT_FDCWD, comm, 64); name && *name == "sleep\n")
            return true;
        ::usleep(1000);
    }
    return false;
}

// What the next moment may mend, as strerror(3) names it. The network is unreachable as long as the loopback
// interface is down, as it is early at a boot.
static bool is_momentary(std::string_view message) {
    constexpr std::array errors{ENOSPC, EDQUOT,      ENOMEM,   EMFILE, ENFILE,
                                EAGAIN, ENETUNREACH, ENETDOWN, ETXTBSY};
    return std::ranges::any_of(
        errors, [&](int error) { return message.contains(std::string_view(::strerror(error))); });
}

// It did not crash: somebody has ended it, the kernel for want of memory among them.
static bool was_ended(int signal) {
    return signal == SIGKILL || signal == SIGTERM || signal == SIGHUP || signal == SIGINT;
}

// Why a run of CRIU failed: the first error in `log`, which may be empty; "" when it did not fail. Nothing
// when that says nothing of this CRIU and this kernel.
static std::optional<std::string> failure_of(const Result<Output>& done, std::string_view log) {
    std::string failure;
    if (!done) {
        failure = done.error().text;
    } else if (done->status != 0) {
        const auto error = first_error(log);
        std::string_view rest = done->text;
        failure = error ? error->message
                        : "exit status " + std::to_string(done->status) + ": " + one_line(next_line(rest));
    }
    if (is_momentary(failure) || (done && was_ended(done->status - 128)))
        return std::nullopt;
    return failure;
}

// A runtime names a file of its own, /etc/criu/runc.conf. Some CRIUs crash when network-lock stands in that
// one.
static void probe_lock_in_config(CriuFacts& facts, pid_t pid, const std::string& dir) {
    constexpr std::string_view line = "network-lock skip\n";
    const std::string file = dir + "/runc.conf";
    const auto fd = open_at(AT_FDCWD, file, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (!fd || !write_all(fd->get(), line))
        return;
    const auto status =
        run_swrk({.criu = facts.path, .pid = pid, .images = dir, .config_file = file}, patience_for_dump);
    if (status && !(WIFSIGNALED(*status) && was_ended(WTERMSIG(*status))))
        facts.crashes_on_lock = WIFSIGNALED(*status);
}

// A dump of a sleeping process shows whether CRIU works here at all (on some virtual machines it waits for
// ever for a breakpoint), and what it locks the network with by default, a build option that no --help shows.
static void probe_dump(CriuFacts& facts) {
    std::array<char, 32> dir{"/tmp/lpm-probe.XXXXXX"};
    if (::mkdtemp(dir.data()) == nullptr)
        return;
    const pid_t sleeper = start_sleeper();
    if (sleeper > 0 && await_sleep(sleeper)) {
        const auto dumped = run({facts.path, "dump", "-t", std::to_string(sleeper), "-D", dir.data(), "-o",
                                 "dump.log", "--shell-job", "--leave-running"},
                                patience_for_dump);
        const std::string in = std::string(dir.data()) + "/";
        facts.dump_failure = failure_of(dumped, read_file(AT_FDCWD, in + "dump.log", most_log).value_or(""));
        if (const auto image = read_file(AT_FDCWD, in + "inventory.img", 65536))
            if (const auto inventory = parse_inventory(*image); inventory && inventory->network_lock_method)
                facts.network_lock = lock_method(*inventory->network_lock_method);
        if (facts.dump_failure && facts.dump_failure->empty())
            probe_lock_in_config(facts, sleeper, dir.data());
    }
    if (sleeper > 0) {
        ::kill(sleeper, SIGKILL);
        ::waitpid(sleeper, nullptr, 0);
    }
    (void)run({"rm", "-rf", "--", dir.data()}, patience);
}

static void probe_features(CriuFacts& facts) {
    const auto check = run({facts.path, "check"}, patience);
    if (check) // else it took too long, or could not be started
        facts.check_failure = failure_of(check, check->text);
    std::vector<std::string> missing;
    for (const auto feature : probed_features) {
        const auto asked = run({facts.path, "check", "--feature", std::string(feature)}, patience);
        if (!asked || !failure_of(asked, asked->text))
            return;
        // An older CRIU that does not know the word does not need it either.
        if (asked->status != 0 && asked->text.find("Unknown feature") == std::string::npos)
            missing.emplace_back(feature);
    }
    facts.missing = std::move(missing);
}

// A chain that takes packets with a mark and drops all others, as CRIU makes one, in a network namespace that
// nobody uses. An older iptables-restore knows no -w, with which it waits for others.
static void probe_lock(CriuFacts& facts) {
    constexpr std::string_view rules = "*filter\n:LPM - [0:0]\n-I INPUT -j LPM\n-I OUTPUT -j LPM\n"
                                       "-A LPM -m mark --mark 1 -j ACCEPT\n-A LPM -j DROP\nCOMMIT\n";
    ScopedNetns inside;
    if (!inside.enter_new())
        return;
    const std::vector<std::string> plain{"iptables-restore", "--noflush"};
    auto waiting = plain;
    waiting.emplace_back("-w");
    auto done = run({.argv = waiting, .timeout = patience, .input = std::string(rules)});
    if (done && done->status != 0)
        done = run({.argv = plain, .timeout = patience, .input = std::string(rules)});
    if (done && !done->late)
        facts.lock_failure = failure_of(done, {});
}

CriuFacts probe_criu(const std::string& path) {
    CriuFacts facts;
    facts.path = path;
    facts.key = file_key(path);
    if (const auto output = run({path, "--version"}, patience); output && output->status == 0)
        facts.version = parse_criu_version(output->text);
    facts.selinux = oci::names_library(path, "libselinux.so");
    probe_features(facts);
    probe_dump(facts);
    probe_lock(facts);
    return facts;
}

} // namespace lpm::criu
