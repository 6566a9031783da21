// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/core.hpp"

#include <initializer_list>
#include <iterator>
#include <optional>

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::uint32_t core_magic = 0x55053847;
static constexpr std::uint32_t ids_magic = 0x54432030;

namespace core_entry {
static constexpr std::uint32_t mtype = 1;
static constexpr std::uint32_t tc = 3;
static constexpr std::uint32_t thread_core = 5;
} // namespace core_entry

namespace task_core_entry {
static constexpr std::uint32_t task_state = 1;
static constexpr std::uint32_t comm = 6;
} // namespace task_core_entry

namespace thread_core_entry {
static constexpr std::uint32_t creds = 10;
} // namespace thread_core_entry

namespace task_kobj_ids_entry {
static constexpr std::uint32_t files_id = 2;
} // namespace task_kobj_ids_entry

namespace creds_entry { // images/creds.proto
static constexpr std::uint32_t lsm_profile = 15;
} // namespace creds_entry

static std::unexpected<Error> not_a_core() {
    return fail(Errc::invalid, "not the core of a CRIU task");
}

const char* name_of(March march) {
    static constexpr const char* names[] = {"unknown", "x86_64", "arm",         "aarch64", "ppc64",
                                            "s390",    "mips",   "loongarch64", "riscv64"};
    const auto number = static_cast<std::uint32_t>(march);
    return number < std::size(names) ? names[number] : "unknown";
}

Result<March> parse_mtype(std::string_view head) {
    Image file(head);
    if (!file.opens(core_magic) || !file.word())
        return not_a_core();
    // The head may end in the middle of the record; the field is its first.
    Message entry(file.rest());
    const auto field = entry.next();
    if (!field || field->number != core_entry::mtype)
        return fail(Errc::invalid, "the core of a CRIU task does not begin with its architecture");
    return static_cast<March>(field->u32());
}

bool is_whole_core(std::string_view head, std::uint64_t size) {
    Image file(head);
    if (!file.opens(core_magic))
        return false;
    const auto length = file.word();
    return length && size >= head.size() - file.rest().size() + *length;
}

// The content of the last field of a path of them, each in the one before.
static Result<std::string_view> read_field(std::string_view image,
                                           std::initializer_list<std::uint32_t> path) {
    Image file(image);
    if (!file.opens(core_magic))
        return not_a_core();
    const auto record = file.next();
    if (!record)
        return damaged("the core of a CRIU task");
    std::string_view message = *record;
    for (const auto number : path) {
        const auto inner = bytes_of(message, number);
        if (!inner)
            return damaged("the core of a CRIU task");
        message = *inner;
    }
    return message;
}

Result<std::string> parse_lsm_profile(std::string_view image) {
    TRY_ASSIGN(
        const std::string_view profile,
        read_field(image, {core_entry::thread_core, thread_core_entry::creds, creds_entry::lsm_profile}));
    return std::string(profile);
}

Result<TaskCoreEntry> parse_tc(std::string_view image) {
    TRY_ASSIGN(const std::string_view message, read_field(image, {core_entry::tc}));
    TaskCoreEntry task;
    Message entry(message);
    while (const auto field = entry.next()) {
        if (field->number == task_core_entry::task_state)
            task.task_state = static_cast<TaskState>(field->value);
        else if (field->number == task_core_entry::comm)
            task.comm = field->bytes;
    }
    if (entry.broken())
        return damaged("the core of a CRIU task");
    return task;
}

Result<TaskKobjIdsEntry> parse_ids(std::string_view image) {
    TaskKobjIdsEntry ids;
    TRY(only_record(image, ids_magic, "the image of a process's ids", [&](const Field& field) {
        if (field.number == task_kobj_ids_entry::files_id)
            ids.files_id = field.u32();
    }));
    return ids;
}

} // namespace lpm::criu
