// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cstdint>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_map>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "criu/images/core.hpp"
#include "criu/images/pidns.hpp"
#include "inspect/images_parts.hpp"
#include "linux/procfs.hpp"

namespace lpm::inspect {

using criu::LsmType;

namespace {

using Numbers = std::set<std::uint32_t>;
using Holders = std::unordered_map<std::uint32_t, std::string>; // number -> name of the process that has it

// CRIU makes a helper for a group or a session whose leader is gone, and that needs the leader's number. Only
// its own group it takes as it is.
Numbers numbers_of(const std::vector<criu::PstreeEntry>& tasks) {
    Numbers numbers;
    for (const auto& task : tasks) {
        numbers.insert({task.pid, task.pgid, task.sid});
        if (task.threads.size() > 1) // of a zombie CRIU writes a number that nobody set
            numbers.insert(task.threads.begin(), task.threads.end());
    }
    numbers.erase(0);
    return numbers;
}

bool is_task(const std::vector<criu::PstreeEntry>& tasks, std::uint32_t number) {
    return std::ranges::any_of(tasks, [&](const criu::PstreeEntry& task) {
        return task.pid == number ||
               (task.threads.size() > 1 && std::ranges::find(task.threads, number) != task.threads.end());
    });
}

// A number stays taken as long as a process has it for its group or its session, whoever had it first.
void hold(Holders& holders, std::uint32_t number, const std::string& name) {
    if (number != 0)
        holders.emplace(number, name);
}

// In our PID namespace, which is the caller's and CRIU's as well.
Holders holders_here(const std::vector<criu::PstreeEntry>& tasks, const Numbers& numbers,
                     const Caller& caller, const Deadline& deadline) {
    Holders holders;
    const auto own_group = static_cast<std::uint32_t>(caller.process_group);
    for (const auto number : numbers) {
        if (deadline.passed())
            break;
        if (number == own_group && !is_task(tasks, number))
            continue;
        if (auto status = procfs::read_status(static_cast<pid_t>(number)))
            holders.emplace(number, std::move(status->name));
    }
    each_entry(std::string("/proc"), [&](int, const dirent& process) {
        const auto pid = to_number<pid_t>(process.d_name);
        const auto stat = pid ? procfs::read_stat(*pid) : fail(Errc::invalid, "no process");
        if (!stat)
            return true;
        for (const pid_t held : {stat->group, stat->session}) {
            const auto number = static_cast<std::uint32_t>(held);
            const bool matters = numbers.contains(number) && (number != own_group || is_task(tasks, number));
            if (matters && !holders.contains(number))
                hold(holders, number, procfs::read_status(*pid).value_or(procfs::Status{}).name);
        }
        return !deadline.passed();
    });
    return holders;
}

// In the namespace with that inode number, by the numbers that its processes have there.
Holders holders_in(ino_t inode, const Deadline& deadline) {
    Holders holders;
    const std::string name = "pid:[" + std::to_string(inode) + "]";
    each_entry(std::string("/proc"), [&](int, const dirent& process) {
        const auto pid = to_number<pid_t>(process.d_name);
        if (!pid || procfs::read_proc_link(*pid, "ns/pid").value_or("") != name)
            return !deadline.passed();
        each_entry("/proc/" + std::to_string(*pid) + "/task", [&](int, const dirent& thread) {
            const auto id = to_number<pid_t>(thread.d_name);
            auto status = id ? procfs::read_status(*id) : fail(Errc::invalid, "no number");
            if (status)
                for (const auto* numbers : {&status->ns_pids, &status->ns_groups, &status->ns_sids})
                    if (!numbers->empty())
                        hold(holders, static_cast<std::uint32_t>(numbers->back()), status->name);
            return !deadline.passed();
        });
        return !deadline.passed();
    });
    return holders;
}

// Of a container that has joined a PID namespace there is an image that says so.
bool were_joined(const criu::ImageSource& source) {
    bool joined = false;
    (void)source.each_name([&](const std::string& name) {
        if (!criu::is_pidns_img(name))
            return true;
        const auto image = source.read(name);
        const auto key = image ? criu::parse_pidns(*image) : std::unexpected(image.error());
        joined = key && !key->empty();
        return !joined;
    });
    return joined;
}

} // namespace

void compare_pids(const criu::ImageSource& source, const std::vector<criu::PstreeEntry>& tasks,
                  const Destination& destination, ImageFacts& facts) {
    constexpr std::uint32_t init = 1;
    const Deadline& deadline = destination.deadline;
    const Caller& caller = destination.caller;
    auto& count = facts.tasks.emplace();
    for (const auto& task : tasks)
        count += std::max<std::size_t>(task.threads.size(), 1);
    if (!destination.bundle)
        return;
    const std::string path = oci::joined_path(*destination.bundle, "pid");
    // Where the processes go is the images' word, whatever config.json says: to the namespace that the
    // runtime hands over, to a new one, or to CRIU's own.
    const bool joined = were_joined(source);
    facts.pid_namespace_missing = joined && path.empty();
    Holders holders;
    const Numbers numbers = numbers_of(tasks);
    struct stat st{};
    if (joined && !path.empty() && ::stat((caller.root + path).c_str(), &st) != 0)
        return;
    if (joined && !path.empty())
        holders = holders_in(st.st_ino, deadline);
    if (!joined && tasks.front().pid != init) {
        if (caller.pid_namespace != procfs::read_namespace(0, "pid").value_or(0))
            return; // who of them the caller is cannot be told
        holders = holders_here(tasks, numbers, caller, deadline);
    }
    if (deadline.passed())
        return;
    auto& taken = facts.taken_pids.emplace();
    for (const auto number : numbers)
        if (const auto holder = holders.find(number); holder != holders.end() && taken.size() < max_named)
            taken.push_back({number, holder->second});
}

std::optional<LsmMismatch> compare_lsm(LsmType dumped, std::string_view profile, LsmType here,
                                       const std::optional<std::string>& loaded) {
    if (dumped == LsmType::no_lsm || profile.empty())
        return std::nullopt;
    LsmMismatch mismatch{.pid = 0, .dumped = dumped, .profile = std::string(profile), .here = here};
    if (dumped != here)
        return mismatch;
    // Names of stacked profiles and of namespaces are not in the list as they stand in the images.
    if (dumped != LsmType::apparmor || !loaded || profile.starts_with(':') || profile.contains("//"))
        return std::nullopt;
    std::string_view rest = *loaded;
    while (!rest.empty()) {
        const auto line = next_line(rest); // "crio-default (enforce)"
        if (line.starts_with(profile) && line.substr(profile.size()).starts_with(" ("))
            return std::nullopt;
    }
    return mismatch;
}

void find_profiles(const std::vector<ThreadFacts>& threads, ImageFacts& facts) {
    std::vector<LsmProfile> profiles;
    for (const auto& thread : threads) {
        const std::string& profile = thread.creds.lsm_profile;
        if (thread.thread != thread.pid ||
            std::ranges::find(profiles, profile, &LsmProfile::text) != profiles.end())
            continue;
        if (profiles.size() == max_named)
            return;
        profiles.push_back({thread.pid, profile});
    }
    facts.profiles = std::move(profiles);
}

void compare_profiles(const Destination& destination, ImageFacts& facts) {
    constexpr std::size_t max_profiles = std::size_t{4} << 20;
    if (!facts.inventory || !facts.profiles)
        return;
    const auto dumped = facts.inventory->lsmtype;
    const auto here = destination.host.lsm;
    std::optional<std::string> loaded;
    if (dumped == LsmType::apparmor && here == LsmType::apparmor && !destination.lsm_profile)
        if (auto list = read_file(AT_FDCWD, "/sys/kernel/security/apparmor/profiles", max_profiles))
            loaded = *std::move(list);
    auto& mismatches = facts.lsm_mismatches.emplace();
    for (const auto& [pid, profile] : *facts.profiles)
        if (auto mismatch = compare_lsm(dumped, profile, here, loaded)) {
            mismatch->pid = pid;
            mismatches.push_back(*std::move(mismatch));
            break;
        }
}

} // namespace lpm::inspect
