// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/runtime.hpp"

#include <algorithm>
#include <chrono>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/process.hpp"
#include "base/text.hpp"

namespace lpm::oci {

using namespace std::chrono_literals;

static constexpr auto patience = 10s;

std::string_view name_of(RuntimeKind kind) {
    switch (kind) {
    case RuntimeKind::runc:
        return "runc";
    case RuntimeKind::crun:
        return "crun";
    case RuntimeKind::unknown:
        break;
    }
    return "unknown";
}

RuntimeKind kind_by_path(std::string_view path) {
    const auto name = path.substr(path.rfind('/') + 1);
    return name.starts_with("crun")   ? RuntimeKind::crun
           : name.starts_with("runc") ? RuntimeKind::runc
                                      : RuntimeKind::unknown;
}

bool RuntimeFacts::lists(const std::vector<std::string>& flags, std::string_view flag) {
    return std::ranges::find(flags, flag) != flags.end();
}

bool next_runtime(RuntimePath& at, Loop loop) {
    while (find_runtime(at, loop))
        if (!same_file(paths::front_program, at.text))
            return true;
    return false;
}

std::string runtime_path(Loop loop) {
    RuntimePath at{};
    return next_runtime(at, loop) ? std::string(at.text) : std::string();
}

// Long flags that a --help text lists: "--name", alone or as "--name value".
static std::vector<std::string> listed_flags(std::string_view help) {
    std::vector<std::string> flags;
    while (!help.empty()) {
        auto line = trim(next_line(help));
        if (!line.starts_with("-"))
            continue;
        const auto at = line.find("--");
        if (at == std::string_view::npos)
            continue;
        line.remove_prefix(at + 2);
        const auto name = line.substr(0, line.find_first_of(" ,=[\t"));
        if (!name.empty())
            flags.emplace_back(name);
    }
    return flags;
}

static std::string help_of(const std::string& runtime, const char* verb) {
    const auto help = run({runtime, verb, "--help"}, patience);
    return help && help->status == 0 ? help->text : std::string();
}

// runc before 1.3 knows soft, full and strict only, and says so on the flag's line.
static bool ignores_cgroups(std::string_view help) {
    while (!help.empty())
        if (const auto line = next_line(help); line.find("--manage-cgroups-mode") != std::string_view::npos)
            return line.find("ignore") != std::string_view::npos;
    return false;
}

RuntimeFacts probe_runtime(const std::string& path) {
    RuntimeFacts facts;
    facts.path = path;
    facts.key = file_key(path);
    const auto output = run({path, "--version"}, patience);
    if (!output || output->status != 0)
        return facts;
    std::string_view rest = output->text;
    auto line = next_line(rest);
    const auto name = next_word(line);
    facts.kind = name == "runc"   ? RuntimeKind::runc
                 : name == "crun" ? RuntimeKind::crun
                                  : RuntimeKind::unknown;
    (void)next_word(line); // "version"
    facts.version = next_word(line);
    // crun lists what it was built with; runc does not say (its `features` claims CRIU even when it lacks
    // it).
    if (facts.kind == RuntimeKind::crun)
        facts.criu = output->text.find("+CRIU") != std::string::npos;
    facts.checkpoint_flags = listed_flags(help_of(path, "checkpoint"));
    const std::string restore = help_of(path, "restore");
    facts.restore_flags = listed_flags(restore);
    facts.ignores_cgroups = ignores_cgroups(restore);
    return facts;
}

} // namespace lpm::oci
