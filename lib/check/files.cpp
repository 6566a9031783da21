// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/text.hpp"
#include "check/themes.hpp"

namespace lpm::check {

Finding judge_stdio(const Facts& facts) {
    if (!facts.stdio)
        return {Verdict::unknown, "the standard streams of the container cannot be read"};
    static constexpr const char* names[] = {"standard input", "standard output", "standard error"};
    for (const StdioFile& file : *facts.stdio)
        if (!file.in_mounts)
            return {Verdict::block, "the container's " + std::string(names[file.fd]) + " is the file " +
                                        one_line(file.path, 200) +
                                        ", which is in none of its mounts: CRIU cannot find it"};
    return {};
}

} // namespace lpm::check
