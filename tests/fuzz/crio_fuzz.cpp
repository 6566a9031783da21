// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/crio_file.hpp"

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto file = config::parse_crio_file({reinterpret_cast<const char*>(data), size}, "crio.conf");
    if (file ? file->handlers.size() > config::max_crio_handlers : file.error().text.empty())
        std::abort();
    return 0;
}
