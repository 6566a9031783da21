// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/words.hpp"
#include "node/archive_images.hpp"
#include "node/tar.hpp"
#include "record/record.hpp"

// The archive of a checkpoint, as CRI-O, Podman and containerd make them.
namespace lpm::node {

// whole: tar's end mark is there, and what a restore needs. truncated: the end is missing. incomplete: it has
// an end, and a part that a restore needs is missing. other: not of a checkpoint. unknown: it could not be
// read.
enum class ArchiveState { whole, truncated, incomplete, other, unknown };
inline constexpr std::string_view archive_states[] = {"whole", "truncated", "incomplete", "other", "unknown"};
constexpr std::span<const std::string_view> words_of(ArchiveState) {
    return archive_states;
}

struct ArchivePart {
    std::string name;
    std::uint64_t size = 0; // unpacked
};

// Who it is of, by its parts. A field is empty where they do not say.
struct ArchiveIdentity {
    std::string engine;                                     // "CRI-O", "Podman", "containerd"
    std::string container;                                  // id
    std::vector<std::pair<std::string, std::string>> names; // as of a record
    std::string attempt;                                    // of lpm.json, as the next two
    std::string record;
    record::ObjectName object;
    std::string runtime; // of config.dump, as the next
    std::string image;
    std::string image_ref;
    std::string address; // of the pod, as CRI-O wrote it
    std::string created; // RFC 3339, as the next
    std::string checkpointed;
};

// A mount that the container was made with (spec.dump).
struct ArchiveMount {
    std::string destination; // in the container
    std::string type;
    std::string source; // on the node, of a bind mount
};

// Of all parts, in bytes.
struct ArchiveSizes {
    std::uint64_t images = 0;    // below checkpoint/, with pages
    std::uint64_t pages = 0;     // of memory
    std::uint64_t gpu_pages = 0; // of an AMD GPU's memory
    std::uint64_t rootfs_diff = 0;
};

struct Archive {
    ArchiveState state = ArchiveState::unknown;
    std::string message; // why it is not whole
    std::string format;
    ArchiveIdentity identity;
    std::string unread;             // a part with the identity that is there and is not what it should be
    bool more_parts = false;        // than are in `parts`
    std::vector<ArchivePart> parts; // with Depth::images; at most 50,000
    ArchiveSizes sizes;
    ArchiveImages images;
    std::vector<ArchiveMount> mounts; // with Depth::processes
    std::string stats;                // stats-dump
    std::uint64_t bytes_read = 0;     // of the file
};

// By size and time of the last write.
[[nodiscard]] bool is_unchanged(const struct stat& before, const struct stat& after);

// What is kept besides the identity: images that VerifyArchive needs; those, and the others that tell of
// processes.
enum class Depth { identity, images, processes };

// Reads it to its end; memory pages are passed over. Errc::unavailable when `ask` ends it, or the file cannot
// be read; all else is in the state.
[[nodiscard]] Result<Archive> read_archive(int fd, Depth depth, const TarReader::Ask& ask, Tap tap = {});

// Of the texts of its parts. False: it is none; nothing is read of it then.
[[nodiscard]] bool read_config_dump(std::string_view text, ArchiveIdentity& to);
[[nodiscard]] bool read_spec_dump(std::string_view text, ArchiveIdentity& to);
[[nodiscard]] std::vector<ArchiveMount> read_mounts(std::string_view spec_dump);
[[nodiscard]] bool read_manifest(std::string_view text, ArchiveIdentity& to);

} // namespace lpm::node
