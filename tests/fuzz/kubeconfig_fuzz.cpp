// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/credentials.hpp"
#include "kube/plugin.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

static void check(bool holds) {
    if (!holds)
        std::abort();
}

static bool is_one_line(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto config = kube::parse_kubeconfig(text, "/f", "");
    if (config) {
        check(config->server.starts_with("https://") && !config->server.ends_with('/') &&
              is_one_line(config->server));
        check(is_one_line(config->token) && is_one_line(config->proxy));
        for (const auto* path :
             {&config->ca_file, &config->certificate_file, &config->key_file, &config->token_file})
            check(path->empty() || path->starts_with('/'));
        check(!config->plugin || !config->plugin->command.empty());
    } else {
        check(config.error().code == Errc::invalid && is_one_line(config.error().text));
    }
    const auto credential = kube::parse_exec_credential(text, "client.authentication.k8s.io/v1");
    if (credential)
        check((!credential->token.empty() || !credential->certificate.empty()) &&
              is_one_line(credential->token));
    return 0;
}
