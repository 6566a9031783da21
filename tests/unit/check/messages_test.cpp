// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Callers read our words: CRI-O, containerd and podman take some phrases for other errors.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "oci/phrases.hpp"

using lpm::oci::misread;

TEST(Messages, know_the_phrases_in_any_case) {
    EXPECT_TRUE(misread("execvp(\"tar\", ...) failed: No such file or directory"));
    EXPECT_TRUE(misread("does not exist"));
    EXPECT_FALSE(misread("there is no such directory"));
    EXPECT_FALSE(misread(""));
}

TEST(Messages, never_hold_a_phrase_that_a_caller_reinterprets) {
    int files = 0;
    for (const char* folder : {"lib/check", "shim/gate", "hooks"})
        for (const auto& entry :
             std::filesystem::directory_iterator(std::string(LPM_SOURCE_ROOT) + "/" + folder)) {
            if (entry.path().extension() != ".cpp")
                continue;
            ++files;
            std::ifstream file(entry.path());
            for (std::string line; std::getline(file, line);) {
                if (line.find('"') == std::string::npos)
                    continue;
                EXPECT_FALSE(misread(line)) << entry.path() << ": " << line;
            }
        }
    EXPECT_GT(files, 8);
}
