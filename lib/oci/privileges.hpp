// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lpm::oci {

// What config.json grants to the processes of the container, and what it keeps from them, apart from mounts
// and masked paths (bundle.hpp). A set of capabilities has a bit for each.
struct Privileges {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> groups; // process.user.additionalGids
    std::uint64_t bounding = 0;
    std::uint64_t usable = 0; // what a process may come to hold
    bool no_new_privileges = false;
    std::string apparmor_profile;             // process.apparmorProfile
    std::string seccomp;                      // linux.seccomp, the same text for equal ones; empty: none
    std::string id_mappings;                  // likewise, of a user namespace
    std::vector<std::string> read_only_paths; // linux.readonlyPaths
    bool read_only_root = false;              // root.readonly
    std::vector<std::string> namespaces;      // their types, own and joined
};

// "CAP_SYS_ADMIN", or "capability 63" of one that has no name yet.
[[nodiscard]] std::string capability_name(unsigned number);

} // namespace lpm::oci
