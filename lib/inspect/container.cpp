// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/container.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

#include "linux/local_files.hpp"
#include "linux/procfd.hpp"
#include "linux/procfs.hpp"

namespace lpm::inspect {

static std::optional<std::vector<StdioFile>> find_stdio(pid_t init,
                                                        const std::vector<procfs::Mount>& mounts) {
    if (mounts.empty())
        return std::nullopt;
    std::vector<StdioFile> files;
    for (int fd = 0; fd <= 2; ++fd) {
        const std::string path = "/proc/" + std::to_string(init) + "/fd/" + std::to_string(fd);
        struct statx st{};
        auto link = procfs::read_fd_link(init, fd);
        // Only of regular files does CRIU always look up the mount: not of pipes and sockets, not of a
        // terminal under --shell-job, and a memfd has none.
        if (!link && procfs::is_gone(link.error()))
            continue;
        // Its file system may answer no more.
        if (!link || ::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC, STATX_TYPE, &st) != 0)
            return std::nullopt;
        if (!S_ISREG(st.stx_mode) || link->starts_with("/memfd:"))
            continue;
        const auto info = procfs::read_fdinfo(init, fd);
        if (!info || !info->mount)
            return std::nullopt;
        const bool in_mounts = std::ranges::find(mounts, *info->mount, &procfs::Mount::id) != mounts.end();
        files.push_back({fd, *std::move(link), in_mounts});
    }
    return files;
}

ContainerFacts inspect_container(const Subject& subject) {
    ContainerFacts container;
    auto state = oci::read_state(subject.root, subject.id);
    container.unknown_to_runtime = !state && state.error().code == Errc::absent;
    if (state)
        container.state = *std::move(state);
    if (!container.state)
        return container;
    container.alive = oci::alive(*container.state);
    container.frozen = oci::frozen(*container.state);
    container.freezing = oci::freezing(*container.state);
    if (!container.alive)
        return container;
    if (auto mounts = procfs::read_mountinfo(container.state->init)) {
        container.root_is_no_mount = !std::ranges::contains(*mounts, "/", &procfs::Mount::point);
        container.mounts = *std::move(mounts);
    }
    container.stdio = find_stdio(container.state->init, container.mounts);
    return container;
}

void add_places_behind_links(const ContainerFacts& container, oci::Bundle& bundle) {
    const auto& mounts = container.mounts;
    const auto is_point = [&](const std::string& place) {
        return std::ranges::find(mounts, place, &procfs::Mount::point) != mounts.end();
    };
    if (mounts.empty() || std::ranges::all_of(bundle.binds, is_point))
        return;
    const auto files = LocalFiles::of_process(container.state->init);
    if (!files)
        return;
    std::vector<std::string> places;
    for (const auto& place : bundle.binds) {
        if (is_point(place))
            continue;
        const auto there = files->stat(place);
        if (!there || (there->stx_mask & STATX_MNT_ID) == 0)
            continue;
        const auto mount = std::ranges::find(mounts, static_cast<int>(there->stx_mnt_id), &procfs::Mount::id);
        if (mount != mounts.end() && mount->point != "/")
            places.push_back(mount->point);
    }
    bundle.binds.insert(bundle.binds.end(), places.begin(), places.end());
}

} // namespace lpm::inspect
