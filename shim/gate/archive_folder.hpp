// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <sys/stat.h>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace lpm::gate {

// Nobody else can write it.
[[nodiscard]] bool is_roots_alone(const struct stat& info);

// A folder of archives, open to read. Whoever may write there could have us remove what is no archive, and
// show memory that is none of root's; whoever may write in a folder or hold a link on the way could put
// another folder in its place. So each folder on the way, links followed, must be root's alone: Errc::denied.
// Errc::absent: it is not there.
[[nodiscard]] Result<Fd> open_archive_folder(const std::string& path);

} // namespace lpm::gate
