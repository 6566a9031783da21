// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "cleanup/criu.hpp"

#include <chrono>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include "base/deadline.hpp"
#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "check/found.hpp"
#include "linux/sockdiag.hpp"

namespace lpm::gate {

static constexpr std::chrono::milliseconds patience_with_criu{3000};
static constexpr std::chrono::milliseconds pause{50};
static constexpr std::size_t max_descriptors = 4096;
static constexpr std::size_t max_children = 65536; // bytes of their numbers

static bool has_open(pid_t pid, const struct stat& file) {
    bool found = false;
    std::size_t seen = 0;
    each_entry("/proc/" + std::to_string(pid) + "/fd", [&](int dir, const dirent& entry) {
        struct stat st{};
        found =
            ::fstatat(dir, entry.d_name, &st, 0) == 0 && st.st_dev == file.st_dev && st.st_ino == file.st_ino;
        return !found && ++seen < max_descriptors;
    });
    return found;
}

// What CRIU is making in a PID namespace of its own is called so as well, and has the log open.
static bool is_criu(pid_t pid) {
    const auto status = procfs::read_status(pid);
    return status && status->name.starts_with(criu_name) && status->state != 'Z' &&
           status->ns_pids.size() < 2;
}

Running find_criu(const struct stat& log) {
    Running running;
    each_entry("/proc", [&](int, const dirent& entry) {
        if (const auto pid = to_number<pid_t>(entry.d_name); pid && is_criu(*pid))
            (has_open(*pid, log) ? running.ours : running.other) = *pid;
        return true;
    });
    return running;
}

pid_t find_any_criu() {
    return procfs::find_process(is_criu);
}

static Running await_end(const struct stat& log) {
    const Deadline deadline(patience_with_criu);
    for (;;) {
        const Running running = find_criu(log);
        if (running.ours == 0 || deadline.passed())
            return running;
        std::this_thread::sleep_for(pause);
    }
}

Running await_criu(const WorkDir& work, Recorder& recorder, const EndOrphans& end_orphans) {
    const auto log = work.log_stat();
    if (!log)
        return {};
    Running running = await_end(*log);
    if (running.ours != 0 && end_orphans())
        running = await_end(*log);
    if (running.ours == 0)
        return running;
    const std::string what = "CRIU still runs, as process " + std::to_string(running.ours);
    recorder.note(what);
    recorder.say("lpm: " + recorder.failed_operation() + " is not over: " + what +
                 "; end it, or wait for it");
    return running;
}

// Children of the runtime that have ended, and it has not asked how: its CRIU, the first process of a PID
// namespace.
namespace {
struct DeadChildren {
    bool criu = false;
    bool first = false;
};
} // namespace

static DeadChildren find_dead_children(pid_t runtime) {
    DeadChildren dead;
    const std::string tasks = "/proc/" + std::to_string(runtime) + "/task";
    each_entry(tasks, [&](int dir, const dirent& task) {
        const auto children = read_file(dir, std::string(task.d_name) + "/children", max_children);
        std::string_view rest = children ? std::string_view(*children) : std::string_view();
        while (const auto pid = to_number<pid_t>(next_word(rest))) {
            const auto status = procfs::read_status(*pid);
            if (!status || status->state != 'Z')
                continue;
            if (status->ns_pids.size() < 2)
                dead.criu = dead.criu || status->name.starts_with(criu_name);
            else
                dead.first = dead.first || status->ns_pids.back() == 1;
        }
        return true;
    });
    return dead;
}

// This call's CRIU, known by its log, or what a dead one has left of itself: it probes the kernel with
// children, and moves threads between cgroups with another. Their names.
static std::vector<std::string> end_criu(const struct stat& log, const Delegate& delegate) {
    std::vector<std::string> ended;
    each_entry("/proc", [&](int, const dirent& entry) {
        const auto pid = to_number<pid_t>(entry.d_name);
        const auto handle = pid ? open_pidfd(*pid) : fail(Errc::invalid, "");
        if (handle && is_criu(*pid) && has_made(delegate, *pid) && has_open(*pid, log) &&
            end_process(*handle))
            ended.push_back(std::to_string(*pid) + " (criu)");
        return true;
    });
    return ended;
}

void Watch::each_second(const Delegate& delegate) {
    constexpr int long_enough = 3;
    constexpr int longer = 10; // CRIU, which is alive, gets time to see it, and to put right what it can
    const auto dead = find_dead_children(delegate.pid);
    seconds_dead_ = dead.criu ? seconds_dead_ + 1 : 0;
    seconds_lost_ = dead.first ? seconds_lost_ + 1 : 0;
    const bool gone = seconds_dead_ == long_enough;
    if (!gone && seconds_lost_ != longer)
        return;
    if (gone)
        (void)end_orphans_();
    work_.open();
    const auto log = work_.log_stat();
    const auto ended = log ? end_criu(*log, delegate) : std::vector<std::string>();
    if (ended.empty())
        return;
    const std::string what =
        (gone ? "what a dead CRIU had left of itself was ended: "
              : "CRIU, which waited for a first process that had been killed, was ended: ") +
        check::some_of(ended);
    recorder_.note(what);
    recorder_.say("lpm: the " + recorder_.record().operation.text() + " of " + recorder_.record().container +
                  " would have gone on for ever: " + what);
}

} // namespace lpm::gate
