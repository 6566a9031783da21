// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

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

// core_entry.thread_core.creds.lsm_profile: the profile, or label, of the process's security module; empty
// when it has none.
[[nodiscard]] Result<std::string> parse_lsm_profile(std::string_view image);

// core_entry.tc, of a process.
enum class TaskState : std::uint32_t { alive = 1, dead, stopped, zombie = 6 };
struct TaskCoreEntry {
    TaskState task_state = {};
    std::string comm; // its name as the kernel has it
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
