// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "inspect/layer.hpp"
#include "linux/local_files.hpp"
#include "oci/bundle.hpp"

namespace lpm::inspect {

// The container's files as they will be: its root, and what is mounted over parts of it.
class Tree {
  public:
    struct PlannedMount {
        std::string place;  // in the container, without links as far as it is there
        std::string source; // of a bind mount, absolute
        bool bind = false;
        bool sure = true; // false: `place` leads over a link to nowhere
    };

    // Nothing when the root cannot be opened. `layer` is what will be put down in the root before the
    // restore, and is borrowed; it may be nullptr.
    [[nodiscard]] static std::optional<Tree> open(const oci::Bundle& bundle, const std::string& bundle_dir,
                                                  const Layer* layer = nullptr);

    // Something that CRIU mounts and fills by itself.
    void add_own(std::string place) { mounts_.push_back({std::move(place), {}, false, true}); }

    // Those of config.json in its order, then what was added.
    [[nodiscard]] const std::vector<PlannedMount>& mounts() const { return mounts_; }

    // The place of each mount is known.
    [[nodiscard]] bool sure() const { return std::ranges::all_of(mounts_, &PlannedMount::sure); }

    // The mount that holds `name`, among the first `count`; nullptr: it is in the root.
    [[nodiscard]] const PlannedMount* mount_of(std::string_view name, std::size_t count = SIZE_MAX) const;

    // Names in images have no symbolic links in them, as the kernel tells them. Errc::busy: CRIU fills it by
    // itself, or something in the way is a link now. Errc::unavailable: it is where an answer is waited for,
    // an automount that is not mounted yet among them.
    [[nodiscard]] Result<struct statx> find(const std::string& name, std::size_t count = SIZE_MAX) const;

    // The node, where the sources are.
    [[nodiscard]] const LocalFiles& node() const { return node_; }

  private:
    Tree(LocalFiles node, Fd root, std::string root_path)
        : node_(std::move(node)), root_(std::move(root)), root_path_(std::move(root_path)) {}
    void resolve(PlannedMount& mount) const;

    LocalFiles node_;
    Fd root_;
    std::string root_path_; // as the kernel tells it
    std::vector<PlannedMount> mounts_;
    const Layer* layer_ = nullptr;
};

} // namespace lpm::inspect
