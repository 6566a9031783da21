// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

// Daemons of this node, by what runs: files may say what will be after the next start.
namespace lpm::inspect {

// The first process of that name, which its program's file has as well. It is root's, and in the mount and
// user namespaces of process 1, as no container's is: there it may be called so, too, and its command line is
// somebody's word. 0: none.
[[nodiscard]] pid_t find_daemon(std::string_view name);
// All of them, 10,000 at most.
[[nodiscard]] std::vector<pid_t> find_daemons(std::string_view name);

// What a command line (as /proc/PID/cmdline has it) gives as --FLAG=VALUE or --FLAG VALUE; the last one
// counts. Nothing when it gives none.
[[nodiscard]] std::optional<std::string> parse_flag(std::string_view cmdline, std::string_view flag);
// The same of a path; nothing when it is not absolute.
[[nodiscard]] std::optional<std::string> parse_path_flag(std::string_view cmdline, std::string_view flag);

// Of the kubelet that runs. The root directory is the usual one when its command line gives none; nothing
// when no kubelet runs that we see.
[[nodiscard]] std::optional<std::string> find_kubelet_dir();
[[nodiscard]] std::optional<std::string> find_kubeconfig();

} // namespace lpm::inspect
