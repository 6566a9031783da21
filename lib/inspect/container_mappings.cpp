// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <array>
#include <cstdio>
#include <fcntl.h>

#include "inspect/container_files.hpp"
#include "linux/procmaps.hpp"

namespace lpm::inspect {

void walk_mappings(Walk& walk, const Process& process) {
    const auto maps = procfs::read_proc(process.pid, "maps");
    if (!maps)
        return note_unread(walk.workload.gap, maps.error());
    walk_guards(walk, process, *maps);
    note_program(walk, process, *maps);
    note_mappings(walk, process, *maps);
}

void note_mappings(Walk& walk, const Process& process, std::string_view maps) {
    Files files(walk, process);
    std::string_view last;
    bool code = false;
    while (const auto mapping = procfs::next_mapping(maps)) {
        const std::string_view path = mapping->path;
        // CRIU puts the instructions of a system call into the first of them, by ptrace(2), which writes into
        // private memory and into what the process itself may write (compel/src/lib/infect.c).
        if (mapping->exec && !code && mapping->shared && !mapping->write)
            files.add(Item::shared_code, -1, path.empty() ? "without a name" : path);
        code = code || mapping->exec;
        if (path.empty() || path.front() == '[') {
            if (path == "[uprobes]")
                files.add(Item::uprobes, -1, path);
            continue;
        }
        if (path.starts_with("/SYSV")) // many have one name
            walk.workload.segments.insert(mapping->inode);
        if (path == last) // a library has a mapping per segment
            continue;
        last = path;
        if (path.starts_with("/SYSV"))
            files.add(Item::sysv_memory, -1, path);
        else if (path.starts_with("anon_inode:"))
            files.anonymous(-1, path.substr(11));
        else if (path.starts_with("/anon_hugepage") || path.starts_with("/memfd:hugetlb"))
            files.add(Item::huge_memfd, -1, path);
        else if (path.starts_with("/dev/shm/") && walk.options.shared_shm)
            files.add(Item::shm_file, -1, path);
        else if (path.starts_with("/dev/") || is_deleted(path)) {
            std::array<char, 96> through{};
            std::snprintf(through.data(), through.size(), "/proc/%d/map_files/%llx-%llx", process.pid,
                          static_cast<unsigned long long>(mapping->start),
                          static_cast<unsigned long long>(mapping->end));
            files.path(-1, path, AT_FDCWD, through.data());
        }
    }
}

} // namespace lpm::inspect
