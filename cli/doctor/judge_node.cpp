// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>

#include "base/format.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "doctor/judges.hpp"

namespace lpm::doctor {

Finding judge_bypass(const Facts& facts) {
    if (!facts.node.bypass)
        return {State::ok, lpm::format("{} is not there", paths::bypass_file)};
    return {State::warn,
            lpm::format("{} is there: lpm checks, records and changes nothing", paths::bypass_file),
            lpm::format("rm {}", paths::bypass_file)};
}

Finding judge_restore_at_create(const Facts& facts) {
    const auto& node = facts.node;
    const std::string told =
        lpm::format("{} says at_create = {} in [restore]", paths::settings_file, node.restore_wanted);
    if (node.restore_wanted != node.restore_switched)
        return {State::fail,
                lpm::format("{}, and {} is {}: {}", told, paths::restore_switch,
                            node.restore_switched ? "there" : "not there",
                            node.restore_wanted ? "pods that ask for a restore start anew"
                                                : "each create goes through lpm-gate for nothing"),
                "lpm-gate --probe puts it in force"};
    if (!node.restore_wanted)
        return {State::ok, "pods are not restored at their create"};
    if (!node.can_wake)
        return {State::fail, lpm::format("{} is not there, and takes archives apart", paths::wake_program),
                "install lpm-runc again"};
    if (node.bypass)
        return {State::warn,
                lpm::format("{}; but {} is there: pods that ask for a restore start anew", told,
                            paths::bypass_file),
                lpm::format("rm {}", paths::bypass_file)};
    return {State::ok, "pods may ask for a restore at their create"};
}

Finding judge_disk_space(const Facts& facts) {
    constexpr std::uint64_t least = std::uint64_t{64} << 20;
    constexpr std::uint64_t better = std::uint64_t{1} << 30;
    constexpr std::uint64_t least_inodes = 100; // of one checkpoint's images
    Finding worst{State::ok, ""};
    std::vector<std::string> free;
    for (const auto& [what, space] : facts.node.places) {
        if (!space) {
            if (worst.state == State::ok)
                worst = {State::unknown, "how much is free for " + what + " is not known", "df -h"};
            continue;
        }
        const std::string size = human_size(space->free_bytes);
        free.push_back(lpm::format("{} for {} ({})", size, what, space->path));
        const bool none =
            space->free_bytes < least || space->free_inodes.value_or(least_inodes) < least_inodes;
        const std::string inodes = space->free_inodes ? lpm::format(", {} files", *space->free_inodes) : "";
        if (none || (space->free_bytes < better && worst.state != State::fail))
            worst = {
                none ? State::fail : State::warn,
                lpm::format("{}{} free for {} (file system of {})", size, inodes, what, space->path),
                lpm::format("remove old archives, or enlarge that file system: du -xsh {}", space->path)};
        if (none)
            return worst;
    }
    if (worst.state == State::ok)
        worst.found = "free: " + list_of(free);
    return worst;
}

// The kernel's own defaults are 128 and at least 8192.
Finding judge_inotify(const Facts& facts) {
    constexpr std::uint64_t instances = 128;
    constexpr std::uint64_t watches = 8192;
    const auto& node = facts.node;
    if (!node.inotify_instances || !node.inotify_watches)
        return {State::unknown, "limits of inotify cannot be read", "sysctl fs.inotify"};
    const std::string found = lpm::format("{} instances and {} watches for each user",
                                          *node.inotify_instances, *node.inotify_watches);
    if (*node.inotify_instances < instances || *node.inotify_watches < watches)
        return {State::warn, found + ": a restore of what watches files may fail",
                lpm::format(
                    "sysctl -w fs.inotify.max_user_instances={} fs.inotify.max_user_watches={}, and the same "
                    "in a file of /etc/sysctl.d",
                    instances, watches)};
    return {State::ok, found};
}

Finding judge_gate_socket(const Facts& facts) {
    if (facts.node.gate_fault.empty())
        return {State::ok, "lpm-gate listens"};
    return {State::warn,
            one_line(facts.node.gate_fault) + ": lpm-sidecar cannot look into containers; checkpoints work",
            "systemctl enable --now lpm-gate.socket"};
}

Finding judge_sidecar_socket(const Facts& facts) {
    if (facts.node.sidecar_fault.empty())
        return {State::ok, "lpm-sidecar listens"};
    return {State::warn,
            one_line(facts.node.sidecar_fault) +
                ": the controller cannot ask this node before a checkpoint, or find out how one ended",
            "systemctl enable --now lpm-sidecar.socket lpm-sidecar.service"};
}

Finding judge_certificate(const Facts& facts) {
    const auto& certificate = facts.node.certificate;
    const std::string renew = "systemctl start lpm-sidecar-enroll.service; journalctl -u lpm-sidecar-enroll";
    if (!certificate.fault.empty())
        return {State::fail, one_line(certificate.fault), renew};
    if (certificate.wanted_by.empty())
        return {State::ok, "lpm-sidecar serves this node only, and needs no certificate"};
    if (!certificate.until)
        return {State::unknown, "the end of " + certificate.file + " is not known", renew};
    const auto left = *certificate.until - std::chrono::floor<std::chrono::seconds>(facts.node.now);
    const std::string found = lpm::format("{} ends at {:%FT%TZ}", certificate.file, *certificate.until);
    if (left <= std::chrono::seconds(0))
        return {State::fail, found + ", which is over", renew};
    // It is renewed when a third of its life is left: then it is not about to end.
    if (left < std::chrono::hours(24))
        return {State::warn, found + ", within a day", renew};
    return {State::ok, found};
}

Finding judge_records(const Facts& facts) {
    if (!facts.node.records_fault.empty())
        return {State::fail, one_line(facts.node.records_fault),
                lpm::format("ls -ld {} {}/records: root's, and not on a broken disk", paths::state_dir,
                            paths::state_dir)};
    return {State::ok, facts.node.has_records ? "records can be read" : "there are no records yet"};
}

Finding judge_timers(const Facts& facts) {
    if (!facts.node.systemd)
        return {State::unknown, "systemd does not run here", "have lpm-gate --settle run every ten minutes"};
    std::vector<std::string> names;
    std::vector<std::string> off;
    for (const auto& [name, state] : facts.node.timers) {
        names.push_back(name);
        if (state != "active")
            off.push_back(lpm::format("{} is {}", name, state.empty() ? "unknown" : one_line(state, 40)));
    }
    if (off.empty())
        return {State::ok, list_of(names) + " are active"};
    return {State::warn,
            list_of(off) + ": records of interrupted calls, and containers that are left frozen, stay so",
            "systemctl enable --now lpm-settle.timer lpm-rescue.timer"};
}

} // namespace lpm::doctor
