// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "kube/credentials.hpp"

// For kube's own files.
namespace lpm::kube {

struct KubeconfigFile {
    std::string text;
    std::string folder; // its paths are relative to that
    std::string path;   // for messages
};

// parse_kubeconfig for a list of files, as Credentials::kubeconfig has it.
[[nodiscard]] Result<Kubeconfig> merge_kubeconfigs(std::span<const KubeconfigFile> files,
                                                   std::string_view context);

// Of visible ASCII, at least one: nothing that would begin another header line.
[[nodiscard]] bool is_visible(std::string_view text);
[[nodiscard]] bool is_pem(std::string_view text);
// Name or address, without brackets.
[[nodiscard]] bool is_host(std::string_view text);
// Goes into paths as it is.
[[nodiscard]] bool is_namespace(std::string_view text);

} // namespace lpm::kube
