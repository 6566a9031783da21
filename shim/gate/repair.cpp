// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/mount.h>
#include <thread>
#include <unistd.h>

#include "base/file.hpp"
#include "call.hpp"
#include "check/found.hpp"
#include "creation.hpp"
#include "criu/log.hpp"
#include "inspect/images.hpp"
#include "oci/phrases.hpp"

// After a failure: is anything left of CRIU that keeps the container, or its pod, from going on?
namespace lpm::gate {

// A CRIU whose runtime was killed ends by itself when it has something to tell it.
static constexpr std::chrono::milliseconds patience{3000};
static constexpr std::chrono::milliseconds pause{50};
static constexpr std::size_t max_tasks = 1000;

// What the network namespace is, and whether packets are stopped in it already. Later a restore's namespace
// may have no name any more.
void Call::look_at_network(const inspect::Facts& facts) {
    was_alive_ = facts.alive;
    none_stopped_ = facts.workload && facts.workload->incomplete.empty() &&
                    (*facts.workload)[inspect::Item::stopped].count == 0;
    if (record_.operation == "restore") {
        if (facts.bundle)
            network_ = inspect::open_network(*facts.bundle);
    } else if (facts.alive) {
        auto net = open_at(AT_FDCWD, "/proc/" + std::to_string(facts.state->init) + "/ns/net", O_RDONLY);
        if (net)
            network_ = *std::move(net);
    }
    if (!network_)
        return;
    if (auto lock = criu::read_network_lock(network_->get()))
        lock_before_ = *std::move(lock);
}

static Running await_end(const struct stat& log) {
    const auto end = std::chrono::steady_clock::now() + patience;
    for (;;) {
        const Running running = find_criu(log);
        if (running.ours == 0 || std::chrono::steady_clock::now() >= end)
            return running;
        std::this_thread::sleep_for(pause);
    }
}

std::optional<struct stat> Call::find_log() const {
    struct stat log{};
    if (!written_by_this_call(log_name()) ||
        ::fstatat(work_.get(), log_name(), &log, AT_SYMLINK_NOFOLLOW) != 0)
        return std::nullopt;
    return log;
}

void Call::wait_for_criu() {
    const auto log = find_log();
    if (!log)
        return;
    running_ = await_end(*log);
    // A helper of CRIU's lives as long as what CRIU was making.
    if (running_.ours != 0 && end_orphans())
        running_ = await_end(*log);
    if (running_.ours == 0)
        return;
    const std::string what = "CRIU still runs, as process " + std::to_string(running_.ours);
    note(what);
    say("lpm: the failed " + record_.operation + " of " + subject_.id + " is not over: " + what +
        "; end it, or wait for it");
}

void Call::report_lock_left(const std::string& what, std::string_view why) {
    note("a network lock of CRIU's was left alone: " + what + ": " + std::string(why));
    // An error may quote the kernel in words that callers take for something else.
    const std::string reason = oci::misread(why) ? "it could not be deleted" : std::string(why);
    say("lpm: a network lock of CRIU's keeps every packet from reaching " + subject_.id + ": " + what + "; " +
        reason + ": delete it when no checkpoint or restore is under way there");
}

// The network namespace that we are in ourselves, which is the node's: also when that cannot be told.
static bool is_own(int net) {
    struct stat there{};
    struct stat own{};
    if (::fstat(net, &there) != 0 || ::stat("/proc/self/ns/net", &own) != 0)
        return true;
    return there.st_dev == own.st_dev && there.st_ino == own.st_ino;
}

// A chain does not say whose it is. Empty when only a CRIU that runs may have made it, or ours.
static std::string_view why_leave_chain(const std::optional<criu::NetworkLock>& before, bool started_criu,
                                        int net) {
    if (!before)
        return "whether it was there before this call is not known";
    if (before->chain())
        return "it was there before this call";
    if (!started_criu)
        return "this call did not start CRIU";
    return is_own(net) ? "the network is the node's own" : "";
}

// Only what is ours: a table by the id in its name, which at a restore is the dump's, and so that of another
// restore of the same images as well; a chain, which has none, when nothing speaks against it and no other
// CRIU runs.
void Call::unlock_network() {
    const auto lock =
        network_ ? criu::read_network_lock(network_->get()) : Result<criu::NetworkLock>(criu::NetworkLock{});
    if (!lock)
        note("whether CRIU left the network locked is not known: " + lock.error().text);
    if (!lock || !lock->any())
        return;
    std::vector<std::string> removed;
    const auto remove = [&](const std::string& what, const Result<>& done) {
        if (done)
            removed.push_back(what);
        else
            report_lock_left(what, done.error().text);
    };
    const std::string busy =
        "CRIU still runs, as process " + std::to_string(running_.ours != 0 ? running_.ours : running_.other);
    for (const auto& table : lock->tables) {
        const std::string what = "the nftables table inet " + table;
        if (!criu::belongs_to(table, run_id_))
            note(what + " is of another run of CRIU's and was left alone");
        else if (running_.ours != 0 || (record_.operation == "restore" && running_.other != 0))
            report_lock_left(what, busy);
        else
            remove(what, criu::remove_lock_table(network_->get(), table));
    }
    if (lock->chain()) {
        const std::string what = "the iptables chain CRIU";
        const auto why = why_leave_chain(lock_before_, written_by_this_call(log_name()), network_->get());
        if (!why.empty())
            report_lock_left(what, why);
        else if (running_.ours != 0 || running_.other != 0)
            report_lock_left(what, busy);
        else
            remove(what, criu::remove_lock_chain(network_->get(), *lock));
    }
    if (removed.empty())
        return;
    const std::string what = check::some_of(removed);
    note("the network lock that CRIU left was removed: " + what);
    say("lpm: the failed " + record_.operation + " of " + subject_.id +
        " left the network of the pod locked; it has been unlocked (" + what + ")");
}

void Call::report_tasks() {
    if (record_.operation == "restore" || !state_ || !was_alive_)
        return;
    std::vector<std::string> told;
    if (!oci::alive(*state_))
        told.push_back("its first process, " + std::to_string(state_->init) + ", is gone");
    const auto pids = oci::read_pids(*state_, max_tasks);
    const bool cut = record_.code == "CriuCutShort" || record_.code == "RuntimeKilled";
    const auto found = pids ? look_at_tasks(*pids, cut) : TaskLeftovers{};
    if (!found.traced.empty())
        told.push_back("CRIU traces process " + check::some_of(found.traced));
    if (none_stopped_ && !found.stopped.empty())
        told.push_back("stopped by a signal, which only SIGCONT ends: process " +
                       check::some_of(found.stopped));
    if (!found.infected.empty())
        told.push_back("memory of CRIU's stays mapped, which does no harm, in process " +
                       check::some_of(found.infected));
    if (record_.code == "CriuCutShort" && record_.frozen && told.empty())
        told.emplace_back(
            "CRIU was cut off in the middle of its work: whether a process that it was in goes on is seen "
            "when the container is resumed");
    for (const auto& one : told)
        note("after the failed " + record_.operation + ": " + one);
    if (!told.empty())
        say("lpm: after the failed " + record_.operation + " of " + subject_.id + ": " +
            check::some_of(told));
}

// CRIU that is killed in the middle of a restore leaves processes that wait for it for ever, and of a runtime
// that is killed nobody knows what it has started. Their memory, sockets and cgroup are in the way of the
// next.
bool Call::end_orphans() {
    if (!fresh_ || !sole_ || !cgroups_path_)
        return false;
    auto orphans = find_orphans(*cgroups_path_, subject_.id, delegate_);
    if (orphans.empty())
        return false;
    const auto known = oci::read_inits(subject_.root);
    if (!known) {
        note("whether processes were left is not known: " + known.error().text);
        return false;
    }
    // What the runtime knows it can delete.
    std::erase_if(
        orphans, [&](const Orphan& orphan) { return std::ranges::find(*known, orphan.pid) != known->end(); });
    std::vector<std::string> ended;
    std::vector<std::string> left;
    for (const auto& orphan : orphans)
        (end_process(orphan.handle) ? ended : left).push_back(orphan.name);
    const auto tell = [&](const std::vector<std::string>& names, const std::string& what) {
        if (names.empty())
            return;
        note("processes that the failed restore left, and no runtime knows of, " + what + ": " +
             check::some_of(names));
        say("lpm: the failed restore of " + subject_.id + " left processes that no runtime knows of; they " +
            what + ": " + check::some_of(names));
    };
    tell(ended, "have been ended");
    tell(left, "could not be ended");
    return !ended.empty();
}

// runc reads CRIU's answers from a socket that CRIU's processes have as well: as long as one of them waits
// for a CRIU that was killed, by the kernel for want of memory say, runc waits with it. And CRIU may wait for
// ever for a first process that was killed just before it was let go, as `delete --force` does.
void Call::look_after(pid_t runtime) {
    constexpr int long_enough = 3;
    constexpr int longer = 10; // CRIU, which is alive, gets time to see it, and to put right what it can
    const auto dead = find_dead_children(runtime);
    seconds_dead_ = dead.criu ? seconds_dead_ + 1 : 0;
    seconds_lost_ = dead.first ? seconds_lost_ + 1 : 0;
    const bool gone = seconds_dead_ == long_enough;
    if (!gone && seconds_lost_ != longer)
        return;
    if (gone)
        end_orphans();
    open_work_dir();
    const auto log = find_log();
    const auto ended = log ? end_criu(*log, delegate_) : std::vector<std::string>();
    if (ended.empty())
        return;
    const std::string what =
        (gone ? "what a dead CRIU had left of itself was ended: "
              : "CRIU, which waited for a first process that had been killed, was ended: ") +
        check::some_of(ended);
    note(what);
    say("lpm: the " + record_.operation + " of " + subject_.id + " would have gone on for ever: " + what);
}

// runc binds the root file system into its own folder, for CRIU (libcontainer/criu_linux.go), crun into the
// bundle (libcrun/criu.c). When runc is killed before it takes that away, its `delete --force` deletes
// through it all files of the container.
void Call::unbind_root() {
    if (!fresh_ || !sole_)
        return;
    const bool crun = subject_.kind == criu::RuntimeKind::crun;
    const std::string place = (crun ? bundle_dir_ : subject_.root + "/" + subject_.id) + shim::criu_root;
    const std::string what = "the container's root file system, which the runtime left mounted at " + place;
    if (::umount2(place.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
        ::rmdir(place.c_str());
        note(what + ", has been unmounted: a delete would have emptied it");
    } else if (errno != ENOENT && errno != ENOTDIR && errno != EINVAL) {
        note(what + ", could not be unmounted");
        say("lpm: unmount " + place + " before anybody deletes " + subject_.id +
            ": the runtime left it there, and a delete would empty the container's root file system through "
            "it");
    }
}

} // namespace lpm::gate
