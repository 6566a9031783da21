// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/runtime.hpp"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <utility>

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

// Nothing when it did not answer; empty when it does not know the verb.
static std::optional<std::string> help_of(const std::string& runtime, const char* verb) {
    constexpr int killed = 128;
    auto help = run({runtime, verb, "--help"}, patience);
    if (!help || help->status > killed)
        return std::nullopt;
    return help->status == 0 ? std::move(help->text) : std::string();
}

// runc before 1.3 knows soft, full and strict only, and says so on the flag's line.
static bool ignores_cgroups(std::string_view help) {
    while (!help.empty())
        if (const auto line = next_line(help); line.find("--manage-cgroups-mode") != std::string_view::npos)
            return line.find("ignore") != std::string_view::npos;
    return false;
}

void parse_version(std::string_view output, RuntimeFacts& to) {
    while (!output.empty()) {
        auto line = next_line(output);
        const auto name = next_word(line);
        for (const RuntimeKind kind : {RuntimeKind::runc, RuntimeKind::crun})
            if (name == name_of(kind) && next_word(line) == "version") {
                to.kind = kind;
                to.version = next_word(line);
                return;
            }
    }
}

std::optional<bool> names_library(const std::string& path, std::string_view library) {
    constexpr std::size_t most = std::size_t{64} << 20;
    const auto program = read_file(AT_FDCWD, path, most);
    if (!program || !program->starts_with("\x7f"
                                          "ELF"))
        return std::nullopt;
    return program->contains(library);
}

// crun loads CRIU's library at a checkpoint only, and its --version claims +CRIU without it.
static std::string missing_library(const std::string& path) {
    constexpr std::string_view library = "libcriu.so.2";
    const auto cache = run({"ldconfig", "-p"}, patience, std::size_t{4} << 20);
    const bool told = cache && cache->status == 0 && !cache->text.empty();
    return told && names_library(path, library) == true && !cache->text.contains(library)
               ? std::string(library)
               : std::string();
}

std::optional<RuntimeFacts> probe_runtime(const std::string& path) {
    RuntimeFacts facts;
    facts.path = path;
    facts.key = file_key(path);
    const auto output = run({path, "--version"}, patience);
    const auto checkpoint = help_of(path, "checkpoint");
    const auto restore = help_of(path, "restore");
    if (!output || output->status != 0 || !checkpoint || !restore)
        return std::nullopt;
    parse_version(output->text, facts);
    // crun lists what it was built with; runc does not say (its `features` claims CRIU even when it lacks
    // it).
    if (facts.kind == RuntimeKind::crun) {
        facts.criu = output->text.contains("+CRIU");
        facts.missing_library = missing_library(path);
    }
    facts.checkpoint_flags = listed_flags(*checkpoint);
    facts.restore_flags = listed_flags(*restore);
    facts.ignores_cgroups = ignores_cgroups(*restore);
    return facts;
}

} // namespace lpm::oci
