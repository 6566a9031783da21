// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <string_view>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unordered_set>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "inspect/container_walk.hpp"
#include "linux/local_files.hpp"
#include "linux/namespace.hpp"
#include "linux/procfs.hpp"

namespace lpm::inspect {

Place find_place(const Walk& walk, int id, dev_t device) {
    const auto& mounts = walk.container.mounts;
    const auto at = std::ranges::find(mounts, id, &procfs::Mount::id);
    // Each IPC namespace has a mount of its own for mq_open(2), which no process sees.
    if (at == mounts.end() && std::ranges::any_of(mounts, [device](const procfs::Mount& mount) {
            return mount.type == "mqueue" && mount.device == device;
        }))
        return Place::queue;
    if (at == mounts.end())
        return mounts.empty() ? Place::fine : Place::outside;
    if (at->point == "/dev/shm" && walk.options.shared_shm) // its files are in no archive
        return Place::shm;
    const auto* visible = procfs::mount_of(mounts, at->point);
    const bool hidden = visible != nullptr && visible->id != id && visible->point == at->point;
    return hidden ? Place::covered : Place::fine;
}

static Result<LocalFiles> files_of(const ContainerFacts& container) {
    return LocalFiles::of_process(container.state->init, std::vector(container.mounts));
}

namespace {

// CRIU packs them with tar and gzip, so how much that will be is not known before. What is bound in or masked
// comes from outside.
void add_tmpfs(const ContainerFacts& container, const oci::Bundle& bundle, Workload& found) {
    const auto files = files_of(container);
    if (!files)
        return note_unread(found.files_gap, files.error());
    std::unordered_set<dev_t> counted;
    for (const procfs::Mount& mount : container.mounts) {
        if (mount.type != "tmpfs" || mount.root != "/" || std::ranges::contains(bundle.binds, mount.point) ||
            std::ranges::contains(bundle.masked, mount.point) || !counted.insert(mount.device).second)
            continue;
        const auto folder = files->open(mount.point);
        struct statfs st{};
        if (!folder)
            note_unread(found.files_gap, folder.error());
        else if (::fstatfs(folder->get(), &st) != 0)
            note_unread(found.files_gap, fail_errno(errno, "statfs " + mount.point).error());
        else if (st.f_blocks > st.f_bfree)
            found.memory->file_bytes += (st.f_blocks - st.f_bfree) * static_cast<std::uint64_t>(st.f_bsize);
    }
}

// The file shows the IPC namespace in which it was opened.
Result<std::string> read_segments(pid_t init, const Deadline& deadline) {
    constexpr std::size_t most_segments = std::size_t{16} << 20; // bytes: each of 32768 has some 200

    TRY_ASSIGN(const Fd ipc, open_at(AT_FDCWD, "/proc/" + std::to_string(init) + "/ns/ipc", O_RDONLY));
    int file = -1;
    int error = 0;
    TRY(run_in_namespace(ipc.get(), CLONE_NEWIPC, [&] {
        file = ::open("/proc/sysvipc/shm", O_RDONLY | O_CLOEXEC);
        error = errno;
    }));
    if (file < 0)
        return fail_errno(error, "open /proc/sysvipc/shm");
    const Fd opened(file);
    std::string text;
    if (!read_until(opened.get(), deadline, most_segments, text))
        return fail(Errc::unavailable, "/proc/sysvipc/shm was not read within the deadline");
    if (text.size() >= most_segments)
        return fail(Errc::unavailable, "/proc/sysvipc/shm is longer than 16 MiB");
    return text;
}

// CRIU dumps the whole IPC namespace (criu/ipc_ns.c).
void add_segments(const ContainerFacts& container, const Deadline& deadline, Workload& found) {
    const auto text = read_segments(container.state->init, deadline);
    if (!text) // a kernel may have none
        return note_unread(found.files_gap, text.error());
    for (const procfs::SharedSegment& segment : procfs::parse_segments(*text))
        if (!found.segments.contains(segment.id))
            found.memory->file_bytes += segment.resident + segment.swapped;
}

} // namespace

void add_files_in_memory(const ContainerFacts& container, const oci::Bundle& bundle, const Deadline& deadline,
                         Workload& found) {
    add_tmpfs(container, bundle, found);
    if (!found.node_ipc)
        add_segments(container, deadline, found);
}

// CRIU makes a mount of mqueue again, and takes it only when it is empty (criu/filesystems.c). What is bound
// in comes from outside.
void find_queues(const ContainerFacts& container, const oci::Bundle& bundle, Workload& found) {
    const auto at = std::ranges::find_if(container.mounts, [&](const procfs::Mount& mount) {
        return mount.type == "mqueue" && mount.root == "/" &&
               !std::ranges::contains(bundle.binds, mount.point);
    });
    if (at == container.mounts.end() || found[Item::message_queue].count > 0)
        return;
    const auto files = files_of(container);
    if (!files)
        return note_unread(found.queues_gap, files.error());
    const auto folder = files->open(at->point);
    if (!folder)
        return note_unread(found.queues_gap, folder.error());
    struct stat top{};
    if (::fstat(folder->get(), &top) != 0 || top.st_dev != at->device)
        return note_unread(found.queues_gap,
                           fail(Errc::unavailable, at->point + " is covered by another mount").error());
    const bool opened = each_entry(folder->get(), [&](int, const dirent& entry) {
        if (const std::string_view name = entry.d_name; name != "." && name != "..")
            found[Item::message_queue].add({0, {}, -1, at->point + "/" + entry.d_name});
        return found[Item::message_queue].count < max_descriptors;
    });
    if (!opened)
        note_unread(found.queues_gap, fail_errno(errno, "open " + at->point).error());
}

} // namespace lpm::inspect
