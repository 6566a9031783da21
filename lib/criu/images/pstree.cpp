// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/pstree.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::uint32_t pstree_magic = 0x50273030;

namespace pstree_entry {
static constexpr std::uint32_t pid = 1;
static constexpr std::uint32_t ppid = 2;
static constexpr std::uint32_t pgid = 3;
static constexpr std::uint32_t sid = 4;
static constexpr std::uint32_t threads = 5;
} // namespace pstree_entry

static constexpr std::size_t max_tasks = 1'000'000;

// Stops when there are too many, which is for the caller to see.
static bool read_threads(const Field& field, std::vector<std::uint32_t>& threads) {
    if (field.bytes.empty()) {
        if (threads.size() < max_tasks)
            threads.push_back(field.u32());
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
        threads.push_back(value->u32());
        packed.remove_prefix(std::min(length + 1, packed.size()));
    }
    return true;
}

static bool read_entry(std::string_view record, PstreeEntry& task) {
    Message entry(record);
    while (const auto field = entry.next()) {
        if (field->number == pstree_entry::pid)
            task.pid = field->u32();
        else if (field->number == pstree_entry::ppid)
            task.ppid = field->u32();
        else if (field->number == pstree_entry::pgid)
            task.pgid = field->u32();
        else if (field->number == pstree_entry::sid)
            task.sid = field->u32();
        else if (field->number == pstree_entry::threads && !read_threads(*field, task.threads))
            return false;
    }
    return !entry.broken() && task.pid != 0;
}

Result<std::vector<PstreeEntry>> parse_pstree(std::string_view image) {
    Image file(image);
    if (!file.opens(pstree_magic))
        return fail(Errc::invalid, "pstree.img is not a CRIU process tree");
    std::vector<PstreeEntry> tasks;
    std::size_t threads = 0;
    while (const auto record = file.next()) {
        PstreeEntry task;
        if (!read_entry(*record, task))
            return damaged(pstree_img);
        threads += task.threads.size();
        if (tasks.size() >= max_tasks || threads >= max_tasks)
            return fail(Errc::invalid, "pstree.img holds more than a million tasks");
        tasks.push_back(std::move(task));
    }
    if (file.broken() || tasks.empty())
        return damaged(pstree_img);
    return tasks;
}

} // namespace lpm::criu
