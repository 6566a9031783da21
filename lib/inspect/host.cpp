// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/host.hpp"

#include <algorithm>
#include <fcntl.h>
#include <iterator>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <utility>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "inspect/space.hpp"
#include "linux/cpu.hpp"
#include "linux/mountinfo.hpp"
#include "linux/procfs.hpp"

namespace lpm::inspect {

std::optional<KernelVersion> parse_kernel_version(std::string_view release) {
    const auto dot = release.find('.');
    if (dot == std::string_view::npos)
        return std::nullopt;
    const auto rest = release.substr(dot + 1);
    const auto major = to_number<unsigned>(release.substr(0, dot));
    const auto minor = to_number<unsigned>(rest.substr(0, rest.find_first_not_of("0123456789")));
    if (!major || !minor)
        return std::nullopt;
    return KernelVersion{*major, *minor};
}

std::optional<Space> find_space(std::string path) {
    if (!path.starts_with('/'))
        return std::nullopt;
    struct statvfs fs{};
    struct stat st{};
    while (::statvfs(path.c_str(), &fs) != 0 || ::stat(path.c_str(), &st) != 0) {
        if (path == "/")
            return std::nullopt;
        path.resize(std::max<std::size_t>(path.rfind('/'), 1));
    }
    if (fs.f_blocks == 0) // ramfs, or a tmpfs without a limit: it does not say
        return std::nullopt;
    Space space;
    space.path = std::move(path);
    // CRIU writes as root, which may use the reserved blocks as well.
    space.free_bytes = static_cast<std::uint64_t>(fs.f_bfree) * fs.f_frsize;
    if (fs.f_files > 0)
        space.free_inodes = fs.f_ffree;
    space.device = st.st_dev;
    return space;
}

static std::optional<Space> find_image_space(const std::string& path) {
    auto space = find_space(path);
    // Images of an earlier try in the same directory: CRIU truncates them, so their space comes back.
    if (space)
        space->free_bytes += read_dir_usage(path).value_or(DirUsage{}).disk;
    return space;
}

// Where the kubelet has its archives, which may be a mount of its own; nothing when this node has no kubelet.
// A file system that may hang is not touched.
static std::optional<Space> find_archive_space(const std::optional<LocalFiles>& node,
                                               const std::string& kubelet_dir) {
    for (const std::string& path : {kubelet_dir + "/checkpoints", kubelet_dir})
        if (node && node->open(path))
            return find_space(path);
    return std::nullopt;
}

static criu::March march_of(std::string_view machine) {
    return machine == "x86_64"    ? criu::March::x86_64
           : machine == "aarch64" ? criu::March::aarch64
                                  : criu::March::unknown;
}

static criu::LsmType find_lsm() {
    // As CRIU tells them (criu/lsm.c). It may still find that SELinux is not in use.
    if (::access("/sys/kernel/security/apparmor", F_OK) == 0)
        return criu::LsmType::apparmor;
    return ::access("/sys/fs/selinux/enforce", F_OK) == 0 ? criu::LsmType::selinux : criu::LsmType::no_lsm;
}

static PidsController find_pids_controller() {
    if (::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0)
        return PidsController::cgroup_v2;
    return ::access("/sys/fs/cgroup/pids", F_OK) == 0 ? PidsController::cgroup_v1 : PidsController::none;
}

HostFacts inspect_host(const Subject& subject, const std::optional<LocalFiles>& node) {
    HostFacts host;
    utsname system{};
    ::uname(&system);
    host.kernel = parse_kernel_version(system.release);
    host.march = march_of(system.machine);
    host.selinux_enforcing = read_file(AT_FDCWD, "/sys/fs/selinux/enforce", 16).value_or("0") == "1";
    host.has_ipv6 = ::access("/proc/sys/net/ipv6", F_OK) == 0;
    if (const auto available = procfs::read_available_memory())
        host.available_memory = *available;
    // Its head is one line.
    if (const auto swaps = read_file(AT_FDCWD, "/proc/swaps", 65536))
        host.no_swap = std::ranges::count(*swaps, '\n') == 1;
    if (subject.stage == Stage::checkpoint) {
        host.image_space = find_image_space(subject.image_path);
        // The runtime itself never touches this directory.
        host.kubelet_space = find_archive_space(node, subject.kubelet_dir);
    }
    if (subject.stage == Stage::restore) {
        if (auto cpu = read_cpu_features())
            host.cpu = *std::move(cpu);
        host.lsm = find_lsm();
        host.pids = find_pids_controller();
    }
    return host;
}

} // namespace lpm::inspect
