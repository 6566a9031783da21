// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "criu/additions.hpp"
#include "criu/options.hpp"
#include "criu/tooling.hpp"
#include "inspect/container.hpp"
#include "inspect/images.hpp"
#include "linux/mountinfo.hpp"
#include "oci/argv.hpp"
#include "oci/bundle.hpp"
#include "oci/state.hpp"

namespace lpm::inspect {

// create: before the container is there, when only config.json is known (lpm-hook).
enum class Stage { create, checkpoint, restore };

// A standard stream of init that is a regular file.
struct StdioFile {
    int fd = 0;
    std::string path;
    bool in_mounts = true; // its mount is one of the container's
};

struct KernelVersion {
    unsigned major = 0;
    unsigned minor = 0;
    [[nodiscard]] auto operator<=>(const KernelVersion&) const = default;
};
[[nodiscard]] std::optional<KernelVersion> parse_kernel_version(std::string_view release);

struct Space {
    std::string path; // the nearest directory that is there
    std::uint64_t free_bytes = 0;
    std::optional<std::uint64_t> free_inodes; // nothing: the file system has no fixed number
    std::uint64_t device = 0;
};

// Files of the image that the container has changed and that an archive leaves out.
struct LostFiles {
    std::vector<std::string> paths;
    bool all = true; // everything was looked at
};

// What the gate knows before it looks around.
struct Subject {
    Stage stage = Stage::checkpoint;
    std::string id;
    std::string root;        // of the runtime
    std::string image_path;  // absolute
    std::string search_path; // PATH that the runtime will get
    std::string kubelet_dir;
    oci::RuntimeKind kind = oci::RuntimeKind::unknown;
    const config::Settings* settings = nullptr;
    bool checkpoint_in_progress = false; // another one, of the same container
};

// Everything that the checks judge, gathered in one pass. What could not be read is nothing, and makes the
// checks that need it say `unknown`.
struct Facts {
    const oci::Invocation* invocation = nullptr; // none at creation
    Subject subject;
    const Deadline* deadline = nullptr;

    std::optional<oci::State> state; // checkpoint only
    bool alive = false;
    bool frozen = false;
    bool freezing = false;
    std::optional<oci::Bundle> bundle;
    std::string bundle_dir;
    std::optional<KernelVersion> kernel;
    std::optional<std::uint64_t> capabilities; // our own, effective
    std::optional<std::uint64_t> available_memory;

    criu::Additions additions;      // what lpm adds to this call
    criu::EffectiveOptions options; // in force, additions among them
    std::vector<std::string> notes;
    std::string runtime_config; // the configuration file that the runtime hands to CRIU
    std::string criu_path;      // empty: not where the runtime looks for it
    bool criu_by_flag = false;  // --criu was given, and whether the runtime heeds it is not known
    std::optional<criu::CriuFacts> criu;
    std::optional<oci::RuntimeFacts> runtime;
    std::string missing_tar; // tar or gzip, when it is not where CRIU looks for it
    bool selinux_enforcing = false;
    bool has_iptables = true;
    bool has_ip6tables = true;
    bool has_ipv6 = true;

    std::vector<procfs::Mount> mounts; // of the init process; empty when they cannot be read
    std::optional<std::vector<StdioFile>> stdio;
    std::optional<Workload> workload; // checkpoint only
    std::uint64_t ghost_limit = 0;    // bytes
    std::optional<MemoryUse> memory;
    std::optional<LostFiles> lost; // checkpoint only
    std::optional<Space> image_space;
    std::optional<Space> kubelet_space;

    // restore only
    std::optional<Target> target;
    std::optional<Result<>> images; // verify_images
    std::optional<Result<>> descriptors;
    criu::Dumped dumped;
    std::optional<std::uint32_t> image_lock; // network lock method in inventory.img
};

// Pages that MADV_GUARD_INSTALL has made guards of stop this CRIU on this kernel, if there are any. Nothing:
// it is not known.
[[nodiscard]] std::optional<bool> guards_matter(const Facts& facts);

// Nothing when the layers of the root file system cannot be read. Needs bundle, mounts, deadline.
[[nodiscard]] std::optional<LostFiles> find_lost_files(const Facts& facts);

struct Environment {
    std::string home;
    std::string criu_config_file;
};

// Never fails. `bundle_dir`: empty when it must be taken from the runtime's state.
[[nodiscard]] Facts gather(const oci::Invocation& invocation, Subject subject, const std::string& bundle_dir,
                           const Environment& environment, const criu::Tooling& tooling,
                           const std::string& runtime_key, const Deadline& deadline);

} // namespace lpm::inspect
