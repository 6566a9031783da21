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
#include "inspect/facts.hpp"
#include "inspect/images.hpp"
#include "linux/procfs.hpp"
#include "oci/argv.hpp"

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

// In our own PID namespace, which is CRIU's.
Holders holders_here(const std::vector<criu::PstreeEntry>& tasks, const Numbers& numbers,
                     const Deadline& deadline) {
    Holders holders;
    const auto own_group = static_cast<std::uint32_t>(::getpgrp());
    for (const auto number : numbers) {
        if (deadline.passed())
            break;
        if (number == own_group && !is_task(tasks, number))
            continue;
        if (auto status = procfs::read_status(static_cast<pid_t>(number)))
            holders.emplace(number, std::move(status->name));
    }
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
            if (status && !status->ns_pids.empty())
                holders.emplace(static_cast<std::uint32_t>(status->ns_pids.back()), std::move(status->name));
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

LsmType own_lsm() {
    // As CRIU tells them (criu/lsm.c). It may still find that SELinux is not in use.
    if (::access("/sys/kernel/security/apparmor", F_OK) == 0)
        return LsmType::apparmor;
    return ::access("/sys/fs/selinux/enforce", F_OK) == 0 ? LsmType::selinux : LsmType::no_lsm;
}

const char* lsm_name(LsmType type) {
    return type == LsmType::selinux    ? "SELinux"
           : type == LsmType::apparmor ? "AppArmor"
                                       : "no security module";
}

} // namespace

void compare_pids(const Facts& facts, const criu::ImageSource& source,
                  const std::vector<criu::PstreeEntry>& tasks, Target& target) {
    constexpr std::uint32_t init = 1;
    auto& count = target.tasks.emplace();
    for (const auto& task : tasks)
        count += std::max<std::size_t>(task.threads.size(), 1);
    if (!facts.bundle)
        return;
    const std::string path = oci::joined_path(*facts.bundle, "pid");
    // Where the processes go is the images' word, whatever config.json says: to the namespace that the
    // runtime hands over, to a new one, or to CRIU's own.
    const bool joined = were_joined(source);
    target.pids_homeless = joined && path.empty();
    Holders holders;
    const Numbers numbers = numbers_of(tasks);
    struct stat st{};
    if (joined && !path.empty() && ::stat(path.c_str(), &st) != 0)
        return;
    if (joined && !path.empty())
        holders = holders_in(st.st_ino, *facts.deadline);
    else if (!joined && tasks.front().pid != init)
        holders = holders_here(tasks, numbers, *facts.deadline);
    if (facts.deadline->passed())
        return;
    auto& taken = target.taken_pids.emplace();
    for (const auto number : numbers)
        if (const auto holder = holders.find(number); holder != holders.end() && taken.size() < max_named)
            taken.push_back(std::to_string(number) + " (" + one_line(holder->second, 32) + ")");
}

std::string compare_lsm(LsmType then, std::string_view profile, LsmType here,
                        const std::optional<std::string>& loaded) {
    if (then == LsmType::no_lsm || profile.empty())
        return {};
    const std::string what = std::string(lsm_name(then)) + " profile " + one_line(profile, 100);
    if (then != here)
        return what + ", and here is " + lsm_name(here);
    // Names of stacked profiles and of namespaces are not in the list as they stand in the images.
    if (then != LsmType::apparmor || !loaded || profile.starts_with(':') || profile.contains("//"))
        return {};
    std::string_view rest = *loaded;
    while (!rest.empty()) {
        const auto line = next_line(rest); // "crio-default (enforce)"
        if (line.starts_with(profile) && line.substr(profile.size()).starts_with(" ("))
            return {};
    }
    return what + ", which is not loaded here";
}

void compare_profiles(const Facts& facts, const criu::ImageSource& source, const criu::Images& images,
                      Target& target) {
    constexpr std::size_t max_profiles = std::size_t{4} << 20;
    if (!images.inventory || !images.pstree)
        return;
    const auto then = images.inventory->lsmtype;
    const auto here = own_lsm();
    std::optional<std::string> loaded;
    // Another profile may be asked for at restore.
    if (then == LsmType::apparmor && here == LsmType::apparmor &&
        facts.invocation->text(oci::Option::lsm_profile) == nullptr)
        if (auto list = read_file(AT_FDCWD, "/sys/kernel/security/apparmor/profiles", max_profiles))
            loaded = *std::move(list);
    for (const auto& task : *images.pstree) {
        if (then == LsmType::no_lsm)
            break;
        if (facts.deadline->passed())
            return;
        const auto core = source.read(criu::core_img(task.pid));
        const auto profile = core ? criu::parse_lsm_profile(*core) : std::unexpected(core.error());
        if (!profile)
            return; // ImageIncomplete says more of it
        auto mismatch = compare_lsm(then, *profile, here, loaded);
        if (!mismatch.empty()) {
            target.lsm_mismatch = "process " + std::to_string(task.pid) + " had the " + mismatch;
            return;
        }
    }
    target.lsm_mismatch.emplace();
}

} // namespace lpm::inspect
