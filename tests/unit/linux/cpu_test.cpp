// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/cpu.hpp"

#include "../support.hpp"

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
