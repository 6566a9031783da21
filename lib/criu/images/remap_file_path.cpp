// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/remap_file_path.hpp"

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::uint32_t remap_fpath_magic = 0x59133954;

namespace remap_file_path_entry {
static constexpr std::uint32_t orig_id = 1;
} // namespace remap_file_path_entry

static constexpr std::size_t most = 200'000;

Result<std::vector<std::uint32_t>> parse_remap_fpath(std::string_view image) {
    std::vector<std::uint32_t> ids;
    TRY(each_record(image, remap_fpath_magic, remap_fpath_img, [&](std::string_view record) {
        Message entry(record);
        while (const auto field = entry.next())
            if (field->number == remap_file_path_entry::orig_id)
                ids.push_back(field->u32());
        return !entry.broken() && ids.size() <= most;
    }));
    return ids;
}

} // namespace lpm::criu
