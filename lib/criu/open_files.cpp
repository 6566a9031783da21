// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/open_files.hpp"

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::size_t most = 200'000;

static std::unexpected<Error> damaged(std::string_view what) {
    return fail(Errc::invalid, std::string(what) + " is damaged or cut short");
}

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

static bool read_socket(std::string_view bytes, InetSocket& socket) {
    Message entry(bytes);
    std::size_t words = 0;
    bool sound = true;
    while (const auto field = entry.next()) {
        const auto value = static_cast<std::uint32_t>(field->value);
        if (field->number == 3)
            socket.family = value;
        else if (field->number == 4)
            socket.type = value;
        else if (field->number == 5)
            socket.protocol = value;
        else if (field->number == 6)
            socket.state = value;
        else if (field->number == 7)
            socket.port = static_cast<std::uint16_t>(value);
        else if (field->number == 11 && words < socket.address.size())
            socket.address[words++] = value; // CRIU does not pack them
        else if (field->number == 15)
            socket.v6only = value != 0;
        else if (field->number == 16)
            sound = sound && read_freebind(field->bytes, socket.freebind);
    }
    return sound && !entry.broken();
}

static bool read_entry(std::string_view bytes, OpenFiles& files) {
    Message entry(bytes);
    bool sound = true;
    while (const auto field = entry.next()) {
        if (field->number == 3) {
            RegularFile file;
            sound = sound && read_regular(field->bytes, file);
            files.files.push_back(std::move(file));
        } else if (field->number == 4) {
            InetSocket socket;
            sound = sound && read_socket(field->bytes, socket);
            files.sockets.push_back(socket);
        }
        if (files.files.size() + files.sockets.size() > most)
            return false;
    }
    return sound && !entry.broken();
}

Result<OpenFiles> parse_files(std::string_view image) {
    Image file(image);
    if (!file.opens(magic::files))
        return fail(Errc::invalid, "files.img is not a CRIU list of files");
    OpenFiles files;
    while (const auto record = file.next())
        if (!read_entry(*record, files))
            return damaged("files.img");
    if (file.broken())
        return damaged("files.img");
    return files;
}

Result<std::vector<std::uint32_t>> parse_remaps(std::string_view image) {
    Image file(image);
    if (!file.opens(magic::remap_fpath))
        return fail(Errc::invalid, "remap-fpath.img is not a CRIU list of files without names");
    std::vector<std::uint32_t> ids;
    while (const auto record = file.next()) {
        Message entry(*record);
        while (const auto field = entry.next())
            if (field->number == 1)
                ids.push_back(static_cast<std::uint32_t>(field->value));
        if (entry.broken() || ids.size() > most)
            return damaged("remap-fpath.img");
    }
    if (file.broken())
        return damaged("remap-fpath.img");
    return ids;
}

Result<std::vector<std::string>> parse_own_mounts(std::string_view image) {
    Image file(image);
    if (!file.opens(magic::mounts))
        return fail(Errc::invalid, "not a CRIU list of mounts");
    std::vector<std::string> places;
    while (const auto record = file.next()) {
        std::string_view place;
        bool external = false;
        Message entry(*record);
        while (const auto field = entry.next()) {
            if (field->number == 7)
                place = field->bytes;
            else if (field->number == 13) // ext_mount
                external = external || field->value != 0;
            else if (field->number == 18) // ext_key
                external = external || !field->bytes.empty();
        }
        if (entry.broken() || places.size() > most)
            return damaged("the list of mounts");
        if (place.starts_with("./"))
            place.remove_prefix(1);
        if (!external && place.size() > 1 && place.starts_with('/'))
            places.emplace_back(place);
    }
    if (file.broken())
        return damaged("the list of mounts");
    return places;
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

} // namespace lpm::criu
