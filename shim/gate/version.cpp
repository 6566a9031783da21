// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "verbs.hpp"

#include <cstdio>
#include <fcntl.h>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"

namespace lpm::gate {

// The build that stands in the file of lpm-runc.
static std::string find_front() {
    constexpr std::size_t most = std::size_t{1} << 20; // it has some 13 KiB
    const auto program = read_file(AT_FDCWD, paths::front_program, most);
    if (!program)
        return program.error().sys == ENOENT ? "not installed" : program.error().text;
    const auto at = program->find(paths::front_mark);
    if (at == std::string::npos)
        return "not a lpm-runc that tells its build";
    const std::string_view rest = std::string_view(*program).substr(at + sizeof(paths::front_mark) - 1);
    return one_line(rest.substr(0, rest.find('\0')), 64);
}

int version() {
    std::printf("lpm-gate %s\n%s: %s\n", paths::version, paths::front_program, find_front().c_str());
    return 0;
}

} // namespace lpm::gate
