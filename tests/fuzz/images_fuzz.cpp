// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images.hpp"
#include "criu/open_files.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)criu::parse_inventory(text);
    (void)criu::parse_pagemap(text);
    (void)criu::parse_files(text);
    (void)criu::parse_remaps(text);
    (void)criu::parse_mounts(text);
    (void)criu::parse_machine(text);
    (void)criu::parse_lsm_profile(text);
    (void)criu::parse_external_pids(text);
    if (const auto tasks = criu::parse_pstree(text))
        for (const auto& task : *tasks)
            if (task.pid == 0)
                std::abort();
    return 0;
}
