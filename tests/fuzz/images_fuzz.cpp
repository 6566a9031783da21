// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "criu/images/core.hpp"
#include "criu/images/fdinfo.hpp"
#include "criu/images/inventory.hpp"
#include "criu/images/mnt.hpp"
#include "criu/images/pagemap.hpp"
#include "criu/images/pidns.hpp"
#include "criu/images/pstree.hpp"
#include "criu/images/remap_file_path.hpp"
#include "criu/images/tty.hpp"

using namespace lpm;

static void read_pstree(std::string_view image) {
    if (const auto tasks = criu::parse_pstree(image))
        for (const auto& task : *tasks)
            if (task.pid == 0)
                std::abort();
}

static constexpr struct {
    std::string_view name;
    void (*read)(std::string_view);
} kinds[] = {
    {"inventory", [](std::string_view image) { (void)criu::parse_inventory(image); }},
    {"pstree", read_pstree},
    {"pagemap", [](std::string_view image) { (void)criu::parse_pagemap(image); }},
    {"files", [](std::string_view image) { (void)criu::parse_files(image); }},
    {"remap-fpath", [](std::string_view image) { (void)criu::parse_remap_fpath(image); }},
    {"mnt", [](std::string_view image) { (void)criu::parse_mnt(image); }},
    {"mtype", [](std::string_view image) { (void)criu::parse_mtype(image); }},
    {"lsm-profile", [](std::string_view image) { (void)criu::parse_lsm_profile(image); }},
    {"tty-info", [](std::string_view image) { (void)criu::parse_tty_info(image); }},
    {"pidns", [](std::string_view image) { (void)criu::parse_pidns(image); }},
};

// LPM_FUZZ_ONLY names one kind, so that a long run can be spent on it alone.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const char* const only = std::getenv("LPM_FUZZ_ONLY");
    bool any = false;
    for (const auto& [name, read] : kinds)
        if (only == nullptr || only == name) {
            read(std::string_view(reinterpret_cast<const char*>(data), size));
            any = true;
        }
    if (!any)
        std::abort();
    return 0;
}
