// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "criu/images/core.hpp"
#include "criu/images/fdinfo.hpp"
#include "criu/images/mnt.hpp"
#include "criu/verify.hpp"
#include "oci/bundle.hpp"
#include "record/record.hpp"

namespace lpm::inspect {

struct Facts;
class Tree;

// The network namespace that a container of this bundle will join; nothing when it gets a new one, which CRIU
// fills itself.
[[nodiscard]] std::optional<Fd> open_network(const oci::Bundle& bundle);

// What the images need, compared with what there is where they are to be restored. A list that is nothing
// could not be made, and its check says `unknown`.
struct Target {
    std::optional<record::CheckpointManifest> manifest;
    std::optional<criu::InventoryEntry> inventory;
    std::optional<criu::March> mtype;    // of the processes
    std::optional<std::string> cpu;      // names of features, of this processor
    std::optional<std::uint64_t> memory; // bytes of pages in the images
    std::optional<std::vector<std::string>> missing_files;
    std::optional<std::vector<std::string>> changed_files; // "/data/log (had 12 bytes, has 15)"
    std::optional<std::vector<std::string>> changed_modes; // "/data/log (had mode 0644, has 0600)"
    std::optional<std::vector<std::string>> missing_addresses;
    std::optional<std::vector<std::string>> missing_ends; // addresses that connections were made from
    std::optional<std::vector<std::string>> taken_ports;
    std::optional<std::vector<std::string>> missing_namespaces; // "network /run/netns/x"
    std::optional<std::vector<std::string>> missing_mounts;     // that the images expect; places
    std::optional<std::vector<std::string>> missing_sources;    // "/data (source /srv/data)"
    std::optional<std::vector<std::string>> unlike_sources;     // a file for a folder, or the reverse
    std::optional<std::vector<std::string>> taken_sockets;      // paths on volumes
    std::optional<std::vector<std::string>> odd_images;         // "pages-1.img (a link to /x)"
    std::optional<std::vector<std::string>> open_images;        // "core-1.img (of user 1000)"
    std::optional<std::vector<std::string>> connections;        // "10.0.0.7 port 80 with 10.0.0.8 port 1234"
    bool connections_whole = false;     // what CRIU needs to have them go on is in the images
    std::optional<std::uint64_t> tasks; // processes and threads
    // Numbers of processes that are in use in the PID namespace that they belong to: "12 (redis-server)".
    std::optional<std::vector<std::string>> taken_pids;
    bool pids_homeless = false;              // the images are of a joined PID namespace, and none is joined
    std::optional<std::string> lsm_mismatch; // see compare_lsm
};

inline constexpr std::size_t max_named = 1000; // of a list; a message names five

[[nodiscard]] Target look_at_target(const Facts& facts, const criu::ImageSource& source,
                                    const criu::Images& images);

// The parts of it. Files of the bundle against the images.
void compare_bundle(const Facts& facts, const criu::ImageSource& source, const criu::Files& files,
                    Target& target);
void compare_files(const Facts& facts, const criu::ImageSource& source, const Tree& tree,
                   const criu::Files& files, Target& target);
void compare_unix_sockets(const Facts& facts, const Tree& tree, const criu::Files& files, Target& target);

// A list for each mount namespace. Nothing when there is none, or one that cannot be read, or too much of
// them.
using MountLists = std::vector<std::vector<criu::MntEntry>>;
[[nodiscard]] std::optional<MountLists> read_mount_lists(const Facts& facts, const criu::ImageSource& source);
void compare_mounts(const Facts& facts, const Tree& tree, const MountLists& lists, Target& target);

void look_at_image_files(const Facts& facts, const criu::ImageSource& source, Target& target);
void compare_addresses(const Facts& facts, const criu::Files& files, Target& target);
void find_connections(const Facts& facts, const criu::ImageSource& source, const criu::Files& files,
                      Target& target);
void compare_pids(const Facts& facts, const criu::ImageSource& source,
                  const std::vector<criu::PstreeEntry>& tasks, Target& target);
void compare_profiles(const Facts& facts, const criu::ImageSource& source, const criu::Images& images,
                      Target& target);

// Why a process that had this profile under the module `then` cannot have it under the module `here`; empty
// when it can. `loaded` is AppArmor's list of profiles, and nothing when it does not matter or is not known.
[[nodiscard]] std::string compare_lsm(criu::LsmType then, std::string_view profile, criu::LsmType here,
                                      const std::optional<std::string>& loaded);

} // namespace lpm::inspect
