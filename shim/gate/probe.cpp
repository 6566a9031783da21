// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "probe.hpp"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <utility>

#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "criu/tooling.hpp"
#include "delegate.hpp"
#include "linux/boot.hpp"
#include "paths.hpp"

namespace lpm::gate {

using namespace std::chrono_literals;

static constexpr auto patience = 10s;

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

static criu::RuntimeFacts probe_runtime(const std::string& path) {
    criu::RuntimeFacts facts;
    facts.path = path;
    facts.key = criu::file_key(path);
    const auto output = run({path, "--version"}, patience);
    if (!output || output->status != 0)
        return facts;
    std::string_view rest = output->text;
    auto line = next_line(rest);
    const auto name = next_word(line);
    facts.kind = name == "runc"   ? criu::RuntimeKind::runc
                 : name == "crun" ? criu::RuntimeKind::crun
                                  : criu::RuntimeKind::unknown;
    (void)next_word(line); // "version"
    facts.version = next_word(line);
    // crun lists what it was built with; runc does not say (its `features` claims CRIU even when it lacks
    // it).
    if (facts.kind == criu::RuntimeKind::crun)
        facts.criu = output->text.find("+CRIU") != std::string::npos;
    facts.checkpoint_flags = listed_flags(help_of(path, "checkpoint"));
    const std::string restore = help_of(path, "restore");
    facts.restore_flags = listed_flags(restore);
    facts.ignores_cgroups = ignores_cgroups(restore);
    return facts;
}

static Result<> publish(const criu::Tooling& tooling) {
    const std::string_view file = shim::probe_file;
    const auto slash = file.rfind('/');
    TRY_ASSIGN(const Fd root, open_at(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY));
    TRY_ASSIGN(const Fd dir, make_dirs(root.get(), file.substr(1, slash - 1)));
    return replace_file(dir.get(), std::string(file.substr(slash + 1)), criu::write_tooling(tooling), 0600);
}

static void print(const criu::CriuFacts& facts) {
    std::printf("criu %s: %s, network lock %s\n", facts.path.c_str(),
                criu::version_text(facts.version).c_str(), facts.network_lock.value_or("unknown").c_str());
    for (const auto& [what, failure] :
         {std::pair{"a dump of a sleeping process", facts.dump_failure}, {"criu check", facts.check_failure}})
        if (failure && !failure->empty())
            std::fprintf(stderr, "lpm-gate: %s fails: %s\n", what, failure->c_str());
}

int probe() {
    criu::Tooling tooling;
    tooling.boot_id = boot_id();
    const std::string runtime = runtime_path();
    if (!runtime.empty())
        tooling.runtimes.push_back(probe_runtime(runtime));
    const char* path = ::getenv("PATH"); // NOLINT: one thread
    const std::string criu =
        criu::find_in_path("criu", path == nullptr ? "/usr/sbin:/usr/bin:/sbin:/bin" : path);
    if (!criu.empty())
        tooling.crius.push_back(probe_criu(criu));

    for (const auto& facts : tooling.runtimes)
        std::printf("runtime %s: %s %s, %zu checkpoint flags\n", facts.path.c_str(),
                    std::string(criu::name_of(facts.kind)).c_str(), facts.version.c_str(),
                    facts.checkpoint_flags.size());
    for (const auto& facts : tooling.crius)
        print(facts);
    if (runtime.empty())
        std::fprintf(stderr, "lpm-gate: no container runtime: point %s at the runc that is built with CRIU\n",
                     shim::configured_runtime);
    if (criu.empty())
        std::fprintf(stderr, "lpm-gate: criu is not on PATH: install CRIU 4.2 or newer\n");
    if (const auto done = publish(tooling); !done) {
        std::fprintf(stderr, "lpm-gate: %s: %s\n", shim::probe_file, done.error().text.c_str());
        return 1;
    }
    return runtime.empty() ? 1 : 0;
}

} // namespace lpm::gate
