// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "cleanup/orphans.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "base/dir.hpp"
#include "base/text.hpp"
#include "check/found.hpp"
#include "linux/sockdiag.hpp"
#include "oci/cgroup.hpp"
#include "oci/state.hpp"

namespace lpm::gate {

namespace {
// The first process of a PID namespace that was made during a restore; with it all of the namespace ends.
struct Orphan {
    pid_t pid = 0;
    std::string name;
    Fd handle; // a pidfd
};
} // namespace

static std::optional<Orphan> orphan_at(pid_t pid, std::string_view cgroups_path, std::string_view id,
                                       const Delegate& delegate) {
    // First: what is read then is of the process that it holds, or of one that is not killed.
    auto handle = open_pidfd(pid);
    if (!handle || !has_made(delegate, pid))
        return std::nullopt;
    const auto status = procfs::read_status(pid);
    if (!status || status->ns_pids.size() < 2 || status->ns_pids.back() != 1)
        return std::nullopt;
    const auto cgroup = procfs::read_proc(pid, "cgroup");
    if (!cgroup || !oci::in_cgroup_of(*cgroup, cgroups_path, id))
        return std::nullopt;
    return Orphan{pid, name_of(pid, *status), *std::move(handle)};
}

static std::vector<Orphan> find_orphans(std::string_view cgroups_path, std::string_view id,
                                        const Delegate& delegate) {
    std::vector<Orphan> found;
    each_entry("/proc", [&](int, const dirent& entry) {
        if (const auto pid = to_number<pid_t>(entry.d_name))
            if (auto orphan = orphan_at(*pid, cgroups_path, id, delegate))
                found.push_back(*std::move(orphan));
        return true;
    });
    return found;
}

bool end_orphans(const std::string& cgroups_path, const Delegate& delegate, Recorder& recorder) {
    const record::Record& record = recorder.record();
    auto orphans = find_orphans(cgroups_path, record.container, delegate);
    if (orphans.empty())
        return false;
    const auto known = oci::read_inits(record.root);
    if (!known) {
        recorder.note("whether processes were left is not known: " + known.error().text);
        return false;
    }
    std::erase_if(orphans, [&](const Orphan& orphan) { return std::ranges::contains(*known, orphan.pid); });
    std::vector<std::string> ended;
    std::vector<std::string> left;
    for (const auto& orphan : orphans)
        (end_process(orphan.handle) ? ended : left).push_back(orphan.name);
    const auto tell = [&](const std::vector<std::string>& names, const std::string& what) {
        if (names.empty())
            return;
        recorder.note("processes that the failed restore left, and no runtime knows of, " + what + ": " +
                      check::some_of(names));
        recorder.say("lpm: " + recorder.failed_operation() +
                     " left processes that no runtime knows of; they " + what + ": " + check::some_of(names));
    };
    tell(ended, "have been ended");
    tell(left, "could not be ended");
    return !ended.empty();
}

} // namespace lpm::gate
