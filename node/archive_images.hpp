// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "criu/image_source.hpp"

namespace lpm::node {

// CRIU's images of an archive: the places of all, the content of those that were kept.
class ArchiveImages final : public criu::ImageSource {
  public:
    struct Place {
        std::uint64_t size = 0;
        std::optional<std::uint64_t> offset{}; // as of TarEntry
    };
    void add(const std::string& name, const Place& place) { places_[name] = place; }
    void keep(const std::string& name, std::string&& content) { contents_[name] = std::move(content); }
    [[nodiscard]] bool empty() const { return places_.empty(); }

    // Of what was kept. Errors as of `read`.
    [[nodiscard]] Result<std::string_view> view(const std::string& name) const;
    [[nodiscard]] std::optional<Place> place(const std::string& name) const;

    [[nodiscard]] Result<std::string> read(const std::string& name) const override;
    [[nodiscard]] Result<std::string> read_head(const std::string& name, std::size_t limit) const override;
    [[nodiscard]] std::optional<std::uint64_t> size(const std::string& name) const override;
    [[nodiscard]] std::optional<criu::ImageFile> find(const std::string& name) const override;
    [[nodiscard]] bool each_name(const std::function<bool(const std::string& name)>& visit) const override;

  private:
    std::map<std::string, Place> places_;
    std::map<std::string, std::string> contents_;
};

} // namespace lpm::node
