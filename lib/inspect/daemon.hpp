// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

// Daemons of this node, by what runs: files may say what will be after the next start.
namespace lpm::inspect {

// The first process of that name (comm) which is root's and sees our mounts, as no container does; 0: none.
[[nodiscard]] pid_t find_daemon(std::string_view name);

// --root-dir of a kubelet's command line, as /proc has it; nothing when it has none, or it is not absolute.
[[nodiscard]] std::optional<std::string> parse_kubelet_dir(std::string_view cmdline);
// Of the kubelet that runs: below it, in `checkpoints`, it keeps archives. Nothing when none runs that we
// see.
[[nodiscard]] std::optional<std::string> find_kubelet_dir();

} // namespace lpm::inspect
