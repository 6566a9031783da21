// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/deadline.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

// Files, each opened close-on-exec. `dir` may be AT_FDCWD.
namespace lpm {

[[nodiscard]] Result<Fd> open_at(int dir, const std::string& path, int flags, mode_t mode = 0);

// `path` without access to its content (O_PATH), as a process would find it whose root is `root`: links lead
// to places below that. With Links::none a link anywhere in `path` is an error, ELOOP. Needs Linux 5.6.
enum class Links { followed, none };
[[nodiscard]] Result<Fd> open_in_root(int root, const std::string& path, Links links);

// Both paths lead to the same file, links followed; false when one of them leads nowhere.
[[nodiscard]] bool same_file(const char* one, const char* other);

// Whole content of a regular file; Errc::unavailable when it is longer than `limit` bytes. Anything else
// under that name is Errc::invalid and never waited for: a fifo may lie in a directory that others fill.
[[nodiscard]] Result<std::string> read_file(int dir, const std::string& path, std::size_t limit);
// The first `limit` bytes, or fewer.
[[nodiscard]] Result<std::string> read_head(int dir, const std::string& path, std::size_t limit);

// Reads once, when there is something within `wait`, and adds it to `text` up to `limit` bytes in all.
enum class ReadResult { nothing, some, end };
ReadResult read_some(int fd, std::chrono::milliseconds wait, std::size_t limit, std::string& text);

// Reads to the end of file, keeping the first `limit` bytes; false when that does not come in time.
[[nodiscard]] bool read_until(int fd, const Deadline& deadline, std::size_t limit, std::string& text);

[[nodiscard]] Result<> write_all(int fd, std::string_view bytes);

// Opens `path` (relative) below `dir`, making the missing directories (mode 0750). A symbolic link anywhere
// in `path` is refused: these directories are root's own.
// `durable`: those that are made are on the disk then.
[[nodiscard]] Result<Fd> make_dirs(int dir, std::string_view path, bool durable = false);

// Copies at most `limit` bytes of `from` into the new file `name`: of a longer file its first quarter of
// the limit and its end, with a line between them that says how much was left out.
// Returns the size of the source in bytes.
[[nodiscard]] Result<std::uint64_t> copy_bounded(int from, int dir, const std::string& name,
                                                 std::uint64_t limit);

// "device:inode:mtime in ns" of the file that `path` leads to; empty when it is not there.
[[nodiscard]] std::string file_key(const std::string& path);

} // namespace lpm
