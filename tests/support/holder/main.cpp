// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// holder CASE [ARGUMENT]: gets hold of what a checkpoint cannot take (or, with another argument, of its
// harmless twin), then prints "NONCE VALUE" for ever as counter does. The first line says that it has it.
#include "holder.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../counting.hpp"

namespace holder {

long must(long result, const char* what) {
    if (result >= 0)
        return result;
    std::printf("holder: %s: %s\n", what, std::strerror(errno));
    std::fflush(stdout);
    std::_Exit(1);
}

void unknown(const std::string& argument) {
    std::printf("holder: no such argument: %s\n", argument.c_str());
    std::fflush(stdout);
    std::_Exit(2);
}

static const Case* find(const std::string& name) {
    for (const auto& table : {network, files, channels, namespaces, processes})
        for (const Case& one : table)
            if (one.name == name)
                return &one;
    return nullptr;
}

} // namespace holder

int main(int argc, char** argv) {
    const auto* one = argc == 2 || argc == 3 ? holder::find(argv[1]) : nullptr;
    if (one == nullptr)
        holder::unknown(argc > 1 ? argv[1] : "");
    one->hold(argc == 3 ? argv[2] : "");
    count_for_ever(100);
}
