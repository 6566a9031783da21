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
static constexpr std::uint32_t old_seccomp_mode = 11;
} // namespace task_core_entry

namespace thread_core_entry {
static constexpr std::uint32_t creds = 10;
static constexpr std::uint32_t seccomp_mode = 11;
} // namespace thread_core_entry

namespace task_kobj_ids_entry {
static constexpr std::uint32_t files_id = 2;
} // namespace task_kobj_ids_entry

namespace creds_entry {                 // images/creds.proto
static constexpr std::uint32_t uid = 1; // and gid, euid, egid, suid, sgid, fsuid
static constexpr std::uint32_t fsgid = 8;
static constexpr std::uint32_t cap_inh = 9; // and cap_prm, cap_eff
static constexpr std::uint32_t cap_bnd = 12;
static constexpr std::uint32_t groups = 14;
static constexpr std::uint32_t lsm_profile = 15;
static constexpr std::uint32_t no_new_privs = 18;
static constexpr std::uint32_t cap_amb = 19; // not in older images
} // namespace creds_entry

static std::unexpected<Error> not_a_core() {
    return fail(Errc::invalid, "not the core of a CRIU task");
}

static std::unexpected<Error> damaged_core() {
    return damaged("the core of a CRIU task");
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

// The content of the one field of that number, or empty. CRIU would merge several.
static std::optional<std::string_view> only_field(std::string_view message, std::uint32_t number) {
    std::string_view bytes;
    std::size_t count = 0;
    Message entry(message);
    while (const auto field = entry.next())
        if (field->number == number) {
            bytes = field->bytes;
            ++count;
        }
    return entry.broken() || count > 1 ? std::nullopt : std::optional(bytes);
}

// The content of the last field of a path of them, each in the one before.
static Result<std::string_view> read_field(std::string_view image,
                                           std::initializer_list<std::uint32_t> path) {
    Image file(image);
    if (!file.opens(core_magic))
        return not_a_core();
    const auto record = file.next();
    if (!record)
        return damaged_core();
    std::string_view message = *record;
    for (const auto number : path) {
        const auto inner = only_field(message, number);
        if (!inner)
            return damaged_core();
        message = *inner;
    }
    return message;
}

// Of one kind, in words of 32 bits.
struct CapabilityWords {
    std::uint64_t bits = 0;
    unsigned count = 0;
    void add(std::uint32_t word) {
        if (count < 2)
            bits |= std::uint64_t{word} << (32 * count);
        ++count;
    }
};

// False for what CRIU does not write, and might read otherwise: a list of numbers that is packed.
static bool read_creds_field(const Field& field, CredsEntry& creds, std::array<CapabilityWords, 5>& sets) {
    if (field.number == creds_entry::lsm_profile) {
        creds.lsm_profile = field.bytes;
        return true;
    }
    if (field.number >= creds_entry::uid && field.number <= creds_entry::fsgid) {
        auto& ids = field.number % 2 == 1 ? creds.uids : creds.gids;
        ids[(field.number - creds_entry::uid) / 2] = field.u32();
    } else if (field.number >= creds_entry::cap_inh && field.number <= creds_entry::cap_bnd) {
        sets[field.number - creds_entry::cap_inh].add(field.u32());
    } else if (field.number == creds_entry::cap_amb) {
        sets.back().add(field.u32());
    } else if (field.number == creds_entry::groups) {
        creds.groups.push_back(field.u32());
    } else if (field.number == creds_entry::no_new_privs) {
        creds.no_new_privs = field.flag();
    } else {
        return true;
    }
    return field.bytes.empty();
}

static Result<CredsEntry> parse_creds(std::string_view message) {
    CredsEntry creds;
    std::array<CapabilityWords, 5> sets; // as they are numbered, cap_amb last
    std::uint64_t seen = 0;
    Message entry(message);
    while (const auto field = entry.next()) {
        if (field->number <= creds_entry::fsgid)
            seen |= std::uint64_t{1} << field->number;
        if (!read_creds_field(*field, creds, sets))
            return damaged_core();
    }
    constexpr std::uint64_t all_ids = 0x1fe;
    if (entry.broken() || seen != all_ids)
        return damaged_core();
    auto& [inheritable, permitted, effective, bounding, ambient] = sets;
    for (const auto* set : {&inheritable, &permitted, &effective, &bounding})
        if (set->count != 2)
            return damaged_core();
    if (ambient.count != 0 && ambient.count != 2) // older images have none
        return damaged_core();
    creds.held = inheritable.bits | permitted.bits | effective.bits | ambient.bits;
    creds.cap_bnd = bounding.bits;
    return creds;
}

Result<ThreadCoreEntry> parse_thread_core(std::string_view image) {
    TRY_ASSIGN(const std::string_view message, read_field(image, {core_entry::thread_core}));
    ThreadCoreEntry thread;
    Message entry(message);
    while (const auto field = entry.next()) {
        if (field->number == thread_core_entry::seccomp_mode) {
            thread.seccomp_mode = static_cast<SeccompMode>(field->u32());
        } else if (field->number == thread_core_entry::creds) {
            if (thread.creds)
                return damaged_core();
            TRY_ASSIGN(thread.creds, parse_creds(field->bytes));
        }
    }
    if (entry.broken())
        return damaged_core();
    return thread;
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
        else if (field->number == task_core_entry::old_seccomp_mode)
            task.old_seccomp_mode = static_cast<SeccompMode>(field->u32());
    }
    if (entry.broken())
        return damaged_core();
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
