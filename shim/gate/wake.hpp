// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <expected>
#include <string>

#include "archives.hpp"
#include "base/deadline.hpp"
#include "config/settings.hpp"
#include "inspect/layer.hpp"
#include "oci/restore_from.hpp"
#include "record/record.hpp"
#include "refusal.hpp"

// The archive that a container is restored from at its create. What is in it is read by lpm-wake only.
namespace lpm::gate {

struct WakeArchive {
    OpenedArchive opened;
    record::CheckpointManifest manifest;
};

// The archive that the pod may have: of this node's folders, root's alone, and of the pod's namespace unless
// lpm.toml allows others. Of several of one ContainerCheckpoint the newest.
[[nodiscard]] std::expected<WakeArchive, Refusal>
find_archive(const config::Settings& settings, const oci::RestoreFrom& from, const Deadline& deadline);

// One after the other on a node: what is free is free for one.
// Writes the images to `dir`/checkpoint, and the checkpointed container's config.json to `dir`/spec.dump;
// what unpack_root will put down.
[[nodiscard]] std::expected<inspect::Layer, Refusal>
unpack_images(const WakeArchive& archive, const std::string& dir, const Deadline& deadline);
// Makes of the root file system of a new container what the checkpointed one had made of its.
[[nodiscard]] std::expected<void, Refusal> unpack_root(const WakeArchive& archive, const std::string& root,
                                                       const Deadline& deadline);

} // namespace lpm::gate
