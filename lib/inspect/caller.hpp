// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace lpm::inspect {

struct Environment {
    std::string path{};             // PATH
    std::string home{};             // HOME
    std::string criu_config_file{}; // CRIU_CONFIG_FILE
};

// The process that runs the runtime, and with it CRIU: what they may do, and what they find. What cannot be
// read of it is nothing, or 0.
struct Caller {
    pid_t pid = 0; // 0: this process
    pid_t process_group = 0;
    std::optional<std::uint64_t> capabilities{}; // effective; a bit for each
    std::optional<std::uint32_t> uid{};          // real
    std::optional<std::uint32_t> gid{};
    // Inodes of its namespaces.
    ino_t network_namespace = 0;
    ino_t ipc_namespace = 0;
    ino_t pid_namespace = 0;
    // Where its root directory is for us; empty when it is ours, with the same mounts.
    std::string root{};
    std::optional<Environment> environment{}; // known only if `root` is

    [[nodiscard]] static Caller self();
    // The environment is the one that the process was started with.
    [[nodiscard]] static Caller of_process(pid_t pid);

    // The executable that it finds in its PATH, by the caller's own name for it; empty when there is none.
    [[nodiscard]] std::string find_program(std::string_view name) const;
};

} // namespace lpm::inspect
