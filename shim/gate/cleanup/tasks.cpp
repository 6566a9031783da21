// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "cleanup/tasks.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "check/found.hpp"
#include "cleanup/criu.hpp"
#include "linux/procmaps.hpp"

namespace lpm::gate {

static constexpr std::size_t max_tasks = 1000;
static constexpr std::chrono::seconds patience(1);

void thaw_if_frozen(const oci::State& state, Recorder& recorder) {
    if (!oci::alive(state) || !oci::frozen(state))
        return;
    const auto thawed = oci::thaw(state);
    const record::Record& record = recorder.record();
    const std::string what =
        "the failed " + record.operation.text() + " left " + record.container + " frozen";
    if (thawed && !oci::frozen(state)) {
        recorder.note("the container was left frozen and has been thawed");
        recorder.say("lpm: " + what + "; it has been thawed");
    } else {
        recorder.note("the container was left frozen" +
                      (thawed ? std::string() : ": " + thawed.error().text));
        recorder.say("lpm: " + what + " and it could not be thawed: resume it with the runtime");
    }
}

// The code that CRIU runs inside of a process lies in a memfd of this name. When CRIU dies, that code hands
// the process back to itself and stays where it is.
static bool is_infected(pid_t pid) {
    const auto maps = procfs::read_proc(pid, "maps");
    if (!maps)
        return false;
    std::string_view rest = *maps;
    while (const auto mapping = procfs::next_mapping(rest))
        if (mapping->path.starts_with("/memfd:CRIUMFD"))
            return true;
    return false;
}

namespace {
// Processes of a container, as messages name them.
struct TaskLeftovers {
    std::vector<std::string> traced; // by a CRIU
    std::vector<std::string> stopped;
    std::vector<std::string> infected; // CRIU's code is still mapped
};
} // namespace

// `cut`: CRIU has not ended by itself. Only then are mappings read, of which a process may have very many.
static TaskLeftovers look_at_tasks(const std::vector<pid_t>& pids, bool cut) {
    TaskLeftovers found;
    for (const pid_t pid : pids) {
        const auto status = procfs::read_status(pid);
        if (!status || status->state == 'Z')
            continue;
        const std::string name = name_of(pid, *status);
        const auto tracer = status->tracer != 0 ? procfs::read_status(status->tracer) : status;
        if (status->tracer != 0 && tracer && tracer->name.starts_with(criu_name))
            found.traced.push_back(name + " by " + std::to_string(status->tracer));
        if (status->state == 'T')
            found.stopped.push_back(name);
        if (cut && is_infected(pid))
            found.infected.push_back(name);
    }
    return found;
}

void report_tasks(const oci::State& state, bool none_stopped, Recorder& recorder) {
    const record::Record& record = recorder.record();
    std::vector<std::string> told;
    if (!oci::alive(state))
        told.push_back("its first process, " + std::to_string(state.init) + ", is gone");
    const auto pids = oci::read_pids(state, max_tasks, Deadline(patience));
    const bool cut = record.code == "CriuCutShort" || record.code == "RuntimeKilled";
    const auto found = pids ? look_at_tasks(*pids, cut) : TaskLeftovers{};
    if (!found.traced.empty())
        told.push_back("CRIU traces process " + check::some_of(found.traced));
    if (none_stopped && !found.stopped.empty())
        told.push_back("stopped by a signal, which only SIGCONT ends: process " +
                       check::some_of(found.stopped));
    if (!found.infected.empty())
        told.push_back("memory of CRIU's stays mapped, which does no harm, in process " +
                       check::some_of(found.infected));
    if (record.code == "CriuCutShort" && record.frozen && told.empty())
        told.emplace_back(
            "CRIU was cut off in the middle of its work: whether a process that it was in goes on is seen "
            "when the container is resumed");
    for (const auto& one : told)
        recorder.note("after the failed " + record.operation.text() + ": " + one);
    if (!told.empty())
        recorder.say("lpm: after " + recorder.failed_operation() + ": " + check::some_of(told));
}

} // namespace lpm::gate
