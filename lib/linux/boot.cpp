// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/boot.hpp"

#include <ctime>
#include <fcntl.h>

#include "base/file.hpp"
#include "base/text.hpp"

namespace lpm {

std::string boot_id() {
    const auto text = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 256);
    return text ? std::string(trim(*text)) : std::string();
}

std::uint64_t boot_time_ns() {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

} // namespace lpm
