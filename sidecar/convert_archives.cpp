// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <chrono>
#include <string>

#include "base/text.hpp"
#include "convert.hpp"
#include "convert_processes.hpp"
#include "criu/images/stats.hpp"

namespace lpm::sidecar {

static std::string time_of(std::uint64_t milliseconds) {
    constexpr std::uint64_t second = 1000;
    return rfc3339({.tv_sec = static_cast<time_t>(milliseconds / second),
                    .tv_nsec = static_cast<long>(milliseconds % second) * 1'000'000});
}

void convert(const KnownArchive& from, node::v1::Archive& to) {
    to.set_path(from.file.path);
    to.set_size(from.file.size);
    to.set_modified(time_of(from.file.modified_ms));
    to.set_file_id(from.file.id);
    to.set_state(from.state_word());
    to.set_message(from.message);
    to.set_format(from.format);
    to.set_pinned(from.file.pinned);
    const auto& identity = from.identity;
    to.mutable_container()->set_id(identity.container);
    for (const auto& [name, value] : identity.names)
        (*to.mutable_container()->mutable_names())[name] = value;
    to.set_engine(identity.engine);
    to.set_attempt(identity.attempt);
    to.set_record(identity.record);
    if (!(identity.object.name + identity.object.uid).empty()) {
        to.mutable_object()->set_namespace_(identity.object.name_space);
        to.mutable_object()->set_name(identity.object.name);
        to.mutable_object()->set_uid(identity.object.uid);
    }
}

static void add_parts(const lpm::node::Archive& from, node::v1::InspectArchiveResponse& to) {
    Room room(std::size_t{1} << 19);
    for (const auto& part : from.parts) {
        if (!room.take(part.name.size() + 16))
            break;
        node::v1::ArchivePart& one = *to.add_parts();
        one.set_name(one_line(part.name, 4096));
        one.set_size(part.size);
    }
    if (from.more_parts || room.full())
        to.add_left_out("parts: it has too many");
}

static void add_mounts(const lpm::node::Archive& from, node::v1::InspectArchiveResponse& to) {
    Room room(std::size_t{1} << 18);
    for (const auto& mount : from.mounts) {
        if (!room.take(mount.destination.size() + mount.type.size() + mount.source.size() + 16))
            break;
        node::v1::ArchiveMount& one = *to.add_mounts();
        one.set_destination(mount.destination);
        one.set_type(mount.type);
        one.set_source(mount.source);
    }
    if (room.full())
        to.add_left_out("mounts: it has too many");
}

void convert(const lpm::node::Archive& from, node::v1::InspectArchiveResponse& to) {
    add_parts(from, to);
    to.set_pages_bytes(from.sizes.pages);
    to.set_images_bytes(from.sizes.images);
    to.set_gpu_pages_bytes(from.sizes.gpu_pages);
    to.set_rootfs_diff_bytes(from.sizes.rootfs_diff);
    const auto stats = criu::parse_stats(from.stats);
    if (!stats && !from.stats.empty())
        to.add_left_out("stats: " + stats.error().text);
    if (stats)
        for (std::size_t i = 0; i < stats->names.size(); ++i)
            if (stats->values[i])
                (*to.mutable_stats())[std::string(stats->names[i].name)] = *stats->values[i];
    to.set_runtime(from.identity.runtime);
    to.set_created(from.identity.created);
    to.set_checkpointed(from.identity.checkpointed);
    to.set_image(from.identity.image);
    to.set_image_ref(from.identity.image_ref);
    to.set_address(from.identity.address);
    add_mounts(from, to);
    add_processes(from.images, to);
}

} // namespace lpm::sidecar
