// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/procfd.hpp"

#include <sys/sysmacros.h>

#include "base/text.hpp"
#include "linux/procfs.hpp"

namespace lpm::procfs {

static constexpr std::size_t max_watched = 4096;

// A line of a watch names the file system by the kernel's own number: 12 bits of major, 20 of minor.
static std::optional<std::uint64_t> watched_device(std::string_view line) {
    for (auto word = next_word(line); !word.empty(); word = next_word(line)) {
        if (!word.starts_with("sdev:"))
            continue;
        if (const auto device = to_number<std::uint32_t>(word.substr(5), 16))
            return makedev(*device >> 20U, *device & 0xfffffU);
    }
    return std::nullopt;
}

FdInfo parse_fdinfo(std::string_view text) {
    FdInfo info;
    while (!text.empty()) {
        auto line = next_line(text);
        const auto key = next_word(line);
        if (key == "mnt_id:")
            info.mount = to_number<int>(next_word(line));
        else if (key == "tty-index:")
            info.terminal = to_number<unsigned>(next_word(line));
        else if (key == "iff:")
            info.interface = next_word(line);
        else if (key == "flags:")
            info.flags = to_number<unsigned>(next_word(line), 8).value_or(0);
        else if (key == "Pid:")
            info.pid = to_number<pid_t>(next_word(line));
        else if (key == "tfd:" && info.targets.size() < max_watched) {
            if (const auto target = to_number<int>(next_word(line)))
                info.targets.push_back(*target);
        } else if ((key == "inotify" || key == "fanotify") && info.watched.size() < max_watched)
            if (const auto device = watched_device(line))
                info.watched.push_back(*device);
    }
    return info;
}

Result<FdInfo> read_fdinfo(pid_t pid, int fd) {
    TRY_ASSIGN(const std::string text, read_proc(pid, "fdinfo/" + std::to_string(fd)));
    return parse_fdinfo(text);
}

Result<std::string> read_fd_link(pid_t pid, int fd) {
    return read_proc_link(pid, "fd/" + std::to_string(fd));
}

std::optional<std::uint64_t> inode_of_link(std::string_view link, std::string_view kind) {
    if (!link.starts_with(kind))
        return std::nullopt;
    link.remove_prefix(kind.size());
    if (!link.starts_with(":[") || !link.ends_with(']'))
        return std::nullopt;
    return to_number<std::uint64_t>(link.substr(2, link.size() - 3));
}

} // namespace lpm::procfs
