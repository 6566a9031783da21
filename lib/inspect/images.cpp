// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/images.hpp"

#include <algorithm>
#include <cerrno>
#include <set>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/images/tty.hpp"
#include "inspect/images_parts.hpp"
#include "json/json.hpp"

namespace lpm::inspect {

static Result<> read_descriptors(const criu::ImageSource& source) {
    constexpr std::size_t most = 65536;
    TRY_ASSIGN(const std::string text, source.read("descriptors.json"));
    if (text.size() > most)
        return fail(Errc::unavailable, "descriptors.json is longer than " + std::to_string(most) + " bytes");
    const auto value = json::parse(text, {.bytes = most});
    if (!value || !value->is_array())
        return fail(Errc::invalid, "descriptors.json is not a list of the standard streams");
    return {};
}

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

// What the rest says of how they were dumped, besides the locks.
static void find_dumped(ImageFacts& facts) {
    criu::Dumped& dumped = facts.dumped;
    if (facts.manifest) {
        dumped.tcp_close = facts.manifest->tcp == config::Tcp::close;
        dumped.tcp_established = facts.manifest->tcp == config::Tcp::established;
    }
    if (facts.inventory) {
        dumped.tcp_close = dumped.tcp_close || facts.inventory->tcp_close;
        dumped.allow_uprobes = facts.inventory->allow_uprobes;
    }
    // Without lpm.json the connections themselves tell.
    dumped.tcp_established = dumped.tcp_established || facts.tcp_streams;
}

// The slave of a pseudo terminal whose master nobody of the processes had.
static std::optional<bool> find_outer_terminal(const criu::ImageSource& source) {
    const dev_t ptmx = makedev(5, 2);
    const auto image = source.read(criu::tty_info_img);
    if (!image && image.error().code == Errc::absent)
        return false;
    const auto ttys = image ? criu::parse_tty_info(*image) : std::unexpected(image.error());
    if (!ttys)
        return std::nullopt;
    std::set<std::uint32_t> masters;
    for (const auto& tty : *ttys)
        if (tty.index && tty.rdev == ptmx)
            masters.insert(*tty.index);
    return std::ranges::any_of(*ttys, [&](const criu::TtyInfoEntry& tty) {
        return tty.index && tty.rdev != ptmx && !masters.contains(*tty.index);
    });
}

static void find_namespaces(const oci::Bundle& bundle, const Caller& caller, ImageFacts& facts) {
    auto& missing = facts.missing_namespaces.emplace();
    for (const auto& joined : bundle.joined)
        if (::access((caller.root + joined.path).c_str(), F_OK) != 0 && errno == ENOENT)
            missing.push_back(joined);
}

static void compare_open_files(const criu::ImageSource& source, const criu::Images& images,
                               const Destination& destination, ImageFacts& facts) {
    const auto image = source.read(criu::files_img);
    const auto files = image ? criu::parse_files(*image) : std::unexpected(image.error());
    if (!files)
        return;
    find_connections(source, *files, destination.deadline, facts);
    if (!destination.bundle)
        return;
    const auto programs =
        images.pstree ? read_programs(source, *images.pstree, destination.deadline) : std::nullopt;
    compare_bundle(source, *files, programs, destination, facts);
    compare_addresses(*files, *destination.bundle, destination.caller, destination.deadline, facts);
}

ImageFacts inspect_images(const criu::ImageSource& source, const Destination& destination) {
    ImageFacts facts;
    facts.descriptors = read_descriptors(source);
    facts.manifest = read_manifest(source);
    const criu::Images images = criu::read_images(source);
    if (images.inventory)
        facts.inventory = *images.inventory;
    if (images.pstree) {
        facts.mtype = read_mtype(source, *images.pstree);
        compare_pids(source, *images.pstree, destination, facts);
    }
    find_privileges(source, images, destination, facts);
    compare_profiles(destination, facts);
    inspect_image_files(source, destination.deadline, facts);
    if (destination.bundle)
        find_namespaces(*destination.bundle, destination.caller, facts);
    compare_open_files(source, images, destination, facts);
    facts.outer_terminal = find_outer_terminal(source);
    constexpr std::uint64_t headers = 8; // the two magic words of an image without records
    facts.dumped.file_locks = source.size("filelocks.img").value_or(0) > headers;
    find_dumped(facts);
    const auto pages = criu::verify_images(source, images, destination.deadline);
    if (pages)
        facts.memory = {.all = pages->all * pages->size,
                        .least = (pages->most + pages->shared) * pages->size};
    facts.complete = pages ? Result<>() : std::unexpected(pages.error());
    return facts;
}

void compare_told(ImageFacts& facts, const Destination& destination) {
    find_dumped(facts);
    compare_profiles(destination, facts);
}

void compare_settings(const oci::Bundle& then, const oci::Bundle& now, ImageFacts& facts) {
    auto& others = facts.other_settings.emplace();
    const auto add = [&](const std::string& name) {
        if (others.size() < max_named)
            others.push_back(name);
    };
    for (const auto& [name, value] : then.settings)
        if (const auto at = now.settings.find(name); at == now.settings.end() || at->second != value)
            add(name);
    for (const auto& [name, value] : now.settings)
        if (!then.settings.contains(name))
            add(name);
}

ImageFacts inspect_image_directory(const std::string& path, const Destination& destination) {
    const auto source = criu::ImageDirectory::open(path);
    if (source) {
        ImageFacts facts = inspect_images(*source, destination);
        // As in CRI-O's archives.
        if (const auto then = oci::read_spec(path + "/../spec.dump"); then && destination.bundle) {
            compare_spec(*then, *destination.bundle, facts);
            compare_settings(*then, *destination.bundle, facts);
        }
        return facts;
    }
    ImageFacts facts;
    if (source.error().code == Errc::absent)
        facts.complete = fail(Errc::absent, "there is no such directory");
    return facts;
}

} // namespace lpm::inspect
