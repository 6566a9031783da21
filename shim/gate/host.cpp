// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "host.hpp"

#include <fcntl.h>

#include "base/file.hpp"
#include "base/text.hpp"

namespace lpm::gate {

std::string boot_id() {
    const auto text = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 256);
    return text ? std::string(trim(*text)) : std::string();
}

} // namespace lpm::gate
