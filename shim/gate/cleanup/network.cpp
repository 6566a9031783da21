// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "cleanup/network.hpp"

#include <string_view>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include "check/found.hpp"
#include "criu/log.hpp"
#include "oci/phrases.hpp"

namespace lpm::gate {

NetworkBefore read_network(std::optional<Fd> network) {
    NetworkBefore before;
    before.network = std::move(network);
    if (!before.network)
        return before;
    if (auto lock = criu::read_network_lock(before.network->get()))
        before.lock = *std::move(lock);
    return before;
}

static void report_lock_left(Recorder& recorder, const std::string& what, std::string_view why) {
    recorder.note("a network lock of CRIU's was left alone: " + what + ": " + std::string(why));
    // An error may quote the kernel in words that callers take for something else.
    const std::string reason = oci::misread(why) ? "it could not be deleted" : std::string(why);
    recorder.say("lpm: a network lock of CRIU's keeps every packet from reaching " +
                 recorder.record().container + ": " + what + "; " + reason +
                 ": delete it when no checkpoint or restore is under way there");
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
static std::string_view why_leave_chain(const NetworkBefore& before, bool started_criu) {
    if (!before.lock)
        return "whether it was there before this call is not known";
    if (before.lock->chain())
        return "it was there before this call";
    if (!started_criu)
        return "this call did not start CRIU";
    return is_own(before.network->get()) ? "the network is the node's own" : "";
}

// Only what is ours: a table by the id in its name, which at a restore is the dump's, and so that of another
// restore of the same images as well; a chain, which has none, when nothing speaks against it and no other
// CRIU runs.
void unlock_network(const NetworkBefore& before, const CriuRun& run, const std::optional<std::string>& log,
                    Recorder& recorder) {
    const int net = before.network ? before.network->get() : -1;
    const auto lock =
        before.network ? criu::read_network_lock(net) : Result<criu::NetworkLock>(criu::NetworkLock{});
    if (!lock)
        recorder.note("whether CRIU left the network locked is not known: " + lock.error().text);
    if (!lock || !lock->any())
        return;
    const std::string run_id(log ? criu::dump_run_id(*log) : std::string_view());
    std::vector<std::string> removed;
    const auto remove = [&](const std::string& what, const Result<>& done) {
        if (done)
            removed.push_back(what);
        else
            report_lock_left(recorder, what, done.error().text);
    };
    const auto [ours, other] = run.running;
    const auto busy = [](pid_t criu) { return "CRIU still runs, as process " + std::to_string(criu); };
    for (const auto& table : lock->tables) {
        const std::string what = "the nftables table inet " + table;
        if (!criu::belongs_to(table, run_id))
            recorder.note(what + " is of another run of CRIU's and was left alone");
        else if (ours != 0 || (run.restore && other != 0))
            report_lock_left(recorder, what, busy(ours != 0 ? ours : other));
        else
            remove(what, criu::remove_lock_table(net, table));
    }
    if (lock->chain()) {
        const std::string what = "the iptables chain CRIU";
        const auto why = why_leave_chain(before, run.started);
        if (!why.empty())
            report_lock_left(recorder, what, why);
        // Asked again at the last moment: another dump of the pod may have begun, and the chain would be its.
        else if (const pid_t criu = find_any_criu(); criu != 0)
            report_lock_left(recorder, what, busy(criu));
        else
            remove(what, criu::remove_lock_chain(net, *lock));
    }
    if (removed.empty())
        return;
    const std::string what = check::some_of(removed);
    recorder.note("the network lock that CRIU left was removed: " + what);
    recorder.say("lpm: " + recorder.failed_operation() +
                 " left the network of the pod locked; it has been unlocked (" + what + ")");
}

} // namespace lpm::gate
