// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <array>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/text.hpp"
#include "inspect/container_files.hpp"

namespace lpm::inspect {

void walk_descriptors(Walk& walk, const Process& process) {
    Files files(walk, process);
    std::array<char, 4096> target{};
    std::vector<int> epolls;
    std::vector<int> descriptors;
    const std::string folder = "/proc/" + std::to_string(process.pid) + "/fd";
    const bool opened = each_entry(folder, [&](int dir, const dirent& entry) {
        const auto number = to_number<int>(entry.d_name);
        if (!number)
            return true;
        const std::size_t count = ++walk.workload.descriptors;
        descriptors.push_back(*number);
        if (count > max_descriptors || (count % 1024 == 0 && walk.options.deadline.passed())) {
            walk.workload.gap = Gap{Gap::Why::descriptors};
            walk.over = true;
            return false;
        }
        const ssize_t size = ::readlinkat(dir, entry.d_name, target.data(), target.size());
        if (size <= 0) {
            files.unread("read link of descriptor", entry.d_name);
            return true;
        }
        const std::string_view link(target.data(), static_cast<std::size_t>(size));
        if (link.starts_with('/'))
            files.path(*number, link, dir, entry.d_name);
        else if (const auto inode = procfs::inode_of_link(link, "socket"))
            walk.sockets.push_back({*inode, process.pid, *number});
        else if (link == "anon_inode:[eventpoll]")
            epolls.push_back(*number);
        else if (link.starts_with("anon_inode:"))
            files.anonymous(*number, link.substr(11));
        else if (const auto pipe = procfs::inode_of_link(link, "pipe"))
            walk.pipes.push_back({*pipe, process.pid, *number});
        return true;
    });
    if (!opened)
        files.unread("open", folder);
    // What nobody else can have open is open here, or the kernel has taken it out.
    if (!epolls.empty() && walk.pids.size() > 1 && !walk.over)
        walk_epolls(walk, process, epolls, std::move(descriptors));
}

void note_foreign_terminals(Walk& walk) {
    // The container's own terminal has its other end at the engine, and a check of its own. With a gap the
    // other end may be where nobody looked.
    if (walk.options.terminal || walk.workload.gap)
        return;
    for (Terminal& terminal : walk.terminals)
        if (!walk.masters.contains(terminal.index))
            walk.workload[Item::foreign_terminal].add(std::move(terminal.holder));
}

} // namespace lpm::inspect
