// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "criu/image_source.hpp"

namespace lpm::node {

// CRIU's images of an archive: the sizes of all, the content of those that were kept.
class ArchiveImages final : public criu::ImageSource {
  public:
    void add(const std::string& name, std::uint64_t size) { sizes_[name] = size; }
    void keep(const std::string& name, std::string&& content) { contents_[name] = std::move(content); }
    [[nodiscard]] bool empty() const { return sizes_.empty(); }

    [[nodiscard]] Result<std::string> read(const std::string& name) const override;
    [[nodiscard]] Result<std::string> read_head(const std::string& name, std::size_t limit) const override;
    [[nodiscard]] std::optional<std::uint64_t> size(const std::string& name) const override;
    [[nodiscard]] std::optional<criu::ImageFile> find(const std::string& name) const override;
    [[nodiscard]] bool each_name(const std::function<bool(const std::string& name)>& visit) const override;

  private:
    std::map<std::string, std::uint64_t> sizes_;
    std::map<std::string, std::string> contents_;
};

} // namespace lpm::node
