// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/cpuid.hpp"

#include <cstdint>

#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace lpm {

#ifdef __x86_64__

namespace {

enum class Register { eax, ebx, ecx, edx };
// What of the registers the kernel must save for it: bits of XCR0.
enum class State : std::uint64_t { none = 0, avx = 0x6, avx512 = 0xe6, amx = 0x60000 };

struct Feature {
    std::string_view name;
    unsigned subleaf; // of leaf 7
    Register in;
    unsigned bit;
    State state;
};

// Intel SDM, CPUID leaf 7; names of arch/x86/include/asm/cpufeatures.h.
constexpr Feature features[] = {
    {"bmi1", 0, Register::ebx, 3, State::none},
    {"avx2", 0, Register::ebx, 5, State::avx},
    {"bmi2", 0, Register::ebx, 8, State::none},
    {"rtm", 0, Register::ebx, 11, State::none},
    {"avx512f", 0, Register::ebx, 16, State::avx512},
    {"avx512dq", 0, Register::ebx, 17, State::avx512},
    {"rdseed", 0, Register::ebx, 18, State::none},
    {"adx", 0, Register::ebx, 19, State::none},
    {"avx512ifma", 0, Register::ebx, 21, State::avx512},
    {"clflushopt", 0, Register::ebx, 23, State::none},
    {"clwb", 0, Register::ebx, 24, State::none},
    {"avx512cd", 0, Register::ebx, 28, State::avx512},
    {"sha_ni", 0, Register::ebx, 29, State::none},
    {"avx512bw", 0, Register::ebx, 30, State::avx512},
    {"avx512vl", 0, Register::ebx, 31, State::avx512},
    {"avx512vbmi", 0, Register::ecx, 1, State::avx512},
    {"waitpkg", 0, Register::ecx, 5, State::none},
    {"avx512_vbmi2", 0, Register::ecx, 6, State::avx512},
    {"gfni", 0, Register::ecx, 8, State::none},
    {"vaes", 0, Register::ecx, 9, State::avx},
    {"vpclmulqdq", 0, Register::ecx, 10, State::avx},
    {"avx512_vnni", 0, Register::ecx, 11, State::avx512},
    {"avx512_bitalg", 0, Register::ecx, 12, State::avx512},
    {"avx512_vpopcntdq", 0, Register::ecx, 14, State::avx512},
    {"rdpid", 0, Register::ecx, 22, State::none},
    {"movdiri", 0, Register::ecx, 27, State::none},
    {"movdir64b", 0, Register::ecx, 28, State::none},
    {"avx512_vp2intersect", 0, Register::edx, 8, State::avx512},
    {"serialize", 0, Register::edx, 14, State::none},
    {"amx_bf16", 0, Register::edx, 22, State::amx},
    {"avx512_fp16", 0, Register::edx, 23, State::avx512},
    {"amx_tile", 0, Register::edx, 24, State::amx},
    {"amx_int8", 0, Register::edx, 25, State::amx},
    {"sha512", 1, Register::eax, 0, State::avx},
    {"sm3", 1, Register::eax, 1, State::avx},
    {"sm4", 1, Register::eax, 2, State::avx},
    {"avx_vnni", 1, Register::eax, 4, State::avx},
    {"avx512_bf16", 1, Register::eax, 5, State::avx512},
    {"amx_fp16", 1, Register::eax, 21, State::amx},
    {"avx_ifma", 1, Register::eax, 23, State::avx},
    {"avx_vnni_int8", 1, Register::edx, 4, State::avx},
    {"avx_ne_convert", 1, Register::edx, 5, State::avx},
    {"amx_complex", 1, Register::edx, 8, State::amx},
    {"avx_vnni_int16", 1, Register::edx, 10, State::avx},
};

std::uint64_t read_xcr0() {
    constexpr unsigned osxsave = 1U << 27U;
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & osxsave) == 0)
        return 0;
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return static_cast<std::uint64_t>(high) << 32U | low;
}

} // namespace

std::vector<std::string_view> read_cpuid() {
    constexpr unsigned leaf = 7;
    unsigned found[2][4] = {};
    unsigned& subleaves = found[0][0]; // the highest, before it is a register of flags
    if (__get_cpuid_count(leaf, 0, &found[0][0], &found[0][1], &found[0][2], &found[0][3]) == 0)
        return {};
    if (subleaves >= 1)
        __get_cpuid_count(leaf, 1, &found[1][0], &found[1][1], &found[1][2], &found[1][3]);
    const std::uint64_t xcr0 = read_xcr0();
    std::vector<std::string_view> names;
    for (const Feature& feature : features) {
        const unsigned flags = found[feature.subleaf][static_cast<unsigned>(feature.in)];
        const auto needed = static_cast<std::uint64_t>(feature.state);
        if ((flags >> feature.bit & 1U) != 0 && (xcr0 & needed) == needed)
            names.push_back(feature.name);
    }
    return names;
}

#else

std::vector<std::string_view> read_cpuid() {
    return {};
}

#endif

} // namespace lpm
