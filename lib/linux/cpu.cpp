// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/cpu.hpp"

#include <algorithm>
#include <fcntl.h>

#include "base/file.hpp"
#include "base/text.hpp"
#include "linux/cpuid.hpp"

namespace lpm {

// Of x86. Families that grow are told by how their names begin. Hints that older processors take for nothing
// (hle, cldemote) and what only the kernel or a hypervisor can use (smx, sme, rdt_a, xsaves) are not here.
static constexpr std::string_view families[] = {"sse",    "avx",     "amx_", "bmi",    "sha",
                                                "pclmul", "vpclmul", "fma",  "movdir", "clflush"};
static constexpr std::string_view single[] = {
    "cx8",           "cmov",   "mmx",      "fxsr",  "syscall",  "3dnow",     "3dnowext",
    "3dnowprefetch", "pni",    "ssse3",    "cx16",  "aes",      "vaes",      "gfni",
    "xop",           "f16c",   "adx",      "movbe", "popcnt",   "abm",       "tbm",
    "clwb",          "clzero", "fsgsbase", "rtm",   "waitpkg",  "serialize", "lahf_lm",
    "ospke",         "enqcmd", "lwp",      "sm3",   "sm4",      "rdrand",    "rdseed",
    "rdtscp",        "rdpid",  "rdpru",    "xsave", "xsaveopt", "xsavec",    "user_shstk"};
// Of ARM, where all others are instructions.
static constexpr std::string_view kernel_only[] = {"evtstrm", "cpuid"};

static bool for_programs(std::string_view name) {
    return std::ranges::find(single, name) != std::end(single) ||
           std::ranges::any_of(families, [&](std::string_view family) { return name.starts_with(family); });
}

Result<std::string> parse_cpu_features(std::string_view cpuinfo) {
    while (!cpuinfo.empty()) {
        auto line = next_line(cpuinfo);
        const auto colon = line.find(':');
        const auto key = trim(line.substr(0, colon));
        const bool x86 = key == "flags";
        if (colon == std::string_view::npos || !(x86 || key == "Features"))
            continue;
        line.remove_prefix(colon + 1);
        std::string features;
        for (auto word = next_word(line); !word.empty(); word = next_word(line)) {
            if (x86 ? !for_programs(word) : std::ranges::find(kernel_only, word) != std::end(kernel_only))
                continue;
            if (!features.empty())
                features += ' ';
            features += word;
        }
        return features;
    }
    return fail(Errc::absent, "cpuinfo: no flags");
}

static bool has_word(std::string_view text, std::string_view wanted) {
    for (auto word = next_word(text); !word.empty(); word = next_word(text))
        if (word == wanted)
            return true;
    return false;
}

Result<std::string> read_cpu_features() {
    constexpr std::size_t first_processor = 16384;
    TRY_ASSIGN(const std::string text, read_head(AT_FDCWD, "/proc/cpuinfo", first_processor));
    TRY_ASSIGN(std::string features, parse_cpu_features(text));
    for (const auto name : read_cpuid())
        if (!has_word(features, name))
            features.append(" ").append(name);
    return features;
}

std::string missing_words(std::string_view wanted, std::string_view have) {
    std::string missing;
    for (auto word = next_word(wanted); !word.empty(); word = next_word(wanted))
        if (!has_word(have, word)) {
            if (!missing.empty())
                missing += ' ';
            missing += word;
        }
    return missing;
}

} // namespace lpm
