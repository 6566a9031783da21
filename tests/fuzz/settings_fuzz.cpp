// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/hook.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto settings = config::parse(text, "fuzz.toml");
    if (settings.deadline.count() < 1)
        std::abort();
    const auto hook = config::parse_hook(text, "fuzz.toml", "fuzz");
    if (hook && (!hook->path.starts_with('/') || hook->timeout.count() < 1))
        std::abort();
    return 0;
}
