// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/remap_file_path.hpp"

#include "wire.hpp"

using namespace lpm;

TEST(RemapFilePath, tells_files_that_criu_makes_itself) {
    EXPECT_FALSE(criu::parse_remap_fpath(files_head));
    EXPECT_EQ(criu::parse_remap_fpath(remap_head + record("\x08\x05\x10\x06")).value(),
              std::vector<std::uint32_t>{5});
}
