// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/boot.hpp"

#include <fcntl.h>

#include "base/file.hpp"
#include "base/text.hpp"

namespace lpm {

std::string boot_id() {
    const auto text = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 256);
    return text ? std::string(trim(*text)) : std::string();
}

} // namespace lpm
