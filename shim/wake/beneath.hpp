// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

#include "base/fd.hpp"
#include "base/result.hpp"

// A tree that a container has filled: nothing is reached through a link in it, above it, or on another mount.
namespace lpm::wake {

// `path` is relative; empty: `root` itself. Needs Linux 5.6.
[[nodiscard]] Result<Fd> open_beneath(int root, const std::string& path, int flags, mode_t mode = 0);

// A link or a file stands where a folder on the way would have to be, or something is mounted there.
[[nodiscard]] bool is_in_the_way(const Error& error);

// "a/b/c": "a/b" and "c"; "c": "" and "c".
[[nodiscard]] std::pair<std::string_view, std::string_view> split_path(std::string_view path);

// The entry of the folder and all below it; nothing when it is not there. Errc::unavailable: more than
// 4,000,000 entries, or deeper than 500.
[[nodiscard]] Result<> remove_all(int folder, const std::string& name);

} // namespace lpm::wake
