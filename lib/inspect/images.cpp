// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/images.hpp"

#include <cerrno>
#include <unistd.h>

#include "inspect/facts.hpp"
#include "inspect/tree.hpp"
#include "linux/cpu.hpp"

namespace lpm::inspect {

static std::optional<record::CheckpointManifest> read_manifest(const criu::ImageSource& source) {
    const auto text = source.read(record::manifest_file);
    auto manifest = text ? record::parse_manifest(*text) : std::unexpected(text.error());
    return manifest ? std::optional(*std::move(manifest)) : std::nullopt;
}

// Of the first process: CRIU dumps no tree of several architectures.
static std::optional<criu::March> read_mtype(const criu::ImageSource& source,
                                             const std::vector<criu::PstreeEntry>& tasks) {
    const auto core = source.read_head(criu::core_img(tasks.front().pid), criu::core_head);
    const auto mtype = core ? criu::parse_mtype(*core) : std::unexpected(core.error());
    return mtype ? std::optional(*mtype) : std::nullopt;
}

static void find_namespaces(const oci::Bundle& bundle, Target& target) {
    auto& missing = target.missing_namespaces.emplace();
    for (const auto& [type, path] : bundle.joined)
        if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT)
            missing.emplace_back(type).append(" ").append(path);
}

void compare_bundle(const Facts& facts, const criu::ImageSource& source, const criu::Files& files,
                    Target& target) {
    const auto lists = read_mount_lists(facts, source);
    auto tree = Tree::open(*facts.bundle, facts.bundle_dir);
    if (!tree || !lists)
        return;
    compare_mounts(facts, *tree, *lists, target);
    // Of more than one mount namespace the names are those of several roots, and which is whose is not known.
    if (lists->size() > 1)
        return;
    for (const auto& mount : lists->front())
        if (!mount.external() && mount.mountpoint.size() > 1 && mount.mountpoint.starts_with('/'))
            tree->add_own(mount.mountpoint);
    if (tree->sure()) // else any file may be on the mount whose place is not known
        compare_files(facts, source, *tree, files, target);
    compare_unix_sockets(facts, *tree, files, target);
}

Target look_at_target(const Facts& facts, const criu::ImageSource& source, const criu::Images& images) {
    Target target;
    target.manifest = read_manifest(source);
    if (images.inventory)
        target.inventory = *images.inventory;
    if (images.pstree) {
        target.mtype = read_mtype(source, *images.pstree);
        compare_pids(facts, source, *images.pstree, target);
    }
    compare_profiles(facts, source, images, target);
    if (auto cpu = read_cpu_features())
        target.cpu = *std::move(cpu);
    look_at_image_files(facts, source, target);
    if (facts.bundle)
        find_namespaces(*facts.bundle, target);
    const auto image = source.read(criu::files_img);
    const auto files = image ? criu::parse_files(*image) : std::unexpected(image.error());
    if (!files)
        return target;
    find_connections(facts, source, *files, target);
    if (!facts.bundle)
        return target;
    compare_bundle(facts, source, *files, target);
    compare_addresses(facts, *files, target);
    return target;
}

} // namespace lpm::inspect
