// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/crio_file.hpp"
#include "crio/drop_in.hpp"

using namespace lpm;

static std::vector<config::CrioKey> but_the_path(std::vector<config::CrioKey> keys) {
    std::erase_if(keys, [](const config::CrioKey& key) {
        return std::ranges::equal(key.name, std::string_view("runtime_path"),
                                  [](char a, char b) { return (a | 0x20) == (b | 0x20); });
    });
    return keys;
}

// The drop-in of a handler, when there is one, reads as that handler with another path.
static void check_drop_in(const crio::Configuration& others, const config::CrioHandler& handler) {
    const auto text = crio::make_drop_in(
        others, {.handlers = {handler.name}, .runtime_path = "/lpm", .built_in = {}}, "/zz-lpm.conf");
    if (!text)
        return;
    const auto read = config::parse_crio_file(*text, "/zz-lpm.conf");
    if (!crio::is_as_made(*text) || !read || read->handlers.size() != 1)
        std::abort();
    const auto& made = read->handlers.front();
    if (made.name != handler.name || made.runtime_path != "/lpm" || !made.odd_key.empty() ||
        but_the_path(made.keys) != but_the_path(handler.keys))
        std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto file = config::parse_crio_file({reinterpret_cast<const char*>(data), size}, "/crio.conf");
    if (file ? file->handlers.size() > config::max_crio_handlers : file.error().text.empty())
        std::abort();
    if (file) {
        crio::Configuration others;
        others.handlers = file->handlers;
        for (const auto& handler : file->handlers)
            check_drop_in(others, handler);
    }
    return 0;
}
