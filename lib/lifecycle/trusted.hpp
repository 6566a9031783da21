// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace lpm::lifecycle {

// Opens a file or folder that will be believed, or run, as root: it and every folder and link on the way are
// root's and not writable by others (a folder may be when it is sticky, as /tmp), so that nobody else can
// have put it there, or can put another in its place. `path` is absolute. Errc::denied with the name of what
// is not so.
[[nodiscard]] Result<Fd> open_trusted(const std::string& path);

} // namespace lpm::lifecycle
