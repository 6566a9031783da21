// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/layer.hpp"

#include <algorithm>
#include <cerrno>

#include "base/text.hpp"

namespace lpm::inspect {

// As find(1) names types, and what a layer has besides; f of files.
static constexpr std::string_view kinds = "fdlph-";
static constexpr char folder = 'd';
static constexpr char link = 'l';
static constexpr char fifo = 'p';
static constexpr char hard_link = 'h';
static constexpr char deleted = '-';

static mode_t type_of(char kind) {
    return kind == folder ? S_IFDIR : kind == fifo ? S_IFIFO : S_IFREG;
}

// Empty: it lies in the root.
static std::string_view folder_of(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

static std::unexpected<Error> no_list() {
    return fail(Errc::invalid, "the list of the layer is damaged");
}

Result<Layer> Layer::parse(std::string_view text) {
    Layer layer;
    layer.text_.assign(text.begin(), text.end());
    TRY(layer.read());
    std::ranges::sort(layer.entries_, {}, &Entry::name);
    std::ranges::sort(layer.deleted_);
    return layer;
}

// Each `KIND MODE SIZE NAME`, and a zero behind it; of a hard link the target and a zero follow.
Result<> Layer::read() {
    std::string_view rest(text_.data(), text_.size());
    if (!rest.empty() && rest.back() != '\0')
        return no_list();
    while (!rest.empty()) {
        std::string_view record = next_part(rest, '\0');
        const std::string_view kind = next_part(record, ' ');
        const auto mode = to_number<mode_t>(next_part(record, ' '));
        const auto size = to_number<std::uint64_t>(next_part(record, ' '));
        if (kind.size() != 1 || !kinds.contains(kind.front()) || !mode || !size || record.empty())
            return no_list();
        if (kind.front() == deleted) {
            deleted_.push_back(record);
            continue;
        }
        Entry entry{record, kind.front(), *mode, *size};
        if (entry.kind == hard_link) {
            if (rest.empty())
                return no_list();
            entry.target = next_part(rest, '\0');
        }
        entries_.push_back(entry);
    }
    return {};
}

const Layer::Entry* Layer::entry(std::string_view name) const {
    const auto found = std::ranges::lower_bound(entries_, name, {}, &Entry::name);
    return found != entries_.end() && found->name == name ? &*found : nullptr;
}

std::optional<Result<struct statx>> Layer::find(std::string_view name) const {
    const std::string_view whole = name.substr(1);
    // From the name itself up to the root: what it lies in decides as well.
    for (std::string_view path = whole; !path.empty(); path = folder_of(path)) {
        if (std::ranges::binary_search(deleted_, path))
            return fail_errno(ENOENT, "find " + std::string(name));
        const Entry* found = entry(path);
        if (found != nullptr && found->kind == hard_link)
            found = entry(found->target); // nullptr: of the root file system
        else if (found == nullptr)
            continue;
        if (found == nullptr || found->kind == link || found->kind == hard_link)
            return fail(Errc::busy, "not told by the layer");
        if (path.size() == whole.size()) {
            struct statx st{};
            st.stx_mode = static_cast<decltype(st.stx_mode)>(type_of(found->kind) | found->mode);
            st.stx_size = found->size;
            return st;
        }
        if (found->kind != folder)
            return fail_errno(ENOTDIR, "find " + std::string(name));
    }
    return std::nullopt;
}

} // namespace lpm::inspect
