// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"
#include "criu/additions.hpp"
#include "criu/image_source.hpp"
#include "criu/images/core.hpp"
#include "criu/images/inventory.hpp"
#include "inspect/caller.hpp"
#include "inspect/host.hpp"
#include "oci/bundle.hpp"
#include "record/record.hpp"

namespace lpm::inspect {

class Layer;

// A file that a process had open, and what is there now.
struct ChangedFile {
    enum class What { size, type, mode };
    What what = What::size;
    std::string path{};
    std::uint64_t had = 0; // bytes of a size, bits of a mode
    std::uint64_t has = 0;
};

struct Endpoint {
    std::string address{};
    std::uint16_t port = 0;
};
struct Connection {
    Endpoint local{};
    Endpoint remote{};
};

// A bind mount of config.json.
struct MissingSource {
    std::string place{};
    std::string source{};
};
struct UnlikeSource { // a file for a folder, or the reverse
    std::string place{};
    std::string source{};
    bool source_is_folder = false;
};

struct TakenPid {
    std::uint32_t pid = 0;
    std::string name{}; // of the process that has it
};

// What is among the images and is no file of their own directory.
struct ForeignImage {
    enum class Kind {
        link,
        link_to_link,
        pipe,
        folder,
        special
    }; // link: to elsewhere; special: a device or a socket
    Kind kind = Kind::link;
    std::string name{};
    std::string target{}; // of a link to elsewhere
};

// An image that not only root could have changed.
struct WritableImage {
    std::string name{};                 // empty: the directory itself
    std::optional<std::uint32_t> uid{}; // whose it is; nothing: it is root's, and others may write it
};

// A security profile that a process cannot have here.
struct LsmMismatch {
    std::uint32_t pid = 0;
    criu::LsmType dumped = criu::LsmType::no_lsm;
    std::string profile{};
    criu::LsmType here = criu::LsmType::no_lsm; // the same: the profile is not loaded
};

// What the restored processes would have beyond what config.json of the new container grants. Of a thread, or
// of the container: then there is no pid.
struct Excess {
    enum class Kind {
        capabilities, // number: a bit for each
        user,         // number: the id
        group,
        new_privileges,
        seccomp,  // no filter
        apparmor, // text: the profile that it has
        no_apparmor,
        seccomp_profile,
        lost_namespace, // text: its type
        id_mappings,
        unmasked,      // text: the path
        writable_path, // text: the path, of a mount too
        looser_mount,  // text: the path, and what it lacks: "/data without nosuid"
    };
    Kind kind = Kind::capabilities;
    std::uint64_t number = 0;
    std::string text{};
    std::uint32_t pid = 0;
    std::uint32_t thread = 0;
    std::string name{}; // of the process
};

// Of a process under the security module that the inventory names; empty when it had none.
struct LsmProfile {
    std::uint32_t pid = 0;
    std::string text{};
};

// Bytes of pages.
struct ImageMemory {
    std::uint64_t all = 0;   // of all processes: pages of a fork that nobody has written since count for each
    std::uint64_t least = 0; // of the biggest process, and what is shared: it surely needs so much
};

// What the images need, compared with what there is where they are to be restored. A list that is nothing
// could not be made, and its check says `unknown`.
struct ImageFacts {
    template <class T> using List = std::optional<std::vector<T>>;

    // Whether they can be used at all. Nothing: they could not be looked at.
    std::optional<Result<>> complete;    // criu::verify_images
    std::optional<Result<>> descriptors; // descriptors.json
    List<ForeignImage> foreign_images;
    List<WritableImage> writable_images;

    // What they say of the checkpoint.
    std::optional<record::CheckpointManifest> manifest;
    std::optional<criu::InventoryEntry> inventory;
    criu::Dumped dumped;
    std::optional<criu::March> mtype;
    std::optional<ImageMemory> memory;
    std::optional<std::uint64_t> tasks; // processes and threads
    List<Connection> connections;
    List<LsmProfile> profiles; // each once
    bool tcp_streams = false;  // there are connections, and what CRIU needs to have them go on

    // What is not as they need it.
    List<std::string> missing_files;
    List<ChangedFile> changed_files;
    List<ChangedFile> changed_modes;
    List<std::string> unexecutable; // programs of processes that nobody may execute
    List<std::string> missing_addresses;
    List<std::string> missing_local_addresses; // that connections were made from
    List<Endpoint> taken_ports;
    List<oci::NamespacePath> missing_namespaces;
    List<std::string> missing_mounts; // that the images expect; places
    List<std::string> deleted_mounts; // from outside, whose source was deleted before the checkpoint; places
    List<std::string> new_mounts;     // of config.json that no image has; places
    List<std::string> other_settings; // of config.json than in the old one beside the images; their names
    List<MissingSource> missing_sources;
    List<UnlikeSource> unlike_sources;
    List<std::string> taken_sockets;           // paths on volumes
    List<TakenPid> taken_pids;                 // in the PID namespace that the processes belong to
    List<LsmMismatch> lsm_mismatches;          // the first one only
    List<Excess> excesses;                     // of a thread; the first one only
    List<Excess> mount_excesses;               // by the flags of bind mounts; the first one only
    List<Excess> spec_excesses;                // by the old config.json beside the images; the first one only
    std::optional<bool> pid_namespace_missing; // they are of a joined PID namespace, and none is joined
    std::optional<bool> outer_terminal;        // a process had one whose other end is in no image
};

// Where the images are to be restored.
struct Destination {
    const Caller& caller;
    const HostFacts& host;
    const std::optional<oci::Bundle>& bundle;
    std::string bundle_dir{};
    const Layer* layer = nullptr; // that the root file system gets before the restore
    bool lsm_profile = false;     // another profile than the one in the images is asked for
    Deadline deadline;
};

// `facts` are what was told of images that are elsewhere: against the node alone.
void compare_told(ImageFacts& facts, const Destination& destination);
[[nodiscard]] ImageFacts inspect_images(const criu::ImageSource& source, const Destination& destination);
[[nodiscard]] ImageFacts inspect_image_directory(const std::string& path, const Destination& destination);

// The network namespace that a container of this bundle will join; nothing when it gets a new one, which CRIU
// fills itself.
[[nodiscard]] std::optional<Fd> open_network(const oci::Bundle& bundle, const Caller& caller);

} // namespace lpm::inspect
