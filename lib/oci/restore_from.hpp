// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

// A container that its pod asks to be restored from an archive, at its create.
namespace lpm::oci {

// Annotation of a pod; the name of the container comes behind it.
inline constexpr std::string_view restore_from = "lpm.my.domain/restore-from.";

struct RestoreFrom {
    std::string fault; // why it cannot be followed, for a person; then the rest may be empty
    // A ContainerCheckpoint of the pod's namespace, or the name of an archive's file, which ends in ".tar".
    std::string source;
    std::string digest;      // of the archive: 64 digits of SHA-256, behind "@sha256:"; empty: any
    bool may_start = false;  // lpm.my.domain/restore-fallback: start
    bool every_time = false; // lpm.my.domain/restore-policy: always
    // As the engine says, whatever the author of the pod has written.
    std::string name_space;
    std::string pod;
    std::string pod_uid;
    std::string container;
    // Of this container's config.json: what CRIU would take from the images.
    std::string selinux_label;
    std::string selinux_mount_label;
    std::string apparmor_profile;
    std::string hostname; // of the pod; CRIU would set that of the checkpointed one
    bool user_namespace = false;
    std::string root;         // root.path; relative to the bundle unless it begins with a slash
    std::string cgroups_path; // linux.cgroupsPath

    [[nodiscard]] bool names_file() const { return source.ends_with(".tar"); }
};

// Nothing: the container does not ask for it. An error: there is no config.json that could be read, which the
// runtime says itself. Of a config.json the author of a pod can write
// io.kubernetes.cri-o.{Image,Name,Namespace,KubeName} and io.kubernetes.cri.*: CRI-O's own word is
// io.kubernetes.cri-o.Labels, which holds the kubelet's labels of the container.
[[nodiscard]] Result<std::optional<RestoreFrom>> parse_restore_from(std::string_view config_json);
// `bundle` is the bundle's directory.
[[nodiscard]] Result<std::optional<RestoreFrom>> read_restore_from(const std::string& bundle);

} // namespace lpm::oci
