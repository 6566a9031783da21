// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/mnt.hpp"

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::uint32_t mnts_magic = 0x55563928;

namespace mnt_entry {
static constexpr std::uint32_t id = 2;
static constexpr std::uint32_t flags = 5;
static constexpr std::uint32_t mountpoint = 7;
static constexpr std::uint32_t ext_mount = 13;
static constexpr std::uint32_t deleted = 16;
static constexpr std::uint32_t ext_key = 18;
} // namespace mnt_entry

static constexpr std::size_t most = 200'000;

static bool read_entry(std::string_view record, MntEntry& mount) {
    Message entry(record);
    while (const auto field = entry.next()) {
        if (field->number == mnt_entry::mountpoint)
            mount.mountpoint = field->bytes;
        else if (field->number == mnt_entry::id)
            mount.id = field->u32();
        else if (field->number == mnt_entry::flags)
            mount.flags = field->u32();
        else if (field->number == mnt_entry::ext_mount)
            mount.ext_mount = field->flag();
        else if (field->number == mnt_entry::deleted)
            mount.deleted = field->flag();
        else if (field->number == mnt_entry::ext_key)
            mount.ext_key = field->bytes;
    }
    if (mount.mountpoint.starts_with("./"))
        mount.mountpoint.erase(0, 1);
    return !entry.broken();
}

Result<std::vector<MntEntry>> parse_mnt(std::string_view image) {
    std::vector<MntEntry> mounts;
    TRY(each_record(image, mnts_magic, "the list of mounts", [&](std::string_view record) {
        return read_entry(record, mounts.emplace_back()) && mounts.size() <= most;
    }));
    return mounts;
}

} // namespace lpm::criu
