// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "oci/privileges.hpp"

namespace lpm::oci {

// Annotation: the container is to be one that can be checkpointed (lpm-hook): `required` or `report`.
inline constexpr std::string_view checkpointable = "lpm.my.domain/checkpointable";

struct MountPoint {
    std::string place;  // in the container
    std::string source; // on the host, of a bind mount
    bool bind = false;
    std::string type{};      // of the file system; of a bind mount whatever was written
    unsigned long flags = 0; // of MS_RDONLY, MS_NOSUID, MS_NODEV and MS_NOEXEC (mount(2)) those it asks for
};

struct Hook {
    std::string when; // prestart, createRuntime, ...
    std::string path;
};

struct NamespacePath { // of a namespace that the container joins
    std::string type;
    std::string path;
};

// What lpm reads of a bundle's config.json (OCI runtime spec). All of it is optional.
struct Bundle {
    bool terminal = false;          // process.terminal
    bool network_namespace = false; // own or joined, not the host's
    bool ipc_namespace = false;     // own or joined, not the host's
    // Namespaces that the container shares with nobody.
    bool own_ipc = false;
    bool own_pid = false;
    bool user_namespace = false;
    bool has_tmpfs = false;         // a mount of that type
    bool shared_shm = false;        // /dev/shm is bound in: it is the pod's
    std::string root;               // root.path; relative to the bundle unless it begins with a slash
    std::string cgroups_path;       // linux.cgroupsPath
    std::vector<MountPoint> mounts; // in the order in which they are made
    std::vector<NamespacePath> joined;
    std::uint64_t memory_limit = 0;          // linux.resources.memory.limit in bytes; 0: none
    std::optional<std::uint64_t> swap_limit; // linux.resources.memory.swap: of memory and swap together
    std::uint64_t pids_limit = 0;            // linux.resources.pids.limit, in processes and threads; 0: none
    std::vector<std::string> binds;          // where bind mounts are, in the container
    std::vector<std::string> masked;         // linux.maskedPaths
    std::vector<std::string> devices;        // paths of linux.devices
    Privileges granted;
    std::vector<Hook> hooks;          // in the order of the runtime specification
    std::vector<std::string> volumes; // binds that can be written, without what every engine binds in
    // Names of environment variables that say where the container is, as POD_IP. Never values.
    std::vector<std::string> pod_identity;
    // What the first process starts with and a restore takes from the images, by names: "rlimits", "env
    // PATH". Never values: equal ones have equal numbers. Without variables that differ from pod to pod.
    std::map<std::string, std::uint64_t> settings;
    // lpm.my.domain/skip-checks: ids of checks, separated by commas.
    std::string skip_checks;
    bool crio = false;       // made by CRI-O
    bool node_paths = false; // made by CRI-O or Podman: see check/rootfs.cpp
    // lpm.my.domain/options: "name=value", separated by commas.
    std::string options;
    // Engine annotations that name the workload (never values of environment variables).
    std::vector<std::pair<std::string, std::string>> names;
    // org.criu.config: absent, or empty = "no file", or a path that replaces /etc/criu/runc.conf.
    std::optional<std::string> criu_config;
    std::optional<std::string> checkpointable; // the annotation of that name
    std::string checkpoint;                    // lpm.my.domain/checkpoint: "never", or anything else
};

// Engines bind something there into every container: it is made anew for a restored one.
[[nodiscard]] bool is_usual_bind(std::string_view place);

// Where the namespace of that type is that the container joins; empty when it joins none.
[[nodiscard]] std::string joined_path(const Bundle& bundle, std::string_view type);

[[nodiscard]] Result<Bundle> parse_bundle(std::string_view config_json);
// `path` is the bundle directory.
[[nodiscard]] Result<Bundle> read_bundle(const std::string& path);
// Of a file that is a config.json by another name.
[[nodiscard]] Result<Bundle> read_spec(const std::string& file);

} // namespace lpm::oci
