// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <map>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.hpp"
#include "criu/wire.hpp"

namespace lpm::criu {

// Far above what CRIU writes: a pagemap of 64 MiB describes over a million runs of pages.
static constexpr std::size_t max_image = std::size_t{64} << 20;
static constexpr std::size_t max_tasks = 1'000'000;

const char* lock_method(std::uint32_t number) {
    return number == 0 ? "iptables" : number == 1 ? "nftables" : "skip";
}

Result<Inventory> parse_inventory(std::string_view image) {
    Image file(image);
    if (!file.opens(magic::inventory))
        return fail(Errc::invalid, "inventory.img is not a CRIU inventory");
    const auto record = file.next();
    if (!record)
        return damaged("inventory.img");
    Inventory inventory;
    Message entry(*record);
    while (const auto field = entry.next()) {
        if (field->number == 1)
            inventory.version = static_cast<std::uint32_t>(field->value);
        else if (field->number == 10)
            inventory.tcp_close = field->value != 0;
        else if (field->number == 11)
            inventory.network_lock = static_cast<std::uint32_t>(field->value);
        else if (field->number == 14)
            inventory.allow_uprobes = field->value != 0;
        else if (field->number == 6)
            inventory.lsm = static_cast<std::uint32_t>(field->value);
    }
    if (entry.broken() || inventory.version == 0)
        return damaged("inventory.img");
    return inventory;
}

// Stops when there are too many, which is for the caller to see.
static bool read_threads(const Field& field, std::vector<std::uint32_t>& threads) {
    if (field.bytes.empty()) {
        if (threads.size() < max_tasks)
            threads.push_back(static_cast<std::uint32_t>(field.value));
        return true;
    }
    // Packed: the bytes are bare varints. Read each as the value of a made-up field.
    std::string_view packed = field.bytes;
    while (!packed.empty() && threads.size() < max_tasks) {
        std::size_t length = 0;
        while (length < packed.size() && (static_cast<unsigned char>(packed[length]) & 0x80U) != 0)
            ++length;
        const std::string one = '\x08' + std::string(packed.substr(0, length + 1));
        Message message(one);
        const auto value = message.next();
        if (!value)
            return false;
        threads.push_back(static_cast<std::uint32_t>(value->value));
        packed.remove_prefix(std::min(length + 1, packed.size()));
    }
    return true;
}

Result<std::vector<Task>> parse_pstree(std::string_view image) {
    Image file(image);
    if (!file.opens(magic::pstree))
        return fail(Errc::invalid, "pstree.img is not a CRIU process tree");
    std::vector<Task> tasks;
    std::size_t threads = 0;
    while (const auto record = file.next()) {
        Task task;
        Message entry(*record);
        while (const auto field = entry.next()) {
            if (field->number == 1)
                task.pid = static_cast<std::uint32_t>(field->value);
            else if (field->number == 3)
                task.group = static_cast<std::uint32_t>(field->value);
            else if (field->number == 4)
                task.session = static_cast<std::uint32_t>(field->value);
            else if (field->number == 5 && !read_threads(*field, task.threads))
                return damaged("pstree.img");
        }
        threads += task.threads.size();
        if (entry.broken() || task.pid == 0)
            return damaged("pstree.img");
        if (tasks.size() >= max_tasks || threads >= max_tasks)
            return fail(Errc::invalid, "pstree.img holds more than a million tasks");
        tasks.push_back(std::move(task));
    }
    if (file.broken() || tasks.empty())
        return damaged("pstree.img");
    return tasks;
}

Result<Pagemap> parse_pagemap(std::string_view image) {
    Image file(image);
    if (!file.opens(magic::pagemap))
        return fail(Errc::invalid, "not a CRIU pagemap");
    const auto head = file.next();
    if (!head)
        return damaged("pagemap");
    Pagemap map;
    Message first(*head);
    while (const auto field = first.next())
        if (field->number == 1)
            map.pages_id = static_cast<std::uint32_t>(field->value);
    bool broken = first.broken();
    while (const auto record = file.next()) {
        // pagemap_entry: 2 = pages (32 bits, 0 since CRIU 4.2), 3 = in_parent, 4 = flags, 5 = pages (64 bits)
        std::uint64_t pages = 0;
        std::uint64_t wide = 0;
        std::optional<std::uint64_t> flags;
        bool in_parent = false;
        Message entry(*record);
        while (const auto field = entry.next()) {
            if (field->number == 2)
                pages = field->value;
            else if (field->number == 3)
                in_parent = field->value != 0;
            else if (field->number == 4)
                flags = field->value;
            else if (field->number == 5)
                wide = field->value;
        }
        broken = broken || entry.broken();
        constexpr std::uint64_t present = 4; // PE_PRESENT; images older than the flag have none
        if (flags ? (*flags & present) != 0 : !in_parent)
            if (__builtin_add_overflow(map.pages, wide != 0 ? wide : pages, &map.pages))
                broken = true;
    }
    if (broken || file.broken())
        return damaged("pagemap");
    return map;
}

static Result<std::string> read_image(int dir, const std::string& name) {
    auto bytes = read_file(dir, name, max_image);
    if (!bytes && bytes.error().sys == ENOENT)
        return fail(Errc::absent, name + " is missing");
    return bytes;
}

// The header of a core, and that the file is as long as its one record says.
static Result<> verify_core(int dir, std::uint32_t thread) {
    const std::string name = "core-" + std::to_string(thread) + ".img";
    struct stat st{};
    if (::fstatat(dir, name.c_str(), &st, 0) != 0)
        return fail(Errc::absent, name + " is missing");
    constexpr std::size_t header = 12; // two magic words and the length of the record
    TRY_ASSIGN(const std::string bytes, read_head(dir, name, header));
    Image file(bytes);
    const bool core = file.opens(magic::core);
    const auto length = file.word();
    if (!core || !length || static_cast<std::uint64_t>(st.st_size) < header + *length)
        return damaged(name);
    return {};
}

static Result<> verify_pages(int dir, std::uint32_t pid, std::map<std::uint32_t, std::uint64_t>& needed) {
    const std::string suffix = "-" + std::to_string(pid) + ".img";
    // A zombie has no address space: neither image is there.
    if (::faccessat(dir, ("mm" + suffix).c_str(), F_OK, 0) != 0)
        return {};
    const std::string name = "pagemap" + suffix;
    TRY_ASSIGN(const std::string bytes, read_image(dir, name));
    const auto map = parse_pagemap(bytes);
    if (!map)
        return fail(map.error().code, name + ": " + map.error().text);
    auto& sum = needed[map->pages_id]; // several address spaces share a pages file
    if (__builtin_add_overflow(sum, map->pages, &sum))
        return damaged(name);
    if (map->pages == 0)
        return {};
    const std::string pages = "pages-" + std::to_string(map->pages_id) + ".img";
    struct stat st{};
    if (::fstatat(dir, pages.c_str(), &st, 0) != 0)
        return fail(Errc::absent, pages + " is missing");
    const auto have = static_cast<std::uint64_t>(st.st_size);
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    if (have / page < sum)
        return fail(Errc::invalid, pages + " has " + std::to_string(have) + " bytes, but " + name +
                                       " lists " + std::to_string(sum) + " pages");
    return {};
}

Images read_images(int dir) {
    const auto inventory = read_image(dir, "inventory.img");
    const auto pstree = read_image(dir, "pstree.img");
    return {inventory ? parse_inventory(*inventory) : std::unexpected(inventory.error()),
            pstree ? parse_pstree(*pstree) : std::unexpected(pstree.error())};
}

Result<> verify_images(int dir, const Images& images, bool (*keep_going)(const void*), const void* context,
                       std::uint64_t* pages) {
    TRY(images.inventory);
    TRY(images.tasks);
    std::map<std::uint32_t, std::uint64_t> needed;
    for (const Task& task : *images.tasks) {
        if (!keep_going(context))
            return fail(Errc::busy, "images not read to the end in time");
        TRY(verify_core(dir, task.pid));
        for (const auto thread : task.threads) {
            if (!keep_going(context))
                return fail(Errc::busy, "images not read to the end in time");
            // An only thread is the process itself; of a zombie's CRIU writes a number that nobody set.
            if (thread != task.pid && task.threads.size() > 1)
                TRY(verify_core(dir, thread));
        }
        TRY(verify_pages(dir, task.pid, needed));
    }
    if (pages != nullptr)
        for (const auto& [id, count] : needed)
            *pages += count;
    return {};
}

} // namespace lpm::criu
