// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "base/fixed_text.hpp"
#include "base/paths.hpp"

// A container that `create` has restored from an archive, and that waits for its `start`: paused, where the
// caller expects one that is created. Used by the front (no libc) and by the gate.
namespace lpm::oci {

inline constexpr char pending_dir[] = "pending"; // in /run/lpm

// Of the longest id that is valid (oci/argv.hpp).
using PendingPath = FixedText<1100>;

// /run/lpm/pending/<hash of root>/<id>: the mark of such a container. False when no path may be built from
// the id. `root` is the runtime's --root; nullptr is runc's default.
[[nodiscard]] bool make_pending_path(const char* root, const char* id, PendingPath& path);

[[nodiscard]] bool is_pending(const char* root, const char* id);

} // namespace lpm::oci
