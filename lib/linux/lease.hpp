// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>

namespace lpm {

// Whether others have the file open: to write (F_RDLCK), or at all besides us (F_WRLCK). A lease of that kind
// is not given then (fcntl(2)); one that is given ends at once. Who opens the file in that moment has the
// kernel send us SIGIO: ignore that signal. Nothing: the file system has no leases, or the file is not ours.
[[nodiscard]] std::optional<bool> opened_by_others(int fd, int lease);

} // namespace lpm
