// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// What a directory of CRIU images must hold to be restored.
namespace lpm::criu {

struct Inventory {
    std::uint32_t version = 0;                 // img_version
    bool tcp_close = false;                    // the dump was told to close connections; CRIU >= 4.0
    std::optional<std::uint32_t> network_lock; // see lock_method(); CRIU >= 3.17
    bool allow_uprobes = false;                // the dump was told to; CRIU >= 4.2
    std::uint32_t lsm = 0;                     // of the node of the dump: 0 none, 1 SELinux, 2 AppArmor
};
// The option's word for the number in the inventory (criu/include/cr_options.h).
[[nodiscard]] const char* lock_method(std::uint32_t number);
[[nodiscard]] Result<Inventory> parse_inventory(std::string_view image);

// A process of the dumped tree, numbered as in its own PID namespace; `threads` holds the ids of all its
// threads, its own among them.
struct Task {
    std::uint32_t pid = 0;
    std::uint32_t group = 0;   // process group
    std::uint32_t session = 0; // 0: its leader is outside of the namespace
    std::vector<std::uint32_t> threads;
};
[[nodiscard]] Result<std::vector<Task>> parse_pstree(std::string_view image);

// How much of a pages file a pagemap image needs.
struct Pagemap {
    std::uint32_t pages_id = 0;
    std::uint64_t pages = 0; // in the pages file: neither in a parent image nor left for lazy pages
};
[[nodiscard]] Result<Pagemap> parse_pagemap(std::string_view image);

// The two images that lead to all others, of the directory `dir`. Errc::absent or Errc::invalid as below.
struct Images {
    Result<Inventory> inventory;
    Result<std::vector<Task>> tasks;
};
[[nodiscard]] Images read_images(int dir);

// Reads the headers and small images of the directory `dir`, from which `images` are: a core per thread, and
// for each address space that the pages file is as long as its pagemap says. Errc::absent or Errc::invalid
// with a text that names the first file that is missing, damaged or too short.
// It may stop early: `keep_going` is asked between files, and Errc::busy is the answer when it says no.
// `pages`, if given, gets the number of pages in all pages files.
[[nodiscard]] Result<> verify_images(int dir, const Images& images, bool (*keep_going)(const void*),
                                     const void* context, std::uint64_t* pages = nullptr);

} // namespace lpm::criu
