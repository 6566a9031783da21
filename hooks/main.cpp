// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <csignal>
#include <cstdio>
#include <string_view>
#include <unistd.h>

#include "base/paths.hpp"
#include "hook.hpp"

using namespace lpm;

// Says it and nothing else: whatever has been thrown may be thrown again by what takes memory.
static int end_without_memory(bool required) {
    constexpr std::string_view text = "lpm-hook: memory is short: the container is not looked at\n";
    const auto written = ::write(STDERR_FILENO, text.data(), text.size());
    return required || written < 0 ? static_cast<int>(required) : 0;
}

// lpm-hook: a hook of the OCI runtime, at createRuntime and poststop (docs/hooks.md). The state of the
// container is on standard input.
int main(int argc, char** argv) {
    // A runtime that no longer listens must not make a death by signal of what ends well.
    if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 0;
    if (argc == 2 && std::string_view(argv[1]) == "--version") {
        std::printf("lpm-hook %s\n", paths::version);
        return 0;
    }
    if (argc > 1) {
        hook::say(
            "lpm-hook takes no arguments: its stage is in the state on standard input; correct the args "
            "of the hook");
        return 0; // nobody is refused for how the hook was set up
    }
    hook::HookCall hook;
    try {
        return hook.run(STDIN_FILENO);
    } catch (...) {
        return end_without_memory(hook.required());
    }
}
