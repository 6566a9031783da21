// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/fs.hpp"

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::uint32_t fs_magic = 0x51403912;

namespace fs_entry {
static constexpr std::uint32_t cwd_id = 1;
static constexpr std::uint32_t root_id = 2;
} // namespace fs_entry

Result<FsEntry> parse_fs(std::string_view image) {
    FsEntry fs;
    TRY(only_record(image, fs_magic, "the image of a process's folders", [&](const Field& field) {
        if (field.number == fs_entry::cwd_id)
            fs.cwd_id = field.u32();
        else if (field.number == fs_entry::root_id)
            fs.root_id = field.u32();
    }));
    return fs;
}

} // namespace lpm::criu
