// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/mountinfo.hpp"

#include <algorithm>
#include <optional>
#include <sys/sysmacros.h>

#include "base/text.hpp"
#include "linux/procfs.hpp"

namespace lpm::procfs {

// Fields are parted by single spaces and one of them, the source, may be empty: words would not do.
static std::string_view next_field(std::string_view& rest) {
    const auto end = std::min(rest.find(' '), rest.size());
    const auto field = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return field;
}

static bool octal(char c) {
    return c >= '0' && c <= '7';
}

// The kernel writes blanks, newlines, '\' and '#' as '\' and three octal digits.
static std::string decoded(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        if (text.size() >= 4 && text[0] == '\\' && text[1] <= '3' && octal(text[1]) && octal(text[2]) &&
            octal(text[3])) {
            out += static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
            text.remove_prefix(4);
        } else {
            out += text.front();
            text.remove_prefix(1);
        }
    }
    return out;
}

static std::optional<dev_t> device_of(std::string_view field) {
    const auto colon = field.find(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    const auto major = to_number<unsigned>(field.substr(0, colon));
    const auto minor = to_number<unsigned>(field.substr(colon + 1));
    if (!major || !minor)
        return std::nullopt;
    return makedev(*major, *minor);
}

static int group_of(std::string_view tag, std::string_view key) {
    return tag.starts_with(key) ? to_number<int>(tag.substr(key.size())).value_or(0) : 0;
}

// id parent major:minor root point options [tag ...] - type source options
static std::optional<Mount> parse_mount(std::string_view line) {
    const auto id = to_number<int>(next_field(line));
    const auto parent = to_number<int>(next_field(line));
    const auto device = device_of(next_field(line));
    if (!id || !parent || !device)
        return std::nullopt;
    Mount mount;
    mount.id = *id;
    mount.parent = *parent;
    mount.device = *device;
    mount.root = decoded(next_field(line));
    mount.point = decoded(next_field(line));
    for (auto options = next_field(line); !options.empty();)
        mount.no_exec = next_part(options, ',') == "noexec" || mount.no_exec;
    for (auto tag = next_field(line); tag != "-"; tag = next_field(line)) {
        if (line.empty())
            return std::nullopt;
        mount.shared = std::max(mount.shared, group_of(tag, "shared:"));
        mount.master = std::max(mount.master, group_of(tag, "master:"));
    }
    mount.type = decoded(next_field(line));
    mount.source = decoded(next_field(line));
    if (mount.type == "overlay")
        mount.overlay = next_field(line);
    if (mount.root.empty() || mount.point.empty() || mount.type.empty())
        return std::nullopt;
    return mount;
}

std::vector<Mount> parse_mountinfo(std::string_view text) {
    std::vector<Mount> mounts;
    while (!text.empty())
        if (auto mount = parse_mount(next_line(text)))
            mounts.push_back(*std::move(mount));
    return mounts;
}

Result<std::vector<Mount>> read_mountinfo(pid_t pid) {
    TRY_ASSIGN(const std::string text, read_proc(pid, "mountinfo"));
    return parse_mountinfo(text);
}

// A comma or colon within a path is octal like a blank. Where the kernel is older than 6.7 a colon is not,
// and that path is cut in two: such a layer is not found.
Layers layers_of(const Mount& mount) {
    Layers layers;
    std::string_view options = mount.overlay;
    while (!options.empty()) {
        auto value = next_part(options, ',');
        const auto key = next_part(value, '=');
        if (key == "upperdir")
            layers.upper = decoded(value);
        if (key != "lowerdir" && key != "lowerdir+")
            continue;
        while (!value.empty())
            if (const auto lower = next_part(value, ':');
                !lower.empty()) // "::" comes before data-only layers
                layers.lowers.push_back(decoded(lower));
    }
    return layers;
}

const Mount* mount_of(const std::vector<Mount>& mounts, std::string_view path) {
    std::vector<int> ids;
    ids.reserve(mounts.size());
    for (const Mount& mount : mounts)
        ids.push_back(mount.id);
    std::ranges::sort(ids);
    // As the kernel walks: into the first mount on the way that is mounted on the one it is in. The longest
    // point alone would not do, as a later mount on a directory above hides it.
    const Mount* at = nullptr;
    for (std::size_t steps = 0; steps < mounts.size(); ++steps) { // broken text may make a ring
        const Mount* next = nullptr;
        for (const Mount& mount : mounts) {
            const bool top = mount.parent == mount.id || !std::ranges::binary_search(ids, mount.parent);
            const bool here = at == nullptr ? top : !top && mount.parent == at->id;
            if (here && (next == nullptr || mount.point.size() < next->point.size()) &&
                is_below(path, mount.point))
                next = &mount;
        }
        if (next == nullptr)
            break;
        at = next;
    }
    return at;
}

} // namespace lpm::procfs
