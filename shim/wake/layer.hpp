// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "contents.hpp"
#include "tar.hpp"

// What a container has changed in its root file system, as CRI-O has put it down: judged before anything of
// it is done, by names alone.
namespace lpm::wake {

class LayerJudge {
  public:
    // Whether the root file system has a regular file of that name, reached through no link.
    using HasFile = std::function<bool(const std::string& path)>;
    explicit LayerJudge(HasFile has_file) : has_file_(std::move(has_file)) {}

    // The members in their order. Errc::invalid: the layer is not one to apply.
    [[nodiscard]] Result<> take(const Member& member);

  private:
    [[nodiscard]] Result<> add(const std::string& name, Member::Kind kind);
    [[nodiscard]] Result<> add_folders(std::string_view path);
    [[nodiscard]] Result<> remember(std::string_view name, Member::Kind kind, bool named);
    [[nodiscard]] Result<> check_target(const Member& member) const;

    struct Known {
        Member::Kind kind;
        bool named; // by a member of its own, not only as what others lie in
    };
    HasFile has_file_;
    std::map<std::string, Known, std::less<>> known_;
    std::size_t names_ = 0; // bytes
    std::size_t members_ = 0;
};

struct Layer {
    std::optional<Extent> tar{};
    std::vector<std::string> deleted{}; // relative to the root
};

// Called with each member that was judged.
using EachMember = std::function<void(const Member&)>;

// Reads all of both, and writes nothing.
[[nodiscard]] Result<Layer> read_layer(int archive, const Contents& contents,
                                       const LayerJudge::HasFile& has_file, const EachMember& each = {});

// What the root file system will have, for who must know it before it is there (lib/inspect/layer.hpp). Of
// each member `KIND MODE SIZE NAME`, of each deleted path `- 0 0 NAME`, with a zero behind it; the target of
// a hard link follows, with a zero of its own. Kinds are those of find's -type, and `h` of a hard link.
[[nodiscard]] Result<std::string> list_layer(int archive, const Contents& contents);

// Paths of deleted.files, relative to the root.
[[nodiscard]] Result<std::vector<std::string>> parse_deleted(std::string_view text);

} // namespace lpm::wake
