// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "../criu/images/wire.hpp"
#include "base/fd.hpp"

// Archives made by hand, of a process with pages of 4096 bytes.
inline std::string tar_part(std::string_view name, std::string_view content) {
    std::array<char, 512> header{};
    std::memcpy(header.data(), name.data(), name.size());
    std::snprintf(&header[100], 8, "%07o", 0600U);
    std::snprintf(&header[124], 12, "%011zo", content.size());
    std::snprintf(&header[136], 12, "%011o", 0U);
    header[156] = '0';
    std::memcpy(&header[257], "ustar\00000", 8);
    std::memset(&header[148], ' ', 8);
    unsigned sum = 0;
    for (const char c : header)
        sum += static_cast<unsigned char>(c);
    std::snprintf(&header[148], 8, "%06o", sum);
    std::string part(header.data(), header.size());
    part += content;
    part.resize((part.size() + 511) / 512 * 512);
    return part;
}

inline std::string tar_of(const std::vector<std::string>& parts) {
    std::string tar;
    for (const auto& part : parts)
        tar += part;
    return tar + std::string(1024, '\0');
}

inline lpm::Fd file_of(std::string_view content) {
    lpm::Fd file(::memfd_create("archive", MFD_CLOEXEC));
    EXPECT_EQ(::write(file.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
    return file;
}

// A run of pages: flags 4 are in the file, 1 in a parent image.
inline std::string page_run(std::uint64_t address, std::uint32_t pages, std::uint32_t flags) {
    return ::record(field(1, static_cast<std::uint32_t>(address)) + field(2, 0U) + field(4, flags) +
                    field(5, pages));
}

inline std::string pagemap_of(std::uint32_t pages_id, const std::string& runs) {
    return std::string("\x19\x43\x56\x54\x25\x40\x08\x56", 8) + ::record(field(1, pages_id)) + runs;
}
