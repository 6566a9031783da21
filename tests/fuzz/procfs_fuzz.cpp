// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/procfs.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)procfs::parse_stat(text);
    (void)procfs::parse_memory(text);
    (void)procfs::parse_mount_ids(text);
    (void)procfs::parse_fs_type(text, "/var/lib/kubelet");
    (void)procfs::parse_fd_mount(text);
    return 0;
}
