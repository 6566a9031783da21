// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "kube/kubeconfig.hpp"
#include "kube/yaml.hpp"

// The named parts of kubeconfig files. What it gives points into the Documents and the files that they were
// made of.
namespace lpm::kube {

// A map, and its name for messages: `FILE: cluster "x" (line 3)`.
class Section {
  public:
    Section(const KubeconfigFile& file, const yaml::Item& map, const std::string& title);

    [[nodiscard]] Section titled(const std::string& title) const { return {*file_, *map_, title}; }
    [[nodiscard]] std::unexpected<Error> wrong(std::string_view key, std::string_view why) const;
    [[nodiscard]] bool has(std::string_view key) const { return yaml::find(*map_, key) != nullptr; }

    // Empty when there is no such member or it is null; an error when it is of another kind.
    [[nodiscard]] Result<std::string> text(std::string_view key) const;
    [[nodiscard]] Result<std::string>
    path(std::string_view key) const; // a file's, from the kubeconfig's folder
    [[nodiscard]] Result<std::string> pem(std::string_view key) const; // base64 undone
    [[nodiscard]] Result<std::vector<std::string>> texts(std::string_view key) const;
    [[nodiscard]] Result<Section> section(std::string_view key) const;
    [[nodiscard]] Result<std::vector<Section>> sections(std::string_view key) const;

  private:
    [[nodiscard]] Result<std::string> text_of(const yaml::Item& item, std::string_view key) const;
    [[nodiscard]] Result<std::span<const yaml::Item>> list(std::string_view key) const;

    const KubeconfigFile* file_;
    const yaml::Item* map_;
    std::string title_;
};

class Documents {
  public:
    [[nodiscard]] static Result<Documents> parse(std::span<const KubeconfigFile> files);

    // Of the first file that has one.
    [[nodiscard]] Result<std::string> current_context() const;
    // `kind`: "cluster", "user" or "context"; from the first file that has one of that name.
    [[nodiscard]] Result<Section> find(std::string_view kind, std::string_view name) const;

  private:
    Documents() = default;
    [[nodiscard]] std::string names_of(std::string_view kind) const;
    [[nodiscard]] std::unexpected<Error> missing(std::string_view what) const;

    std::vector<std::pair<const KubeconfigFile*, yaml::Item>> documents_;
};

} // namespace lpm::kube
