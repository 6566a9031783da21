// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/fdinfo.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::uint32_t files_magic = 0x56303138;
static constexpr std::uint32_t fdinfo_magic = 0x56213732;

namespace file_entry {
static constexpr std::uint32_t id = 2;
static constexpr std::uint32_t reg = 3;
static constexpr std::uint32_t isk = 4;
static constexpr std::uint32_t psk = 6;
static constexpr std::uint32_t nlsk = 7;
static constexpr std::uint32_t usk = 16;
static constexpr std::uint32_t pipe = 18;
} // namespace file_entry

namespace reg_file_entry {
static constexpr std::uint32_t id = 1;
static constexpr std::uint32_t name = 6;
static constexpr std::uint32_t mnt_id = 7;
static constexpr std::uint32_t size = 8;
static constexpr std::uint32_t ext = 9;
static constexpr std::uint32_t mode = 10;
} // namespace reg_file_entry

namespace pipe_entry {
static constexpr std::uint32_t pipe_id = 2;
} // namespace pipe_entry

namespace fdinfo_entry {
static constexpr std::uint32_t id = 1;
static constexpr std::uint32_t type = 3;
static constexpr std::uint32_t fd = 4;
} // namespace fdinfo_entry

std::string_view name_of(FdType type) {
    static constexpr std::string_view names[] = {
        "UND",       "REG",     "PIPE",     "FIFO",     "INETSK", "UNIXSK",   "EVENTFD",
        "EVENTPOLL", "INOTIFY", "SIGNALFD", "PACKETSK", "TTY",    "FANOTIFY", "NETLINKSK",
        "NS",        "TUNF",    "EXT",      "TIMERFD",  "MEMFD",  "BPFMAP",   "PIDFD"};
    const auto number = static_cast<std::uint32_t>(type);
    return number < std::size(names) ? names[number] : names[0];
}

static bool read_reg(std::string_view bytes, RegFileEntry& file) {
    Message entry(bytes);
    while (const auto field = entry.next()) {
        if (field->number == reg_file_entry::id)
            file.id = field->u32();
        else if (field->number == reg_file_entry::name)
            file.name = field->bytes;
        else if (field->number == reg_file_entry::mnt_id && (field->value & 1U) == 0) // sint32; -1: none
            file.mnt_id = static_cast<std::uint32_t>(field->value >> 1U);
        else if (field->number == reg_file_entry::size)
            file.size = field->value;
        else if (field->number == reg_file_entry::ext)
            file.ext = field->flag();
        else if (field->number == reg_file_entry::mode)
            file.mode = field->u32();
    }
    return !entry.broken();
}

static bool read_pipe(std::string_view bytes, PipeEntry& pipe) {
    Message entry(bytes);
    while (const auto field = entry.next())
        if (field->number == pipe_entry::pipe_id)
            pipe.pipe_id = field->u32();
    return !entry.broken();
}

static bool read_file(std::string_view record, FileEntry& file) {
    Message entry(record);
    bool sound = true;
    while (const auto field = entry.next()) {
        if (field->number == file_entry::id)
            file.id = field->u32();
        else if (field->number == file_entry::reg)
            sound = sound && read_reg(field->bytes, file.what.emplace<RegFileEntry>());
        else if (field->number == file_entry::isk)
            sound = sound && read_inet_sk(field->bytes, file.what.emplace<InetSkEntry>());
        else if (field->number == file_entry::psk)
            sound = sound && read_packet_sock(field->bytes, file.what.emplace<PacketSockEntry>());
        else if (field->number == file_entry::nlsk)
            sound = sound && read_netlink_sk(field->bytes, file.what.emplace<NetlinkSkEntry>());
        else if (field->number == file_entry::usk)
            sound = sound && read_unix_sk(field->bytes, file.what.emplace<UnixSkEntry>());
        else if (field->number == file_entry::pipe)
            sound = sound && read_pipe(field->bytes, file.what.emplace<PipeEntry>());
    }
    return sound && !entry.broken();
}

static bool add_file(std::string_view record, Files& files) {
    FileEntry file;
    if (!read_file(record, file))
        return false;
    if (auto* const reg = std::get_if<RegFileEntry>(&file.what))
        files.reg.push_back(std::move(*reg));
    else if (auto* const isk = std::get_if<InetSkEntry>(&file.what))
        files.isk.push_back(*isk);
    else if (auto* const usk = std::get_if<UnixSkEntry>(&file.what))
        files.usk.push_back(std::move(*usk));
    return files.reg.size() + files.isk.size() + files.usk.size() <= max_files;
}

Result<Files> parse_files(std::string_view image) {
    Files files;
    TRY(each_record(image, files_magic, files_img,
                    [&](std::string_view record) { return add_file(record, files); }));
    return files;
}

static std::optional<std::uint32_t> id_of(std::string_view record) {
    Message entry(record);
    std::uint32_t id = 0;
    while (const auto field = entry.next())
        if (field->number == file_entry::id)
            id = field->u32();
    return entry.broken() ? std::nullopt : std::optional(id);
}

Result<FileTable> FileTable::open(std::string_view image) {
    if (image.size() > UINT32_MAX)
        return fail(Errc::unavailable, std::string(files_img) + " is too long");
    FileTable table;
    table.image_ = image;
    TRY(each_record(image, files_magic, files_img, [&](std::string_view record) {
        const auto id = id_of(record);
        if (id)
            table.records_.push_back({.id = *id,
                                      .at = static_cast<std::uint32_t>(record.data() - image.data()),
                                      .size = static_cast<std::uint32_t>(record.size())});
        return id && table.records_.size() <= max_files;
    }));
    std::ranges::sort(table.records_, {}, [](const Record& one) { return std::pair(one.id, one.at); });
    return table;
}

Result<FileEntry> FileTable::find(std::uint32_t id) const {
    const auto found = std::ranges::lower_bound(records_, id, {}, &Record::id);
    if (found == records_.end() || found->id != id)
        return fail(Errc::absent, "file " + std::to_string(id) + " is not in " + files_img);
    FileEntry file;
    if (!read_file(image_.substr(found->at, found->size), file))
        return damaged(files_img);
    return file;
}

Result<std::vector<FdinfoEntry>> parse_fdinfo(std::string_view image) {
    std::vector<FdinfoEntry> entries;
    TRY(each_record(image, fdinfo_magic, "the list of descriptors", [&](std::string_view record) {
        FdinfoEntry& one = entries.emplace_back();
        Message entry(record);
        while (const auto field = entry.next()) {
            if (field->number == fdinfo_entry::id)
                one.id = field->u32();
            else if (field->number == fdinfo_entry::type)
                one.type = static_cast<FdType>(field->u32());
            else if (field->number == fdinfo_entry::fd)
                one.fd = field->u32();
        }
        return !entry.broken() && entries.size() <= max_files;
    }));
    return entries;
}

} // namespace lpm::criu
