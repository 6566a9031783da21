// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "layer.hpp"

#include <climits>

#include "base/text.hpp"
#include "beneath.hpp"
#include "json/json.hpp"

namespace lpm::wake {

static constexpr std::size_t max_members = 1'000'000;
static constexpr std::size_t max_names = std::size_t{64} << 20; // bytes, of all members together
static constexpr std::size_t max_name = 255;                    // as file systems have it
static constexpr std::size_t max_path = PATH_MAX - 1;
static constexpr json::Limits deleted_limits = {
    .bytes = std::size_t{32} << 20, .depth = 4, .values = 500'000};

static std::unexpected<Error> refuse(std::string_view name, std::string_view why) {
    return fail(Errc::invalid, std::string(name) + " " + std::string(why));
}

// Relative, and each part the name of an entry.
static bool is_clean(std::string_view path) {
    if (path.empty() || path.size() > max_path || path.ends_with('/'))
        return false;
    while (!path.empty()) {
        const std::string_view part = next_part(path, '/');
        if (part.empty() || part == "." || part == ".." || part.size() > max_name)
            return false;
    }
    return true;
}

Result<> LayerJudge::remember(std::string_view name, Member::Kind kind, bool named) {
    names_ += name.size();
    if (names_ > max_names || known_.size() == max_members)
        return fail(Errc::invalid, "has more than " + std::to_string(max_members) + " names, or " +
                                       human_size(max_names) + " of them");
    known_.emplace(name, Known{kind, named});
    return {};
}

// Each name has one kind throughout: what a member lies in is a folder before it, and nothing else behind it.
Result<> LayerJudge::add_folders(std::string_view path) {
    while (!path.empty()) {
        const auto known = known_.find(path);
        if (known != known_.end()) {
            if (known->second.kind != Member::Kind::folder)
                return refuse(path, "is no folder, and has members below it");
            return {}; // and so are all above
        }
        TRY(remember(path, Member::Kind::folder, false));
        path = split_path(path).first;
    }
    return {};
}

Result<> LayerJudge::add(const std::string& name, Member::Kind kind) {
    TRY(add_folders(split_path(name).first));
    const auto known = known_.find(name);
    if (known == known_.end())
        return remember(name, kind, true);
    if (known->second.named)
        return refuse(name, "is there twice");
    if (kind != Member::Kind::folder)
        return refuse(name, "is no folder, and has members below it");
    known->second.named = true;
    return {};
}

// A file of the layer, or one of the root file system that the layer leaves alone.
Result<> LayerJudge::check_target(const Member& member) const {
    if (!is_clean(member.target))
        return refuse(member.name, "is a hard link with a target that is no path");
    if (const auto known = known_.find(member.target); known != known_.end()) {
        if (known->second.kind != Member::Kind::file)
            return refuse(member.name, "is a hard link to what is no file");
        return {};
    }
    for (std::string_view path = split_path(member.target).first; !path.empty();
         path = split_path(path).first)
        if (const auto known = known_.find(path);
            known != known_.end() && known->second.kind != Member::Kind::folder)
            return refuse(member.name, "is a hard link through what is no folder");
    if (member.target == member.name || !has_file_(member.target))
        return refuse(member.name, "is a hard link to a file that is not there");
    return {};
}

Result<> LayerJudge::take(const Member& member) {
    if (++members_ > max_members)
        return fail(Errc::invalid, "has more than " + std::to_string(max_members) + " members");
    if (member.name.empty() && member.kind == Member::Kind::folder)
        return {}; // the root
    if (!is_clean(member.name))
        return refuse(member.name, "is no path below the root");
    if (split_path(member.name).second.starts_with(".wh."))
        return refuse(member.name, "is a whiteout");
    switch (member.kind) {
    case Member::Kind::other:
        return refuse(member.name, "is a device or a socket");
    case Member::Kind::link:
        if (member.target.empty() || member.target.size() > max_path)
            return refuse(member.name, "is a link to what is no path");
        break;
    case Member::Kind::hard_link:
        TRY(check_target(member));
        names_ += member.target.size();
        return add(member.name, Member::Kind::file); // it is as good as its target
    case Member::Kind::file:
    case Member::Kind::folder:
    case Member::Kind::fifo:
        break;
    }
    return add(member.name, member.kind);
}

Result<std::vector<std::string>> parse_deleted(std::string_view text) {
    TRY_ASSIGN(const json::Value value, json::parse(text, deleted_limits));
    // Of Go's list without an element.
    if (value.is_null())
        return std::vector<std::string>();
    if (!value.is_array())
        return fail(Errc::invalid, "is not a list");
    std::vector<std::string> paths;
    for (const json::Value& element : value) {
        const auto* path = element.get_ptr<const std::string*>();
        if (path == nullptr)
            return fail(Errc::invalid, "has what is no path");
        std::string_view below = *path;
        if (!below.starts_with('/') || !is_clean(below.substr(1)) || path->find('\0') != std::string::npos)
            return refuse(*path, "is no path below the root");
        paths.emplace_back(below.substr(1));
    }
    return paths;
}

static Result<> judge_layer(int archive, Extent where, const LayerJudge::HasFile& has_file,
                            const EachMember& each) {
    TRY_ASSIGN(Tar tar, Tar::open(archive, where));
    LayerJudge judge(has_file);
    for (;;) {
        TRY_ASSIGN(const auto member, tar.next());
        if (!member)
            return {};
        TRY(judge.take(*member));
        if (each)
            each(*member);
    }
}

Result<Layer> read_layer(int archive, const Contents& contents, const LayerJudge::HasFile& has_file,
                         const EachMember& each) {
    Layer layer;
    if (contents.rootfs_diff && contents.rootfs_diff->size > 0) {
        layer.tar = contents.rootfs_diff;
        if (auto judged = judge_layer(archive, *layer.tar, has_file, each); !judged)
            return std::unexpected(std::move(judged).error().in("rootfs-diff.tar"));
    }
    if (contents.deleted_files && contents.deleted_files->size > 0) {
        auto paths =
            read_extent(archive, *contents.deleted_files, deleted_limits.bytes).and_then(parse_deleted);
        if (!paths)
            return std::unexpected(std::move(paths).error().in("deleted.files"));
        layer.deleted = *std::move(paths);
    }
    return layer;
}

static char letter_of(Member::Kind kind) {
    switch (kind) {
    case Member::Kind::folder:
        return 'd';
    case Member::Kind::link:
        return 'l';
    case Member::Kind::hard_link:
        return 'h';
    case Member::Kind::fifo:
        return 'p';
    case Member::Kind::file:
    case Member::Kind::other: // refused before
        break;
    }
    return 'f';
}

Result<std::string> list_layer(int archive, const Contents& contents) {
    std::string list;
    const auto add = [&list](char letter, mode_t mode, std::uint64_t size, std::string_view name) {
        list.append({letter, ' '}).append(std::to_string(mode)).append(" ");
        list.append(std::to_string(size)).append(" ").append(name).append({'\0'});
    };
    // The root file system is not at hand: a link to a file that it has not is refused when it is put down.
    const auto any = [](const std::string&) { return true; };
    TRY_ASSIGN(const Layer layer, read_layer(archive, contents, any, [&](const Member& member) {
                   if (member.name.empty())
                       return;
                   add(letter_of(member.kind), member.mode, member.size, member.name);
                   if (member.kind == Member::Kind::hard_link)
                       list.append(member.target).append({'\0'});
               }));
    for (const std::string& path : layer.deleted)
        add('-', 0, 0, path);
    return list;
}

} // namespace lpm::wake
