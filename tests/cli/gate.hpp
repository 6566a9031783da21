// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "harness.hpp"
#include "shapes.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>

namespace lpm::test {

namespace fs = std::filesystem;

// As CRI-O, conmon, podman and containerd call them.
inline const std::vector<Words>& gated() {
    static const std::vector<Words> list = {
        {"--root", "/run/runc", "--systemd-cgroup", "checkpoint", "--file-locks", "--image-path",
         "/run/d/checkpoint", "--work-path", "/run/d", "--leave-running", "c"},
        {"--systemd-cgroup", "--root=/run/runc", "restore", "--bundle", "/run/b", "--pid-file",
         "/run/b/pidfile", "--detach", "--image-path", "/run/d/checkpoint", "--work-path", "/run/b",
         "--lsm-profile=selinux:x", "c"},
        {"--log-format=json", "--log", "/run/oci-log", "checkpoint", "--image-path", "/run/d", "--work-path",
         "/run/d", "--leave-running", "--leave-running", "--pre-dump", "--parent-path", "../p", "c"},
        {"--root", "/run/containerd/runc/k8s.io", "--log", "/run/log.json", "--log-format", "json", "restore",
         "--image-path", "/run/d", "--work-path", "/run/d", "--detach", "--pid-file", "/run/p",
         "-no-subreaper", "--bundle", "/run/b", "c"},
        {"checkpoint", "c"},
        {"restore", "c"},
    };
    return list;
}

class Gate : public testing::Test {
  protected:
    void SetUp() override {
        reset_world();
        ASSERT_NE(lpm_gate(), "");
        link_to(lpm_gate(), "/usr/libexec/lpm/lpm-gate");
        write_file("/etc/lpm/lpm.toml",
                   "[checks]\nContainerState = \"off\"\nToolingMissing = \"off\"\nTerminal = \"off\"\n"
                   "StdioOutsideMounts = \"off\"\nNetworkLockTool = \"off\"\nDiskSpace = \"off\"\n"
                   "ImageIncomplete = \"off\"\nDescriptorsMissing = \"off\"\n");
    }

    static void with_checks() { fs::remove("/etc/lpm/lpm.toml"); }

    static std::vector<std::string> records() {
        std::vector<std::string> texts;
        if (fs::exists("/var/lib/lpm/records"))
            for (const auto& entry : fs::recursive_directory_iterator("/var/lib/lpm/records"))
                if (entry.path().extension() == ".json")
                    texts.push_back(read_file(entry.path()));
        return texts;
    }

    // The only record; fails the test and is empty when there is another number of them.
    static std::string only_record() {
        const auto texts = records();
        EXPECT_EQ(texts.size(), 1U);
        return texts.size() == 1 ? texts[0] : "";
    }
    static void expect_in_record(const std::string& text) {
        const std::string record = only_record();
        EXPECT_NE(record.find(text), std::string::npos) << text << " is not in " << record;
    }

    static void expect_one_record(const std::string& outcome) {
        const auto texts = records();
        ASSERT_EQ(texts.size(), 1U);
        EXPECT_NE(texts[0].find("\"outcome\": \"" + outcome + "\""), std::string::npos) << texts[0];
        EXPECT_NE(texts[0].find("\"additions\": []"), std::string::npos) << texts[0];
    }
};

// What CRI-O, containerd and podman would take for something else, in any case of letters.
inline const std::vector<std::string>& misread_phrases() {
    static const std::vector<std::string> list = {
        "no such process",         "container not running",
        "invalid process",         "process already finished",
        "does not exist",          "permission denied",
        "operation not permitted", "executable file not found",
        "no such file or dir",     "container process not found",
    };
    return list;
}

inline void expect_nothing_to_misread(std::string text) {
    for (char& c : text)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (const std::string& phrase : misread_phrases())
        EXPECT_EQ(text.find(phrase), std::string::npos) << phrase << " in: " << text;
}

inline std::size_t count(const std::string& text, const std::string& what) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size())
        ++n;
    return n;
}

} // namespace lpm::test
