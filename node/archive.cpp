// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/archive.hpp"

#include <algorithm>
#include <optional>

namespace lpm::node {

static constexpr std::size_t max_parts =
    50'000; // a thread has one: more than any limit of processes that is used
static constexpr std::size_t max_names = std::size_t{4} << 20;   // bytes, of all parts together
static constexpr std::size_t max_text = std::size_t{2} << 20;    // bytes, of a JSON part
static constexpr std::size_t max_images = std::size_t{16} << 20; // bytes, of all images that are kept
static constexpr std::string_view folder = "checkpoint/";
// What is read of the images: a deleted file or a tmpfs among them may be of any size.
static constexpr std::string_view kept_images[] = {"inventory.img", "pstree.img", "core-",           "mm-",
                                                   "pagemap-",      "files.img",  "descriptors.json"};
static constexpr std::string_view process_images[] = {"ids-", "fdinfo-", "fs-"};

namespace {

bool begins_with_any(std::string_view name, std::span<const std::string_view> beginnings) {
    return std::ranges::any_of(beginnings, [&](std::string_view begin) { return name.starts_with(begin); });
}

// Parts that are read whenever they are there.
struct Text {
    std::string_view name;
    bool (*read)(std::string_view text, ArchiveIdentity& to);
};
constexpr Text texts[] = {
    {"config.dump", read_config_dump},
    {"spec.dump", read_spec_dump},
    {"checkpoint/lpm.json", read_manifest},
};

class Reading {
  public:
    Reading(TarReader& tar, Depth depth, Archive& to) : tar_(tar), depth_(depth), to_(to) {}

    // False when there is no more to come.
    Result<bool> step() {
        TRY_ASSIGN(const auto entry, tar_.next());
        if (!entry)
            return false;
        empty_ = false;
        if (entry->kind != TarEntry::Kind::file)
            return true;
        note(entry->name);
        if (depth_ != Depth::identity)
            add_part(*entry);
        TRY(take(*entry));
        return true;
    }

    // It has not a single entry.
    [[nodiscard]] bool empty() const { return empty_; }
    // The first of those that a restore needs.
    [[nodiscard]] std::string missing() const {
        for (const auto& [name, there] : needed_)
            if (!there)
                return std::string(name);
        return {};
    }
    [[nodiscard]] bool is_checkpoint() const { return std::ranges::any_of(needed_, &Needed::there); }

  private:
    struct Needed {
        std::string_view name;
        bool there = false;
    };

    void note(std::string_view name) {
        if (auto* const needed = std::ranges::find(needed_, name, &Needed::name); needed != std::end(needed_))
            needed->there = true;
    }

    void add_part(const TarEntry& entry) {
        add_size(entry);
        names_ += entry.name.size();
        to_.more_parts = to_.more_parts || to_.parts.size() == max_parts || names_ > max_names;
        if (!to_.more_parts)
            to_.parts.push_back({entry.name, entry.size});
    }

    // Sums of sizes that a tar only claims: what it has not is at its end.
    void add_size(const TarEntry& entry) {
        const auto add = [&](std::string_view begin, std::uint64_t& sum) {
            if (entry.name.starts_with(begin) && __builtin_add_overflow(sum, entry.size, &sum))
                sum = UINT64_MAX;
        };
        add(folder, to_.sizes.images);
        add("checkpoint/pages-", to_.sizes.pages);
        add("checkpoint/amdgpu-pages-", to_.sizes.gpu_pages);
        add("rootfs-diff.tar", to_.sizes.rootfs_diff);
    }

