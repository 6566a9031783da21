// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "api/checkpoint.hpp"
#include "api/pod.hpp"
#include "restores.hpp"
#include "schema.hpp"
#include "json/splitter.hpp"

using namespace lpm;
using namespace lpm::controller;

static bool split(json::Splitter::Into into, std::string_view text, std::size_t piece,
                  std::vector<std::string>& found) {
    json::Splitter splitter(into, 4096, [&](std::string_view document) -> Result<> {
        found.emplace_back(document);
        if (const auto value = json::parse(document)) {
            if (const auto object = read_checkpoint(*value))
                (void)status_patch(*object, {});
            (void)asks_for_restore(*value);
            if (const auto pod = read_pod(*value))
                (void)report_restores({}, *pod, restore_states(*pod), {}, Time{});
            (void)missing_fields(*value);
        }
        return {};
    });
    for (std::size_t at = 0; at < text.size(); at += piece)
        if (!splitter.push(text.substr(at, piece)))
            return false;
    return splitter.finish().has_value();
}

// However the bytes come, the same comes of them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto into : {json::Splitter::Into::documents, json::Splitter::Into::items}) {
        std::vector<std::string> whole;
        std::vector<std::string> bytes;
        if (split(into, text, std::max<std::size_t>(size, 1), whole) != split(into, text, 1, bytes) ||
            whole != bytes)
            std::abort();
    }
    return 0;
}
