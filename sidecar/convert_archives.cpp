// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <chrono>
#include <string>

#include "base/text.hpp"
#include "convert.hpp"
#include "criu/images/core.hpp"
#include "criu/images/pstree.hpp"
#include "criu/images/stats.hpp"

namespace lpm::sidecar {

static std::string time_of(std::uint64_t milliseconds) {
    constexpr std::uint64_t second = 1000;
    return rfc3339({.tv_sec = static_cast<time_t>(milliseconds / second),
                    .tv_nsec = static_cast<long>(milliseconds % second) * 1'000'000});
}

static std::string word_of(const KnownArchive& from) {
    using enum lpm::node::ArchiveState;
    const bool may_grow = from.state != whole && from.state != other && from.is_being_written();
    return may_grow || from.file.writing.value_or(false) ? "writing" : std::string(lpm::name_of(from.state));
}

void convert(const KnownArchive& from, node::v1::Archive& to) {
    to.set_path(from.file.path);
    to.set_size(from.file.size);
    to.set_modified(time_of(from.file.modified_ms));
    to.set_file_id(from.file.id);
    to.set_state(word_of(from));
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

static void add_processes(const criu::ImageSource& images, node::v1::InspectArchiveResponse& to) {
    const auto image = images.read(criu::pstree_img);
    const auto tree = image ? criu::parse_pstree(*image) : std::unexpected(image.error());
    if (!tree)
        return;
    constexpr int most = 10'000;
    constexpr std::size_t longest_core = 65536; // of one thread: a few KiB
    for (const auto& task : *tree) {
        if (to.processes_size() == most)
            break;
        node::v1::ArchiveProcess& process = *to.add_processes();
        process.set_pid(task.pid);
        process.set_parent(task.ppid);
        process.set_threads(static_cast<std::uint32_t>(task.threads.size()));
        const auto core = images.read_head(criu::core_img(task.pid), longest_core);
        const auto task = core ? criu::parse_tc(*core) : std::unexpected(core.error());
        process.set_name(task ? one_line(task->comm, 64) : "");
    }
}

void convert(const lpm::node::Archive& from, node::v1::InspectArchiveResponse& to) {
    constexpr std::size_t longest_list = std::size_t{2} << 20; // bytes
    std::uint64_t pages = 0;
    std::size_t bytes = 0;
    for (const auto& part : from.parts) {
        if (part.name.starts_with("checkpoint/pages-"))
            pages += part.size;
        bytes += part.name.size() + sizeof part.size;
        if (bytes > longest_list)
            continue;
        node::v1::ArchivePart& one = *to.add_parts();
        one.set_name(one_line(part.name, 4096));
        one.set_size(part.size);
    }
    to.set_pages_bytes(pages);
    if (const auto stats = criu::parse_stats(from.stats))
        for (std::size_t i = 0; i < stats->names.size(); ++i)
            if (stats->values[i])
                (*to.mutable_stats())[std::string(stats->names[i].name)] = *stats->values[i];
    to.set_runtime(from.identity.runtime);
    to.set_created(from.identity.created);
    to.set_checkpointed(from.identity.checkpointed);
    to.set_image(from.identity.image);
    to.set_image_ref(from.identity.image_ref);
    add_processes(from.images, to);
}

} // namespace lpm::sidecar
