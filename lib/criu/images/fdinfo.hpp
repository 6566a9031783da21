// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "criu/images/packet_sock.hpp"
#include "criu/images/sk_inet.hpp"
#include "criu/images/sk_netlink.hpp"
#include "criu/images/sk_unix.hpp"

// files.img (file_entry of images/fdinfo.proto): what CRIU will open again at a restore; and fdinfo-ID.img
// (fdinfo_entry): under which numbers a process, or several that share them, has it.
namespace lpm::criu {

inline constexpr const char* files_img = "files.img";
// `id`: task_kobj_ids_entry.files_id (core.hpp).
[[nodiscard]] inline std::string fdinfo_img(std::uint32_t id) {
    return "fdinfo-" + std::to_string(id) + ".img";
}

// enum fd_types, of which only these are told apart here.
enum class FdType : std::uint32_t { und, reg, pipe, fifo, inetsk, unixsk, packetsk = 10, netlinksk = 13 };
// "REG", as the enum has it; "UND" for a number that is none of it.
[[nodiscard]] std::string_view name_of(FdType type);

// images/regfile.proto: a file, a device or a folder.
struct RegFileEntry {
    std::uint32_t id = 0;
    std::string name;                    // absolute, as seen in the container
    std::optional<std::uint64_t> size{}; // nothing: CRIU does not compare it
    bool ext = false;                    // the runtime hands it over
    std::optional<std::uint32_t> mode{};
    std::optional<std::uint32_t> mnt_id{}; // of its MntEntry
};

// images/pipe.proto: one end.
struct PipeEntry {
    std::uint32_t pipe_id = 0; // both ends have it
};

struct FileEntry {
    std::uint32_t id = 0;
    // Nothing: of a kind that is not looked into.
    std::variant<std::monostate, RegFileEntry, InetSkEntry, UnixSkEntry, PacketSockEntry, NetlinkSkEntry,
                 PipeEntry>
        what;
};

// Of files.img: at most this many entries; Errc::invalid above that, and for what is no such image.
inline constexpr std::size_t max_files = 200'000;

struct Files {
    std::vector<RegFileEntry> reg;
    std::vector<InetSkEntry> isk;
    std::vector<UnixSkEntry> usk;
};
[[nodiscard]] Result<Files> parse_files(std::string_view image);

// files.img by the ids of its entries, each of which is read when it is asked for. The image is borrowed.
class FileTable {
  public:
    // Errc::unavailable for an image of more than 4 GiB.
    [[nodiscard]] static Result<FileTable> open(std::string_view image);
    // Errc::absent when it has none of that id.
    [[nodiscard]] Result<FileEntry> find(std::uint32_t id) const;

  private:
    struct Record { // half the size of a view: there may be many
        std::uint32_t id;
        std::uint32_t at; // in the image
        std::uint32_t size;
    };
    std::string_view image_;
    std::vector<Record> records_; // by id
};

struct FdinfoEntry {
    std::uint32_t id = 0; // of its file_entry
    FdType type = FdType::und;
    std::uint32_t fd = 0;
};
// At most 200,000; Errc::invalid above that, and for what is no such image.
[[nodiscard]] Result<std::vector<FdinfoEntry>> parse_fdinfo(std::string_view image);

} // namespace lpm::criu
