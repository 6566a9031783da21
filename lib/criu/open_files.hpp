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

// What CRIU will open again at a restore: files.img (images/fdinfo.proto), and which of it brings its own
// content with it.
namespace lpm::criu {

struct RegularFile { // or a device, or a folder
    std::uint32_t id = 0;
    std::string name;                    // absolute, as seen in the container
    bool external = false;               // the runtime hands it over
    std::optional<std::uint64_t> size{}; // nothing: CRIU does not compare it
    std::optional<std::uint32_t> mode{};
};

struct InetSocketImage {
    std::uint32_t inode = 0;
    std::uint32_t family = 0;
    std::uint32_t type = 0;
    std::uint32_t protocol = 0;
    std::uint32_t state = 0;                // of TCP: 1 established, 10 listening
    std::uint16_t port = 0;                 // in host order
    std::array<std::uint32_t, 4> address{}; // as the kernel has it in memory; IPv4 uses the first
    std::uint16_t peer_port = 0;            // 0: not connected, in CRIU's eyes as well
    std::array<std::uint32_t, 4> peer{};
    bool v6only = false;
    bool freebind = false;
};

struct UnixSocketImage {
    std::string name;      // a path, or empty
    bool external = false; // the other end of a connection, outside of the container
};

struct OpenFiles {
    std::vector<RegularFile> files;
    std::vector<InetSocketImage> sockets;
    std::vector<UnixSocketImage> unix_sockets;
};
// At most 200,000 entries; Errc::invalid above that, and for what is no such image.
[[nodiscard]] Result<OpenFiles> parse_files(std::string_view image);

// remap-fpath.img: ids of files whose names were gone, and which CRIU makes itself.
[[nodiscard]] Result<std::vector<std::uint32_t>> parse_remaps(std::string_view image);

// Of mountpoints-*.img (images/mnt.proto).
struct MountImage {
    std::string place;     // in the container, absolute
    std::string key;       // by which the runtime has to hand it over, or empty
    bool external = false; // it comes from outside; else CRIU makes and fills it
};
// As parse_files.
[[nodiscard]] Result<std::vector<MountImage>> parse_mounts(std::string_view image);

// core-*.img: 1 x86-64, 3 arm64 (images/core.proto). Needs only the beginning of the file.
[[nodiscard]] Result<std::uint32_t> parse_machine(std::string_view head);

// core-*.img: the profile, or label, of the process's security module; empty when it has none.
[[nodiscard]] Result<std::string> parse_lsm_profile(std::string_view image);

// pidns-*.img: the name by which the runtime must hand over the PID namespace. CRIU writes this image of a
// namespace that the container has joined only.
[[nodiscard]] Result<std::string> parse_external_pids(std::string_view image);

} // namespace lpm::criu
