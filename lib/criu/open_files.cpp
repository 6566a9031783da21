// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/open_files.hpp"

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::size_t most = 200'000;

static bool read_regular(std::string_view bytes, RegularFile& file) {
    Message entry(bytes);
    while (const auto field = entry.next()) {
        if (field->number == 1)
            file.id = static_cast<std::uint32_t>(field->value);
        else if (field->number == 6)
            file.name = field->bytes;
        else if (field->number == 8)
            file.size = field->value;
        else if (field->number == 9)
            file.external = field->value != 0;
        else if (field->number == 10)
            file.mode = static_cast<std::uint32_t>(field->value);
    }
    return !entry.broken();
}

static bool read_freebind(std::string_view bytes, bool& freebind) {
    Message options(bytes);
    while (const auto field = options.next())
        if (field->number == 1)
            freebind = field->value != 0;
    return !options.broken();
}

static bool read_socket(std::string_view bytes, InetSocketImage& socket) {
    Message entry(bytes);
    std::size_t words = 0;
    std::size_t peer_words = 0;
    bool sound = true;
    while (const auto field = entry.next()) {
        const auto value = static_cast<std::uint32_t>(field->value);
        if (field->number == 2)
            socket.inode = value;
        else if (field->number == 3)
            socket.family = value;
        else if (field->number == 4)
            socket.type = value;
        else if (field->number == 5)
            socket.protocol = value;
        else if (field->number == 6)
            socket.state = value;
        else if (field->number == 7)
            socket.port = static_cast<std::uint16_t>(value);
        else if (field->number == 8)
            socket.peer_port = static_cast<std::uint16_t>(value);
        else if (field->number == 11 && words < socket.address.size())
            socket.address[words++] = value; // CRIU does not pack them
        else if (field->number == 12 && peer_words < socket.peer.size())
            socket.peer[peer_words++] = value;
        else if (field->number == 15)
            socket.v6only = value != 0;
        else if (field->number == 16)
            sound = sound && read_freebind(field->bytes, socket.freebind);
    }
    return sound && !entry.broken();
}

// A name of the file system, as against one of the abstract name space; CRIU writes it with or without its
// end.
static bool read_unix(std::string_view bytes, UnixSocketImage& socket) {
    constexpr std::uint64_t outside = 1; // USK_EXTERN: the socket is not the container's
    Message entry(bytes);
    while (const auto field = entry.next()) {
        if (field->number == 6)
            socket.external = (field->value & outside) != 0;
        else if (field->number == 11)
            socket.name = field->bytes.substr(0, field->bytes.find('\0'));
    }
    return !entry.broken();
}

static bool read_entry(std::string_view bytes, OpenFiles& files) {
    Message entry(bytes);
    bool sound = true;
    while (const auto field = entry.next()) {
        if (field->number == 3)
            sound = sound && read_regular(field->bytes, files.files.emplace_back());
        else if (field->number == 4)
            sound = sound && read_socket(field->bytes, files.sockets.emplace_back());
        else if (field->number == 16)
            sound = sound && read_unix(field->bytes, files.unix_sockets.emplace_back());
        if (files.files.size() + files.sockets.size() + files.unix_sockets.size() > most)
            return false;
    }
    return sound && !entry.broken();
}

Result<OpenFiles> parse_files(std::string_view image) {
    OpenFiles files;
    TRY(each_record(image, magic::files, "files.img",
                    [&](std::string_view record) { return read_entry(record, files); }));
    return files;
}

Result<std::vector<std::uint32_t>> parse_remaps(std::string_view image) {
    std::vector<std::uint32_t> ids;
    TRY(each_record(image, magic::remap_fpath, "remap-fpath.img", [&](std::string_view record) {
        Message entry(record);
        while (const auto field = entry.next())
            if (field->number == 1)
                ids.push_back(static_cast<std::uint32_t>(field->value));
        return !entry.broken() && ids.size() <= most;
    }));
    return ids;
}

static bool read_mount(std::string_view bytes, MountImage& mount) {
    Message entry(bytes);
    while (const auto field = entry.next()) {
        if (field->number == 7)
            mount.place = field->bytes;
        else if (field->number == 13) // ext_mount
            mount.external = mount.external || field->value != 0;
        else if (field->number == 18) { // ext_key
            mount.key = field->bytes;
            mount.external = mount.external || !mount.key.empty();
        }
    }
    if (mount.place.starts_with("./"))
        mount.place.erase(0, 1);
    return !entry.broken();
}

Result<std::vector<MountImage>> parse_mounts(std::string_view image) {
    std::vector<MountImage> mounts;
    TRY(each_record(image, magic::mounts, "the list of mounts", [&](std::string_view record) {
        return read_mount(record, mounts.emplace_back()) && mounts.size() <= most;
    }));
    return mounts;
}

Result<std::uint32_t> parse_machine(std::string_view head) {
    Image file(head);
    if (!file.opens(magic::core) || !file.word())
        return fail(Errc::invalid, "not the core of a CRIU task");
    // The head may end in the middle of the record; the field is its first.
    Message entry(file.rest());
    const auto field = entry.next();
    if (!field || field->number != 1)
        return fail(Errc::invalid, "the core of a CRIU task does not begin with its architecture");
    return static_cast<std::uint32_t>(field->value);
}

// The content of the field of that number, the last of them; nothing when the message is damaged.
static std::optional<std::string_view> bytes_of(std::string_view message, std::uint32_t number) {
    std::string_view bytes;
    Message entry(message);
    while (const auto field = entry.next())
        if (field->number == number)
            bytes = field->bytes;
    return entry.broken() ? std::nullopt : std::optional(bytes);
}

Result<std::string> parse_lsm_profile(std::string_view image) {
    Image file(image);
    if (!file.opens(magic::core))
        return fail(Errc::invalid, "not the core of a CRIU task");
    auto message = file.next();
    for (const std::uint32_t number : {5U, 10U, 15U}) // thread_core, creds, lsm_profile
        message = message ? bytes_of(*message, number) : std::nullopt;
    if (!message)
        return damaged("the core of a CRIU task");
    return std::string(*message);
}

Result<std::string> parse_external_pids(std::string_view image) {
    Image file(image);
    if (!file.opens(magic::pid_namespace))
        return fail(Errc::invalid, "not CRIU's image of a PID namespace");
    const auto record = file.next();
    const auto key = record ? bytes_of(*record, 1) : std::nullopt;
    if (!key)
        return damaged("the image of the PID namespace");
    return std::string(*key);
}

} // namespace lpm::criu