    Result<> take(const TarEntry& entry) {
        const auto* text = std::ranges::find(texts, entry.name, &Text::name);
        if (text != std::end(texts)) {
            bool read = false;
            if (entry.size <= max_text) {
                TRY_ASSIGN(std::string content, tar_.read(max_text));
                read = text->read(content, to_.identity);
                if (read && depth_ == Depth::processes && entry.name == "spec.dump")
                    to_.mounts = read_mounts(content);
                if (depth_ != Depth::identity && entry.name.starts_with(folder))
                    to_.images.keep(entry.name.substr(folder.size()), std::move(content));
            }
            to_.unread = to_.unread.empty() && !read ? entry.name : to_.unread;
        }
        if (entry.name == "stats-dump" && entry.size <= max_text) {
            TRY_ASSIGN(to_.stats, tar_.read(max_text));
        }
        if (depth_ == Depth::identity || !entry.name.starts_with(folder))
            return {};
        const std::string name = entry.name.substr(folder.size());
        if (!to_.more_parts)
            to_.images.add(name, {.size = entry.size, .offset = entry.offset});
        const bool wanted = begins_with_any(name, kept_images) ||
                            (depth_ == Depth::processes && begins_with_any(name, process_images));
        if (!wanted || to_.more_parts || entry.size > max_images - images_)
            return {};
        TRY_ASSIGN(std::string content, tar_.read(max_images - images_));
        images_ += content.size();
        to_.images.keep(name, std::move(content));
        return {};
    }

    TarReader& tar_;
    Depth depth_;
    Archive& to_;
    Needed needed_[3] = {{"config.dump"}, {"spec.dump"}, {"checkpoint/inventory.img"}};
    bool empty_ = true;
    std::size_t names_ = 0;
    std::size_t images_ = 0;
};

} // namespace

// What was read to its end, or to `damage`.
static void judge(const Reading& reading, bool end_mark, const std::optional<Error>& damage,
                  Archive& archive) {
    if (damage && reading.empty()) {
        archive.state = ArchiveState::other;
        archive.message = "is no tar: " + damage->text;
    } else if (!reading.is_checkpoint() && end_mark) {
        archive.state = ArchiveState::other;
        archive.message = "has none of the parts of a checkpoint";
    } else if (damage || !end_mark) {
        archive.state = ArchiveState::truncated;
        archive.message = damage ? damage->text : "tar's end mark is missing";
    } else if (const auto missing = reading.missing(); !missing.empty()) {
        archive.state = ArchiveState::incomplete;
        archive.message = missing + " is missing";
    } else if (!archive.unread.empty()) {
        archive.state = ArchiveState::incomplete;
        archive.message = archive.unread + " cannot be read";
    } else {
        archive.state = ArchiveState::whole;
    }
}

bool is_unchanged(const struct stat& before, const struct stat& after) {
    return after.st_size == before.st_size && after.st_mtim.tv_sec == before.st_mtim.tv_sec &&
           after.st_mtim.tv_nsec == before.st_mtim.tv_nsec;
}

Result<Archive> read_archive(int fd, Depth depth, const TarReader::Ask& ask, Tap tap) {
    Archive archive;
    const bool all = tap != nullptr;
    auto tar = TarReader::open(fd, ask, std::move(tap));
    if (!tar && tar.error().code != Errc::invalid)
        return std::unexpected(tar.error());
    if (!tar) {
        archive.state = ArchiveState::other;
        archive.message = "is no tar: " + tar.error().text;
        return archive;
    }
    Reading reading(*tar, depth, archive);
    std::optional<Error> damage;
    for (Result<bool> more = true; more && *more;) {
        more = reading.step();
        if (!more)
            damage = more.error();
    }
    if (damage && damage->code != Errc::invalid)
        return std::unexpected(*std::move(damage));
    archive.format = tar->format();
    judge(reading, tar->has_end_mark(), damage, archive);
    if (all) { // also what lies behind the end mark, or the damage
        const auto rest = tar->read_to_end();
        if (!rest && rest.error().code != Errc::invalid)
            return std::unexpected(rest.error());
        if (!rest && archive.state == ArchiveState::whole) {
            archive.state = ArchiveState::truncated;
            archive.message = rest.error().text;
        }
    }
    archive.bytes_read = tar->bytes_read();
    return archive;
}

} // namespace lpm::node
