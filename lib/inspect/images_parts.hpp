// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "criu/images/fdinfo.hpp"
#include "criu/images/mnt.hpp"
#include "criu/verify.hpp"
#include "inspect/images.hpp"
#include "inspect/tree.hpp"

// The parts of inspect_images: each looks at some of the images and fills its lists.
namespace lpm::inspect {

inline constexpr std::size_t max_named = 1000; // of a list; a message names five

void inspect_image_files(const criu::ImageSource& source, const Deadline& deadline, ImageFacts& facts);

using FileIds = std::unordered_set<std::uint32_t>;

// Files of the bundle, which is known, against the images. `programs`: see read_programs.
void compare_bundle(const criu::ImageSource& source, const criu::Files& files,
                    const std::optional<FileIds>& programs, const Destination& destination,
                    ImageFacts& facts);
// The files that the processes execute. Nothing when one cannot be told, or not in time.
[[nodiscard]] std::optional<FileIds> read_programs(const criu::ImageSource& source,
                                                   const std::vector<criu::PstreeEntry>& tasks,
                                                   const Deadline& deadline);
void compare_unix_sockets(const criu::Files& files, const Tree& tree, const Deadline& deadline,
                          ImageFacts& facts);

// A list for each mount namespace. Nothing when there is none, or one that cannot be read, or too much of
// them.
using MountLists = std::vector<std::vector<criu::MntEntry>>;
[[nodiscard]] std::optional<MountLists> read_mount_lists(const criu::ImageSource& source,
                                                         const Deadline& deadline);
void compare_mounts(const MountLists& lists, const oci::Bundle& bundle, const Tree& tree,
                    const Deadline& deadline, ImageFacts& facts);

void find_connections(const criu::ImageSource& source, const criu::Files& files, const Deadline& deadline,
                      ImageFacts& facts);
void compare_addresses(const criu::Files& files, const oci::Bundle& bundle, const Caller& caller,
                       const Deadline& deadline, ImageFacts& facts);

void compare_pids(const criu::ImageSource& source, const std::vector<criu::PstreeEntry>& tasks,
                  const Destination& destination, ImageFacts& facts);

// What the core of a thread says of its powers.
struct ThreadFacts {
    std::uint32_t pid = 0; // of its process
    std::uint32_t thread = 0;
    std::string name{}; // of its process
    criu::CredsEntry creds{};
    bool filtered = false; // by seccomp
};
// Of the living, of each process the first one or `all`. Nothing when one cannot be read, or not in time.
[[nodiscard]] std::optional<std::vector<ThreadFacts>>
read_threads(const criu::ImageSource& source, const std::vector<criu::PstreeEntry>& tasks, bool all,
             const Deadline& deadline);
// One look at the cores, for profiles and privileges.
void find_privileges(const criu::ImageSource& source, const criu::Images& images,
                     const Destination& destination, ImageFacts& facts);
// The config.json of the checkpoint against the new one.
void compare_spec(const oci::Bundle& then, const oci::Bundle& now, ImageFacts& facts);
void compare_settings(const oci::Bundle& then, const oci::Bundle& now, ImageFacts& facts);
void find_profiles(const std::vector<ThreadFacts>& threads, ImageFacts& facts);
void compare_profiles(const Destination& destination, ImageFacts& facts);

// Why a process that was dumped under one module, with that profile, cannot have it here; nothing when it
// can. `loaded` is AppArmor's list of profiles, and nothing when it does not matter or is not known.
[[nodiscard]] std::optional<LsmMismatch> compare_lsm(criu::LsmType dumped, std::string_view profile,
                                                     criu::LsmType here,
                                                     const std::optional<std::string>& loaded);

} // namespace lpm::inspect
