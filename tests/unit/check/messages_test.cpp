// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Callers read our words: CRI-O, containerd and podman take some phrases for other errors.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

static std::string lower(std::string text) {
    for (char& c : text)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

TEST(Messages, never_hold_a_phrase_that_a_caller_reinterprets) {
    static constexpr const char* phrases[] = {
        "no such process",
        "container not running",
        "invalid process",
        "process already finished",
        "does not exist",
        "permission denied",
        "operation not permitted",
        "executable file not found",
        "no such file or dir",
        "open executable",
        "container process not found",
    };
    int files = 0;
    for (const char* folder : {"lib/check", "shim/gate"})
        for (const auto& entry :
             std::filesystem::directory_iterator(std::string(LPM_SOURCE_ROOT) + "/" + folder)) {
            if (entry.path().extension() != ".cpp")
                continue;
            ++files;
            std::ifstream file(entry.path());
            for (std::string line; std::getline(file, line);) {
                if (line.find('"') == std::string::npos)
                    continue;
                for (const char* phrase : phrases)
                    EXPECT_EQ(lower(line).find(phrase), std::string::npos) << entry.path() << ": " << line;
            }
        }
    EXPECT_GT(files, 8);
}
