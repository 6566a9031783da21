// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/cpu.hpp"

#include <algorithm>
#include <fcntl.h>

#include "../support.hpp"
#include "base/file.hpp"
#include "linux/cpuid.hpp"

using namespace lpm;

TEST(Cpu, names_what_programs_can_execute) {
    EXPECT_EQ(parse_cpu_features("processor\t: 0\nflags\t\t: fpu vme smx rdt_a sse2 avx512f pti hle xsaves "
                                 "md_clear aes invpcid\nbugs\t: x\n"
                                 "processor\t: 1\nflags\t\t: none\n")
                  .value(),
              "sse2 avx512f aes");
    EXPECT_EQ(parse_cpu_features("Features\t: fp asimd evtstrm cpuid sve2\n").value(), "fp asimd sve2")
        << "all of ARM's";
    EXPECT_EQ(parse_cpu_features("flags\t:\n").value(), "");
    EXPECT_FALSE(parse_cpu_features("flags"));
    EXPECT_FALSE(parse_cpu_features(""));
    EXPECT_TRUE(read_cpu_features());
}

TEST(Cpu, tells_what_is_missing) {
    EXPECT_EQ(missing_words("a b c", "c a"), "b");
    EXPECT_EQ(missing_words("a", ""), "a");
    EXPECT_EQ(missing_words("", "a"), "");
    EXPECT_EQ(missing_words("avx", "avx2"), "avx") << "whole words only";
}

// This kernel is newer than these instructions: it names what the processor tells, and what it names the
// processor tells.
TEST(Cpu, tells_what_the_kernel_names) {
    const auto text = read_head(AT_FDCWD, "/proc/cpuinfo", 16384);
    ASSERT_TRUE(text);
    const auto named = parse_cpu_features(*text);
    ASSERT_TRUE(named);
    // The first ones it has for KVM only; the others it takes out where the processor's are broken (of Zen 5
    // rdseed, arch/x86/kernel/cpu/amd.c), and programs in a virtual machine still find them.
    constexpr std::string_view unnamed[] = {"avx_vnni_int8",  "avx_ne_convert", "amx_complex",
                                            "avx_vnni_int16", "rdseed",         "rdrand"};
    for (const auto name : read_cpuid()) {
        const bool may_lack = std::ranges::find(unnamed, name) != std::end(unnamed);
        EXPECT_TRUE(may_lack || missing_words(name, *named).empty()) << name;
    }
#ifdef __x86_64__
    std::string told;
    for (const auto name : read_cpuid())
        told.append(name).append(" ");
    for (const std::string_view name :
         {"avx2", "bmi1", "bmi2", "avx512f", "avx512_fp16", "amx_tile", "vaes", "gfni", "rdpid"})
        EXPECT_EQ(missing_words(name, *named), missing_words(name, told)) << name;
#endif
    EXPECT_EQ(missing_words(*named, read_cpu_features().value()), "");
}
