// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Objects of an API server that kubectl lpm reads, and what a terminal gets of them.
#include "kubectl/object.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;
using namespace lpm::cli;

static void check(bool holds) {
    if (!holds)
        std::abort();
}

// Also no control character of U+0080 to U+009F, which is two bytes.
static bool is_harmless(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
        if ((byte < 0x20 && byte != '\n') || byte == 0x7F || (byte == 0xC2 && next >= 0x80 && next < 0xA0))
            return false;
    }
    return true;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto object = json::parse(text);
    if (object) {
        constexpr std::chrono::sys_seconds now(std::chrono::seconds(1'800'000'000));
        for (const std::string& shown : {kubectl::describe(*object, now), kubectl::verdict_text(*object),
                                         write_json(*object, 2), write_yaml(*object)})
            check(is_harmless(shown));
        for (const std::string& line : {kubectl::progress_text(*object), kubectl::why_text(*object),
                                        kubectl::title_of(*object), kubectl::size_text(*object)})
            check(is_harmless(line) && !line.contains('\n'));
        (void)kubectl::end_of(*object);
        if (const auto container = kubectl::default_container(*object); !container)
            check(is_harmless(container.error().text));
        check(json::parse(write_json(*object), {.bytes = 64 * size + 64}).has_value());
    }
    for (const auto kind : {kubectl::Kind::pod, kubectl::Kind::checkpoint})
        if (const auto name = kubectl::read_name(text, kind))
            check(!name->empty() && name->size() <= 253);
    if (const auto time = kubectl::read_duration(text))
        check(time->count() >= 1 && time->count() <= 86'400);
    return 0;
}
