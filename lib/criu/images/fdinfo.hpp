// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// files.img (file_entry of images/fdinfo.proto): what CRIU will open again at a restore.
namespace lpm::criu {

inline constexpr const char* files_img = "files.img";

// images/regfile.proto: a file, a device or a folder.
struct RegFileEntry {
    std::uint32_t id = 0;
    std::string name;                    // absolute, as seen in the container
    std::optional<std::uint64_t> size{}; // nothing: CRIU does not compare it
    bool ext = false;                    // the runtime hands it over
    std::optional<std::uint32_t> mode{};
};

// images/sk-inet.proto.
struct InetSkEntry {
    std::uint32_t ino = 0;
    std::uint32_t family = 0;
    std::uint32_t type = 0;
    std::uint32_t proto = 0;
    std::uint32_t state = 0; // of TCP: 1 established, 10 listening
    // Ports in host order, addresses as the kernel has them in memory: IPv4 uses the first word. A dst_port
    // of 0: not connected, in CRIU's eyes as well.
    std::uint16_t src_port = 0;
    std::uint16_t dst_port = 0;
    std::array<std::uint32_t, 4> src_addr{};
    std::array<std::uint32_t, 4> dst_addr{};
    bool v6only = false;
    bool freebind = false; // ip_opts.freebind
};

// Where CRIU finds what is in the connection; not there when the dump was told to close it.
[[nodiscard]] std::string tcp_stream_img(std::uint32_t ino);

// images/sk-unix.proto.
struct UnixSkEntry {
    std::uint32_t uflags = 0;
    std::string name; // a path, or empty

    // The other end of a connection, outside of the container: USK_EXTERN.
    [[nodiscard]] bool external() const { return (uflags & 1U) != 0; }
};

struct Files {
    std::vector<RegFileEntry> reg;
    std::vector<InetSkEntry> isk;
    std::vector<UnixSkEntry> usk;
};
// At most 200,000 entries; Errc::invalid above that, and for what is no such image.
[[nodiscard]] Result<Files> parse_files(std::string_view image);

} // namespace lpm::criu
