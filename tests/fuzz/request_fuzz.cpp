// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "inspect/daemon.hpp"
#include "inspect/engine.hpp"
#include "oci/argv.hpp"
#include "service/archives.hpp"
#include "service/judged_archive.hpp"
#include "service/message.hpp"

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto request = service::parse_request(text)) {
        const auto& target = request->target;
        if (!target.id.empty() && !oci::valid_id(target.id.c_str()))
            std::abort();
        const auto again = service::parse_request(service::write_request(*request));
        if (!again || again->target.pod != target.pod || again->attempt != request->attempt ||
            again->options != request->options || again->path != request->path)
            std::abort();
    }
    (void)service::parse_answer(text);
    (void)service::parse_archives(text);
    (void)service::parse_archive(text);
    if (const auto judged = service::parse_judged(text))
        if (service::parse_judged(service::write_judged(*judged)) != *judged)
            std::abort();
    const auto archives = service::parse_judged_archives(text);
    if (service::parse_judged_archives(service::write_judged_archives(archives)) != archives)
        std::abort();
    (void)inspect::parse_path_flag(text, "root-dir");
    (void)inspect::parse_monitor(text);
    return 0;
}
