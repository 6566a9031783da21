// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// What the restored processes will be allowed, against what config.json grants: CRIU takes it all from the
// images, and the runtime applies none of its configuration at a restore.
#include <algorithm>
#include <array>
#include <sys/mount.h>

#include "inspect/images_parts.hpp"

namespace lpm::inspect {

using Kind = Excess::Kind;
using criu::LsmType;

// Older images say it of the process. What says both has to say the same.
static bool is_filtered(const criu::TaskCoreEntry& process, const criu::ThreadCoreEntry& thread) {
    const auto mode = thread.seccomp_mode ? thread.seccomp_mode : process.old_seccomp_mode;
    return mode == criu::SeccompMode::filter &&
           process.old_seccomp_mode.value_or(criu::SeccompMode::filter) == criu::SeccompMode::filter;
}

// False when it cannot be read.
static bool add_threads(const criu::ImageSource& source, const criu::PstreeEntry& task, bool all,
                        const Deadline& deadline, std::vector<ThreadFacts>& threads) {
    const auto image = source.read(criu::core_img(task.pid));
    const auto process = image ? criu::parse_tc(*image) : std::unexpected(image.error());
    if (!process)
        return false;
    if (process->task_state == criu::TaskState::dead || process->task_state == criu::TaskState::zombie)
        return true;
    const auto add = [&](std::uint32_t number, std::string_view core) {
        auto thread = criu::parse_thread_core(core);
        if (!thread || !thread->creds)
            return false;
        threads.push_back(
            {task.pid, number, process->comm, *std::move(thread->creds), is_filtered(*process, *thread)});
        return true;
    };
    if (!add(task.pid, *image))
        return false;
    for (const auto number : task.threads) {
        if (!all || deadline.passed())
            return !all;
        if (number == task.pid || task.threads.size() == 1)
            continue;
        const auto core = source.read(criu::core_img(number));
        if (!core || !add(number, *core))
            return false;
    }
    return true;
}

std::optional<std::vector<ThreadFacts>> read_threads(const criu::ImageSource& source,
                                                     const std::vector<criu::PstreeEntry>& tasks, bool all,
                                                     const Deadline& deadline) {
    std::vector<ThreadFacts> threads;
    for (const auto& task : tasks)
        if (deadline.passed() || !add_threads(source, task, all, deadline, threads))
            return std::nullopt;
    return threads;
}

static bool may_use(const oci::Privileges& granted, unsigned capability) {
    return (granted.usable >> capability & 1U) != 0;
}

// The first id that is not granted.
template <class Ids>
static std::optional<std::uint32_t> find_other(const Ids& ids, const std::vector<std::uint32_t>& granted) {
    const auto other =
        std::ranges::find_if(ids, [&](std::uint32_t id) { return !std::ranges::contains(granted, id); });
    return other == std::end(ids) ? std::nullopt : std::optional(*other);
}

static std::optional<Excess> find_excessive_id(const criu::CredsEntry& creds,
                                               const oci::Privileges& granted) {
    constexpr unsigned setgid = 6; // linux/capability.h
    constexpr unsigned setuid = 7;
    if (const auto user = find_other(creds.uids, {granted.uid}); user && !may_use(granted, setuid))
        return Excess{.kind = Kind::user, .number = *user};
    if (may_use(granted, setgid))
        return std::nullopt;
    std::vector<std::uint32_t> groups = granted.groups;
    groups.push_back(granted.gid);
    auto group = find_other(creds.gids, groups);
    if (!group)
        group = find_other(creds.groups, groups);
    return group ? std::optional(Excess{.kind = Kind::group, .number = *group}) : std::nullopt;
}

static std::optional<Excess> find_excess(const ThreadFacts& thread, const oci::Privileges& granted,
                                         bool profile_counts) {
    const criu::CredsEntry& creds = thread.creds;
    const auto more = (creds.held & ~granted.usable) | (creds.cap_bnd & ~granted.bounding);
    if (more != 0)
        return Excess{.kind = Kind::capabilities, .number = more};
    if (auto id = find_excessive_id(creds, granted))
        return id;
    if (granted.no_new_privileges && !creds.no_new_privs)
        return Excess{.kind = Kind::new_privileges};
    // Of the first thread: it has its filter from the runtime, before there is another one. Of some others
    // CRIU says none that have it (seen: node with CRIU 4.2.1).
    if (!granted.seccomp.empty() && thread.thread == thread.pid && !thread.filtered)
        return Excess{.kind = Kind::seccomp};
    if (profile_counts && creds.lsm_profile != granted.apparmor_profile)
        return Excess{.kind = creds.lsm_profile.empty() ? Kind::no_apparmor : Kind::apparmor,
                      .text = creds.lsm_profile};
    return std::nullopt;
}

static void compare_threads(const std::vector<ThreadFacts>& threads, const Destination& destination,
                            ImageFacts& facts) {
    const oci::Privileges& granted = destination.bundle->granted;
    const bool profile_counts = destination.host.lsm == LsmType::apparmor && !destination.lsm_profile &&
                                !granted.apparmor_profile.empty() && granted.apparmor_profile != "unconfined";
    auto& excesses = facts.excesses.emplace();
    for (const auto& thread : threads)
        if (auto excess = find_excess(thread, granted, profile_counts)) {
            excess->pid = thread.pid;
            excess->thread = thread.thread;
            excess->name = thread.name;
            excesses.push_back(*std::move(excess));
            return;
        }
}

void find_privileges(const criu::ImageSource& source, const criu::Images& images,
                     const Destination& destination, ImageFacts& facts) {
    if (!images.inventory || !images.pstree)
        return;
    const bool has_profiles = images.inventory->lsmtype != LsmType::no_lsm;
    if (!has_profiles)
        facts.profiles.emplace();
    if (!has_profiles && !destination.bundle)
        return;
    const auto threads =
        read_threads(source, *images.pstree, destination.bundle.has_value(), destination.deadline);
    if (!threads)
        return; // ImageIncomplete says more of it
    if (has_profiles)
        find_profiles(*threads, facts);
    if (destination.bundle)
        compare_threads(*threads, destination, facts);
}

namespace {

// The configuration that the processes had against the new one.
struct Specs {
    const oci::Bundle& then;
    const oci::Bundle& now;
};

using Strings = std::vector<std::string>;

std::optional<Excess> first_without(const Strings& now, const Strings& then, Kind kind) {
    const auto lost =
        std::ranges::find_if(now, [&](const std::string& one) { return !std::ranges::contains(then, one); });
    return lost == now.end() ? std::nullopt : std::optional(Excess{.kind = kind, .text = *lost});
}

std::optional<Excess> other_seccomp(const Specs& specs) {
    const std::string& profile = specs.now.granted.seccomp;
    if (profile.empty() || profile == specs.then.granted.seccomp)
        return std::nullopt;
    return Excess{.kind = Kind::seccomp_profile};
}

std::optional<Excess> lost_namespace(const Specs& specs) {
    return first_without(specs.now.granted.namespaces, specs.then.granted.namespaces, Kind::lost_namespace);
}

std::optional<Excess> other_ids(const Specs& specs) {
    if (!specs.now.user_namespace || specs.now.granted.id_mappings == specs.then.granted.id_mappings)
        return std::nullopt;
    return Excess{.kind = Kind::id_mappings};
}

std::optional<Excess> unmasked(const Specs& specs) {
    return first_without(specs.now.masked, specs.then.masked, Kind::unmasked);
}

// Of what was masked nothing can be written either.
std::optional<Excess> writable_path(const Specs& specs) {
    Strings guarded = specs.then.granted.read_only_paths;
    guarded.insert(guarded.end(), specs.then.masked.begin(), specs.then.masked.end());
    return first_without(specs.now.granted.read_only_paths, guarded, Kind::writable_path);
}

std::optional<Excess> writable_root(const Specs& specs) {
    if (!specs.now.granted.read_only_root || specs.then.granted.read_only_root)
        return std::nullopt;
    return Excess{.kind = Kind::writable_path, .text = "/"};
}

// The last one at a place is the one that is seen.
std::optional<Excess> writable_mount(const Specs& specs) {
    for (const auto& mount : specs.now.mounts) {
        const auto had = std::ranges::find_last(specs.then.mounts, mount.place, &oci::MountPoint::place);
        if ((mount.flags & MS_RDONLY) != 0 && !had.empty() && (had.front().flags & MS_RDONLY) == 0)
            return Excess{.kind = Kind::writable_path, .text = mount.place};
    }
    return std::nullopt;
}

} // namespace

void compare_spec(const oci::Bundle& then, const oci::Bundle& now, ImageFacts& facts) {
    auto& excesses = facts.spec_excesses.emplace();
    const Specs specs{then, now};
    for (auto* find :
         {other_seccomp, lost_namespace, other_ids, unmasked, writable_path, writable_root, writable_mount})
        if (auto excess = find(specs)) {
            excesses.push_back(*std::move(excess));
            return;
        }
}

} // namespace lpm::inspect
