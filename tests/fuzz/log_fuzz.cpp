// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/log.hpp"
#include "criu/options.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto& setting : criu::parse_config(text, "fuzz.conf")) {
        if (criu::whole_name(setting.name) != setting.name)
            std::abort();
        (void)criu::takes_value(setting);
        (void)criu::knows_option(setting.written, 40101);
    }
    if (const auto error = criu::first_error(text); error && error->message.find('\n') != std::string::npos)
        std::abort();
    (void)criu::cut_short(text);
    const auto id = criu::dump_run_id(text);
    if (id.size() > text.size() || id.find('\n') != std::string_view::npos)
        std::abort();
    return 0;
}
