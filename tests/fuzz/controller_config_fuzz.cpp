// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/text.hpp"
#include "config/controller.hpp"
#include "config/sidecar.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

// Every line of an error says where.
static bool is_placed(std::string_view text) {
    if (text.empty())
        return false;
    while (!text.empty())
        if (!next_line(text).starts_with("fuzz.toml:"))
            return false;
    return true;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto settings = config::parse_controller(text, "fuzz.toml");
    if (!settings && !is_placed(settings.error().text))
        std::abort();
    if (settings && (settings->workers < 1 || settings->workers > 64 || settings->lease.empty() ||
                     settings->certificate_file.empty() != settings->key_file.empty()))
        std::abort();
    const auto sidecar = config::parse_sidecar(text, "fuzz.toml");
    if (!sidecar && !is_placed(sidecar.error().text))
        std::abort();
    if (sidecar && !sidecar->tls.empty() && sidecar->client_ca_file.empty())
        std::abort();
    return 0;
}
