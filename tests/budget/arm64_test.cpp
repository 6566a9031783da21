// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// The arm64 front in the emulator. budget.py builds it and names it in LPM_ARM64_FRONT; the runtime and the
// gate are native programs, which the kernel then runs without the emulator.
#include "harness.hpp"
#include "shapes.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

using namespace lpm::test;

namespace {

constexpr char emulator[] = "/usr/bin/qemu-aarch64-static";

Outcome emulated(Call how, const Control& control = {}) {
    const char* front = std::getenv("LPM_ARM64_FRONT");
    how.argv.insert(how.argv.begin(), front == nullptr ? "/LPM_ARM64_FRONT/is/not/set" : front);
    return call(emulator, how, control);
}

class Arm64 : public testing::Test {
  protected:
    void SetUp() override { reset_world(); }
};

TEST_F(Arm64, becomes_the_runtime_with_everything_it_was_given) {
    for (const Words& words : ungated()) {
        SCOPED_TRACE(shown(words));
        Call how = odd(words);
        how.limits = {}; // a small stack is not for the emulator, which also tidies an odd environment up
        how.env = {"PATH=/usr/sbin", "NOTIFY_SOCKET=/run/n"};
        const Outcome without = direct(how, {"read-stdin", "stdout x", "exit 5"});
        const Outcome with = emulated(how, {"read-stdin", "stdout x", "exit 5"});
        EXPECT_EQ(differences(without, with), Words{}) << with.err;
        EXPECT_EQ(with.exit_code(), 5);
    }
}

TEST_F(Arm64, gated_verbs_become_the_gate) {
    write_file("/usr/libexec/lpm/lpm-gate", "#!/bin/sh\necho \"gate $*\"\n", 0755);
    EXPECT_EQ(emulated(plain({"checkpoint", "c"})).out, "gate checkpoint c\n");
    EXPECT_EQ(emulated(plain({"restore", "-d", "c"})).out, "gate restore -d c\n");
}

TEST_F(Arm64, falls_back_and_stamps) {
    link_to("/run/nothing", "/etc/lpm/runtime");
    EXPECT_EQ(emulated(plain({"state", "c"})).exit_code(), 1);
    link_to(fake_runc(), "/usr/libexec/crio/runc");
    std::filesystem::create_directory("/run/lpm");
    EXPECT_EQ(emulated(plain({"pause", "c"}), {"exit 5"}).exit_code(), 5);
    std::filesystem::remove("/usr/libexec/crio/runc");
    EXPECT_NE(read_file("/run/lpm/8b541e798859d3fa/c/paused"), "");
}

} // namespace
