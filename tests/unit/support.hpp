// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <stdlib.h>

// A directory that goes when the test does.
class TempDir {
  public:
    TempDir() {
        std::string name = testing::TempDir() + "lpm.XXXXXX";
        path_ = ::mkdtemp(name.data());
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::string path(const std::string& name = "") const {
        return name.empty() ? path_ : path_ + "/" + name;
    }
    void write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
        std::ofstream(path(name), std::ios::binary) << text;
    }

  private:
    std::string path_;
};

// A file of tests/data, whole.
inline std::string data(const std::string& name) {
    std::ifstream file(std::string(LPM_TEST_DATA) + "/" + name, std::ios::binary);
    EXPECT_TRUE(file) << name;
    return {std::istreambuf_iterator<char>(file), {}};
}
