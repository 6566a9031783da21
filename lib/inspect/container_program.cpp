// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.hpp"
#include "inspect/container_walk.hpp"
#include "linux/procfs.hpp"
#include "linux/procmaps.hpp"

namespace lpm::inspect {

// The file is asked once for each program, which a name and what is mapped first tell: a container may have
// 1000 processes of one. The kernel lets CRIU's restorer have it only if somebody may execute it, and on a
// mount that allows it (PR_SET_MM_EXE_FILE).
void note_program(Walk& walk, const Process& process, std::string_view maps) {
    const auto first = procfs::next_mapping(maps);
    if (!first)
        return;
    std::string program = process.name;
    program.append(1, '/').append(first->path);
    if (!process.own_mounts && !walk.programs.insert(std::move(program)).second)
        return;
    const std::string path = "/proc/" + std::to_string(process.pid) + "/exe";
    struct statx st{};
    if (::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC, STATX_MODE | STATX_MNT_ID, &st) != 0)
        return note_unread(walk.workload.gap, fail_errno(errno, "stat " + path).error());
    const auto note = [&](Item item) {
        walk.workload[item].add({process.pid, process.name, -1,
                                 procfs::read_proc_link(process.pid, "exe").value_or(std::string())});
    };
    if ((st.stx_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0)
        note(Item::not_executable);
    const auto& mounts = walk.container.mounts;
    const auto mount = std::ranges::find(mounts, static_cast<int>(st.stx_mnt_id), &procfs::Mount::id);
    if ((st.stx_mask & STATX_MNT_ID) != 0 && !process.own_mounts && mount != mounts.end() && mount->no_exec)
        note(Item::on_no_exec);
}

} // namespace lpm::inspect
