// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "contents.hpp"

#include <algorithm>
#include <set>
#include <sys/stat.h>

#include "base/text.hpp"

namespace lpm::wake {

static constexpr std::size_t max_members = 100'000; // a thread has one
static constexpr std::size_t max_manifest = std::size_t{64} << 10;
static constexpr std::size_t max_spec = std::size_t{8} << 20;
static constexpr std::size_t max_name = 255; // of a file
static constexpr std::string_view manifest_name = "lpm.json";

namespace {

// Members beside the images that a restore needs.
struct Part {
    std::string_view name;
    std::optional<Extent> Contents::* place;
};
constexpr Part parts[] = {
    {spec_name, &Contents::spec},
    {"rootfs-diff.tar", &Contents::rootfs_diff},
    {"deleted.files", &Contents::deleted_files},
};

// CRIU's images, lpm.json, and what plugins of CRIU's add.
bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '+';
}

class Reading {
  public:
    Result<> take(const Member& member) {
        if (++count_ > max_members)
            return fail(Errc::invalid, "has more than " + std::to_string(max_members) + " members");
        const auto* part = std::ranges::find(parts, member.name, &Part::name);
        if (part != std::end(parts))
            return take_part(member, *part);
        if (is_below(member.name, images_folder))
            return take_image(member);
        return {};
    }
    [[nodiscard]] const Contents& contents() const { return contents_; }

  private:
    Result<> take_part(const Member& member, const Part& part) {
        std::optional<Extent>& place = contents_.*part.place;
        if (member.kind != Member::Kind::file || !member.content)
            return fail(Errc::invalid, member.name + " is not a plain file");
        if (place)
            return fail(Errc::invalid, member.name + " is there twice");
        if (part.name == spec_name) {
            if (member.size > max_spec)
                return fail(Errc::invalid, member.name + " has more than " + human_size(max_spec));
            TRY(add(member.size));
        }
        place = member.content;
        return {};
    }

    Result<> take_image(const Member& member) {
        if (member.kind == Member::Kind::folder)
            return {};
        const std::string_view name = image_name(member);
        if (member.kind != Member::Kind::file)
            return fail(Errc::invalid, member.name + " is not a file");
        if (name.empty())
            return fail(Errc::invalid, member.name + " is no name of an image");
        if (!names_.emplace(name).second)
            return fail(Errc::invalid, member.name + " is there twice");
        if (name == manifest_name) {
            if (!member.content)
                return fail(Errc::invalid, member.name + " is not a plain file");
            contents_.manifest = member.content;
        }
        return add(member.size);
    }

    Result<> add(std::uint64_t size) {
        if (__builtin_add_overflow(contents_.image_bytes, size, &contents_.image_bytes))
            return fail(Errc::invalid, "has more than any disk");
        return {};
    }

    Contents contents_;
    std::size_t count_ = 0;
    std::set<std::string, std::less<>> names_;
};

} // namespace

std::string_view image_name(const Member& member) {
    std::string_view name = member.name;
    if (member.kind != Member::Kind::file || name.size() <= images_folder.size() + 1 ||
        !is_below(name, images_folder))
        return {};
    name.remove_prefix(images_folder.size() + 1);
    if (name.size() > max_name || name.starts_with('.') || !std::ranges::all_of(name, is_plain))
        return {};
    return name;
}

Result<Extent> whole_file(int archive) {
    struct stat st{};
    if (::fstat(archive, &st) != 0)
        return fail_errno(errno, "look at the archive");
    if (!S_ISREG(st.st_mode))
        return fail(Errc::invalid, "is not a regular file");
    return Extent{0, static_cast<std::uint64_t>(st.st_size)};
}

Result<Contents> read_contents(int archive) {
    TRY_ASSIGN(const Extent all, whole_file(archive));
    TRY_ASSIGN(Tar tar, Tar::open(archive, all));
    Reading reading;
    for (;;) {
        TRY_ASSIGN(const auto member, tar.next());
        if (!member)
            return reading.contents();
        TRY(reading.take(*member));
    }
}

Result<std::string> read_manifest(int archive, const Contents& contents) {
    if (!contents.manifest)
        return fail(Errc::absent, "checkpoint/lpm.json is not in it");
    auto text = read_extent(archive, *contents.manifest, max_manifest);
    if (!text)
        return std::unexpected(std::move(text).error().in("checkpoint/lpm.json"));
    return text;
}

} // namespace lpm::wake
