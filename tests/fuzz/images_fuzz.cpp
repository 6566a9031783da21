// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "criu/images/core.hpp"
#include "criu/images/fdinfo.hpp"
#include "criu/images/fs.hpp"
#include "criu/images/inventory.hpp"
#include "criu/images/mm.hpp"
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

// Both ways to read it find the same files.
static void read_files(std::string_view image) {
    const auto files = criu::parse_files(image);
    const auto table = criu::FileTable::open(image);
    if (files && !table && image.size() < criu::max_files) // a table counts pipes and the like as well
        std::abort();
    for (std::uint32_t id = 0; table && id < 64; ++id)
        if (const auto file = table->find(id); files && !file && file.error().code != Errc::absent)
            std::abort();
}

// Runs that are present follow each other in the file.
static void read_pagemap(std::string_view image) {
    std::uint64_t pages = 0;
    bool sound = true;
    const auto map = criu::parse_pagemap(image, [&](const criu::PagemapEntry& run) {
        sound = sound && run.first == pages;
        pages += run.present ? run.nr_pages : 0;
    });
    if (!sound || (map && map->nr_pages != pages))
        std::abort();
}

static constexpr struct {
    std::string_view name;
    void (*read)(std::string_view);
} kinds[] = {
    {"inventory", [](std::string_view image) { (void)criu::parse_inventory(image); }},
    {"pstree", read_pstree},
    {"pagemap", read_pagemap},
    {"files", read_files},
    {"fdinfo", [](std::string_view image) { (void)criu::parse_fdinfo(image); }},
    {"fs", [](std::string_view image) { (void)criu::parse_fs(image); }},
    {"mm", [](std::string_view image) { (void)criu::parse_mm(image); }},
    {"ids", [](std::string_view image) { (void)criu::parse_ids(image); }},
    {"tc", [](std::string_view image) { (void)criu::parse_tc(image); }},
    {"remap-fpath", [](std::string_view image) { (void)criu::parse_remap_fpath(image); }},
    {"mnt", [](std::string_view image) { (void)criu::parse_mnt(image); }},
    {"exe_file_id", [](std::string_view image) { (void)criu::parse_exe_file_id(image); }},
    {"mtype", [](std::string_view image) { (void)criu::parse_mtype(image); }},
    {"thread-core", [](std::string_view image) { (void)criu::parse_thread_core(image); }},
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
