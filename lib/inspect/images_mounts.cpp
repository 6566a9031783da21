// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cerrno>
#include <ranges>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unordered_set>

#include "base/text.hpp"
#include "inspect/images_parts.hpp"

namespace lpm::inspect {

std::optional<MountLists> read_mount_lists(const criu::ImageSource& source, const Deadline& deadline) {
    constexpr std::size_t most = 1000;
    constexpr std::size_t most_mounts = 200'000; // of all
    MountLists lists;
    std::size_t count = 0;
    bool sound = true;
    const bool read = source.each_name([&](const std::string& name) {
        if (!criu::is_mnt_img(name))
            return true;
        const auto image = source.read(name);
        auto mounts = image ? criu::parse_mnt(*image) : std::unexpected(image.error());
        count += mounts ? mounts->size() : 0;
        sound = mounts && lists.size() < most && count <= most_mounts && !deadline.passed();
        if (sound)
            lists.push_back(*std::move(mounts));
        return sound;
    });
    if (!read || !sound || lists.empty())
        return std::nullopt;
    return lists;
}

// Devices that the runtime makes in every container, and hands over where they are mounted.
static constexpr std::string_view usual_devices[] = {"/dev/null",   "/dev/zero", "/dev/full",
                                                     "/dev/random", "/dev/tty",  "/dev/urandom"};

// runc and crun write the keys of bind mounts in different ways: with links resolved, or as config.json has
// it.
static bool is_key_of(std::string_view key, const oci::MountPoint& mount, std::string_view place) {
    return key == place || key == mount.place;
}

// The runtime hands over what the images call `key`.
static bool hands_over(const oci::Bundle& bundle, const Tree& tree, std::string_view key) {
    if (std::ranges::find(usual_devices, key) != std::end(usual_devices))
        return true;
    if (std::ranges::find(bundle.devices, key) != bundle.devices.end() ||
        std::ranges::find(bundle.masked, key) != bundle.masked.end())
        return true;
    for (std::size_t i = 0; i < bundle.mounts.size(); ++i) {
        const oci::MountPoint& mount = bundle.mounts[i];
        const std::string& place = tree.mounts()[i].place;
        if (mount.bind ? is_key_of(key, mount, place) : mount.type == "cgroup" && is_below(key, place))
            return true;
    }
    return false;
}

static bool needed(const MountLists& lists, std::string_view key) {
    return std::ranges::any_of(lists, [&](const std::vector<criu::MntEntry>& list) {
        return std::ranges::find(list, key, &criu::MntEntry::ext_key) != list.end();
    });
}

static void find_missing_mounts(const MountLists& lists, const oci::Bundle& bundle, const Tree& tree,
                                ImageFacts& facts) {
    // A place that cannot be told may be any.
    if (!tree.sure())
        return;
    auto& missing = facts.missing_mounts.emplace();
    for (const auto& list : lists)
        for (const auto& mount : list) // a key that is no path is a word of CRIU's own
            // What the runtime masks a folder with has a name of its own, which is not that of the place.
            if (mount.ext_key.starts_with('/') && !hands_over(bundle, tree, mount.ext_key) &&
                std::ranges::find(bundle.masked, mount.mountpoint) == bundle.masked.end() &&
                missing.size() < max_named)
                missing.push_back(mount.mountpoint);
}

// The runtime mounts everything once in the root, to make places for what is mounted within mounts; not
// what is below a tmpfs, which CRIU fills.
static void find_sources(const MountLists& lists, const Tree& tree, const Deadline& deadline,
                         ImageFacts& facts) {
    std::vector<MissingSource> missing;
    std::vector<UnlikeSource> unlike;
    bool all = true;
    for (std::size_t i = 0; i < tree.mounts().size() && missing.size() + unlike.size() < max_named; ++i) {
        const Tree::PlannedMount& mount = tree.mounts()[i];
        if (deadline.passed())
            return;
        if (!mount.bind || !mount.sure || mount.source.starts_with("/proc/")) // there it is the caller's
            continue;
        const Tree::PlannedMount* above = tree.mount_of(mount.place, i);
        const bool tried = above == nullptr || above->bind;
        const auto source = tree.node().stat(mount.source);
        if (!source) {
            const bool absent = source.error().sys == ENOENT;
            all = all && absent;
            if (absent && (tried || needed(lists, mount.place)))
                missing.push_back({mount.place, mount.source});
            continue;
        }
        const auto place = tree.find(mount.place, i);
        if (tried && place && S_ISDIR(place->stx_mode) != S_ISDIR(source->stx_mode))
            unlike.push_back({mount.place, mount.source, S_ISDIR(source->stx_mode)});
    }
    if (all || !missing.empty())
        facts.missing_sources = std::move(missing);
    if (all || !unlike.empty())
        facts.unlike_sources = std::move(unlike);
}

static void find_deleted_mounts(const MountLists& lists, ImageFacts& facts) {
    auto& deleted = facts.deleted_mounts.emplace();
    for (const auto& list : lists)
        for (const auto& mount : list)
            if (mount.deleted && mount.external() && deleted.size() < max_named)
                deleted.push_back(mount.mountpoint);
}

// CRIU mounts what the images have, and the runtime nothing that stays.
static void find_new_mounts(const MountLists& lists, const Tree& tree, ImageFacts& facts) {
    std::unordered_set<std::string_view> had;
    for (const auto& list : lists)
        for (const auto& mount : list)
            had.insert(mount.mountpoint);
    if (!tree.sure())
        return;
    auto& fresh = facts.new_mounts.emplace();
    for (const auto& mount : tree.mounts())
        if (!had.contains(mount.place) && fresh.size() < max_named)
            fresh.push_back(mount.place);
}

static std::string name_flags(unsigned long flags) {
    static constexpr std::pair<unsigned long, std::string_view> names[] = {
        {MS_RDONLY, "ro"}, {MS_NOSUID, "nosuid"}, {MS_NODEV, "nodev"}, {MS_NOEXEC, "noexec"}};
    std::string text;
    for (const auto& [flag, name] : names)
        if ((flags & flag) != 0)
            text.append(text.empty() ? "" : ", ").append(name);
    return text;
}

// What the volume that was mounted there lacks of these flags. CRIU mounts it with the flags of the images.
static unsigned long lacks(const MountLists& lists, const oci::MountPoint& mount, std::string_view place) {
    unsigned long lacking = mount.flags;
    bool had = false;
    for (const auto& list : lists)
        for (const auto& then : list)
            if (is_key_of(then.ext_key, mount, place)) {
                had = true;
                lacking &= ~static_cast<unsigned long>(then.flags);
            }
    return had ? lacking : 0;
}

// The first one. What every engine binds in has flags of the engine's.
static void find_looser_mounts(const MountLists& lists, const oci::Bundle& bundle, const Tree& tree,
                               ImageFacts& facts) {
    auto& looser = facts.mount_excesses.emplace();
    for (std::size_t i = 0; i < bundle.mounts.size() && looser.empty(); ++i) {
        const oci::MountPoint& mount = bundle.mounts[i];
        const std::string& place = tree.mounts()[i].place;
        const auto after = tree.mounts() | std::views::drop(i + 1);
        // The last one at a place is the one that is seen.
        if (!mount.bind || oci::is_usual_bind(mount.place) ||
            std::ranges::contains(after, place, &Tree::PlannedMount::place))
            continue;
        const unsigned long lacking = lacks(lists, mount, place);
        if (lacking == MS_RDONLY)
            looser.push_back({.kind = Excess::Kind::writable_path, .text = place});
        else if (lacking != 0)
            looser.push_back(
                {.kind = Excess::Kind::looser_mount, .text = place + " without " + name_flags(lacking)});
    }
}

void compare_mounts(const MountLists& lists, const oci::Bundle& bundle, const Tree& tree,
                    const Deadline& deadline, ImageFacts& facts) {
    find_missing_mounts(lists, bundle, tree, facts);
    find_deleted_mounts(lists, facts);
    find_new_mounts(lists, tree, facts);
    find_sources(lists, tree, deadline, facts);
    find_looser_mounts(lists, bundle, tree, facts);
}

} // namespace lpm::inspect
