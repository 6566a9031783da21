// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// core-PID.img (images/core.proto): a thread's registers, credentials and the like; and ids-PID.img.
namespace lpm::criu {

[[nodiscard]] inline std::string core_img(std::uint32_t pid) {
    return "core-" + std::to_string(pid) + ".img";
}

// The architecture: enum march of core_entry.
enum class March : std::uint32_t { unknown, x86_64, arm, aarch64, ppc64, s390, mips, loongarch64, riscv64 };
[[nodiscard]] const char* name_of(March march); // "unknown" for a number that is none of these

// core_entry.mtype. Needs only the beginning of the file.
inline constexpr std::size_t core_head = 64;
[[nodiscard]] Result<March> parse_mtype(std::string_view head);

// The file is a core and as long as its one record says; `head` is its beginning.
[[nodiscard]] bool is_whole_core(std::string_view head, std::uint64_t size);

// core_entry.thread_core.creds (images/creds.proto). A set of capabilities has a bit for each.
struct CredsEntry {
    std::array<std::uint32_t, 4> uids{}; // real, effective, saved, of the file system
    std::array<std::uint32_t, 4> gids{};
    std::vector<std::uint32_t> groups;
    std::uint64_t held = 0; // cap_inh, cap_prm, cap_eff and cap_amb, all in one
    std::uint64_t cap_bnd = 0;
    bool no_new_privs = false;
    std::string lsm_profile; // or label, of the security module; empty when it has none
};

// enum seccomp_mode
enum class SeccompMode : std::uint32_t { disabled, strict, filter };

// core_entry.thread_core. Of a process that has ended there is none. An image that could be read in more than
// one way is damaged: who may do what hangs on it.
struct ThreadCoreEntry {
    std::optional<CredsEntry> creds;
    std::optional<SeccompMode> seccomp_mode;
};
[[nodiscard]] Result<ThreadCoreEntry> parse_thread_core(std::string_view image);

// core_entry.tc, of a process.
enum class TaskState : std::uint32_t { alive = 1, dead, stopped, zombie = 6 };
struct TaskCoreEntry {
    TaskState task_state = {};
    std::string comm;                              // its name as the kernel has it
    std::optional<SeccompMode> old_seccomp_mode{}; // of all its threads, in older images
};
[[nodiscard]] Result<TaskCoreEntry> parse_tc(std::string_view image);

// ids-PID.img: what a process may share with others, by ids that are CRIU's own.
[[nodiscard]] inline std::string ids_img(std::uint32_t pid) {
    return "ids-" + std::to_string(pid) + ".img";
}
struct TaskKobjIdsEntry {
    std::uint32_t files_id = 0; // of its descriptors (fdinfo.hpp)
};
[[nodiscard]] Result<TaskKobjIdsEntry> parse_ids(std::string_view image);

} // namespace lpm::criu
