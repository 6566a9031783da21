// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/images.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.hpp"
#include "criu/images.hpp"
#include "inspect/facts.hpp"
#include "inspect/tree.hpp"
#include "linux/cpu.hpp"

namespace lpm::inspect {

static constexpr std::size_t max_image = std::size_t{64} << 20;

static std::optional<record::CheckpointManifest> read_manifest(int dir) {
    const auto text = read_file(dir, record::manifest_file, 65536);
    auto manifest = text ? record::parse_manifest(*text) : std::unexpected(text.error());
    return manifest ? std::optional(*std::move(manifest)) : std::nullopt;
}

// Of the first process: CRIU dumps no tree of several architectures.
static std::optional<std::uint32_t> read_machine(int dir, const std::vector<criu::Task>& tasks) {
    constexpr std::size_t head = 64;
    std::string name = "core-";
    name.append(std::to_string(tasks.front().pid)).append(".img");
    const auto core = read_head(dir, name, head);
    const auto machine = core ? criu::parse_machine(*core) : std::unexpected(core.error());
    return machine ? std::optional(*machine) : std::nullopt;
}

static void find_namespaces(const oci::Bundle& bundle, Target& target) {
    auto& missing = target.missing_namespaces.emplace();
    for (const auto& [type, path] : bundle.joined)
        if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT)
            missing.emplace_back(type).append(" ").append(path);
}

void compare_bundle(const Facts& facts, int dir, const criu::OpenFiles& files, Target& target) {
    const auto lists = read_mount_lists(facts, dir);
    auto tree = Tree::open(*facts.bundle, facts.bundle_dir);
    if (!tree || !lists)
        return;
    compare_mounts(facts, *tree, *lists, target);
    // Of more than one mount namespace the names are those of several roots, and which is whose is not known.
    if (lists->size() > 1)
        return;
    for (const auto& mount : lists->front())
        if (!mount.external && mount.place.size() > 1 && mount.place.starts_with('/'))
            tree->add_own(mount.place);
    if (tree->sure()) // else any file may be on the mount whose place is not known
        compare_files(facts, dir, *tree, files, target);
    compare_unix_sockets(facts, *tree, files, target);
}

Target look_at_target(const Facts& facts, int dir, const criu::Images& images) {
    Target target;
    target.manifest = read_manifest(dir);
    if (images.inventory)
        target.inventory = *images.inventory;
    if (images.tasks) {
        target.machine = read_machine(dir, *images.tasks);
        compare_pids(facts, dir, *images.tasks, target);
    }
    compare_profiles(facts, dir, images, target);
    if (auto cpu = read_cpu_features())
        target.cpu = *std::move(cpu);
    look_at_image_files(facts, dir, target);
    if (facts.bundle)
        find_namespaces(*facts.bundle, target);
    const auto image = read_file(dir, "files.img", max_image);
    const auto files = image ? criu::parse_files(*image) : std::unexpected(image.error());
    if (!files)
        return target;
    find_connections(facts, dir, *files, target);
    if (!facts.bundle)
        return target;
    compare_bundle(facts, dir, *files, target);
    compare_addresses(facts, *files, target);
    return target;
}

} // namespace lpm::inspect
