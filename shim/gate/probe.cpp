// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "verbs.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sysexits.h>
#include <unistd.h>
#include <utility>

#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/process.hpp"
#include "config/settings.hpp"
#include "criu/probe.hpp"
#include "criu/tooling.hpp"
#include "linux/boot.hpp"

namespace lpm::gate {

static Result<> publish(const criu::Tooling& tooling) {
    const std::string_view file = paths::probe_file;
    const auto slash = file.rfind('/');
    TRY_ASSIGN(const Fd root, open_at(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY));
    TRY_ASSIGN(const Fd dir, make_dirs(root.get(), file.substr(1, slash - 1)));
    return replace_file(dir.get(), std::string(file.substr(slash + 1)), criu::write_tooling(tooling), 0640);
}

// The front looks for a file only.
static Result<> set_restore_switch(bool on) {
    const std::string_view file = paths::restore_switch;
    const auto slash = file.rfind('/');
    const auto dir = open_at(AT_FDCWD, std::string(file.substr(0, slash)), O_RDONLY | O_DIRECTORY);
    if (!dir)
        return on ? std::unexpected(dir.error()) : Result<>();
    const std::string name(file.substr(slash + 1));
    if (on)
        return replace_file(dir->get(), name, "", 0644);
    return ::unlinkat(dir->get(), name.c_str(), 0) == 0 || errno == ENOENT ? Result<>()
                                                                           : fail_errno(errno, name);
}

static void print(const criu::CriuFacts& facts) {
    std::printf("criu %s: %s, network lock %s\n", facts.path.c_str(),
                criu::version_text(facts.version).c_str(), facts.network_lock.value_or("unknown").c_str());
    for (const auto& [what, failure] :
         {std::pair{"a dump of a sleeping process", facts.dump_failure}, {"criu check", facts.check_failure}})
        if (failure && !failure->empty())
            std::fprintf(stderr, "lpm-gate: %s fails: %s\n", what, failure->c_str());
    if (facts.network_lock == "iptables" && facts.lock_failure && !facts.lock_failure->empty())
        std::fprintf(stderr, "lpm-gate: iptables-restore, with which CRIU locks the network, fails: %s\n",
                     facts.lock_failure->c_str());
}

int probe() {
    criu::Tooling tooling;
    tooling.boot_id = boot_id();
    const std::string runtime = oci::runtime_path();
    if (!runtime.empty())
        if (auto facts = oci::probe_runtime(runtime))
            tooling.runtimes.push_back(*std::move(facts));
    const char* path = ::getenv("PATH"); // NOLINT: one thread
    const std::string criu_path =
        find_in_path("criu", path == nullptr ? "/usr/sbin:/usr/bin:/sbin:/bin" : path);
    if (!criu_path.empty())
        tooling.crius.push_back(criu::probe_criu(criu_path));
    const bool all = (runtime.empty() || !tooling.runtimes.empty()) &&
                     std::ranges::all_of(tooling.crius, &criu::CriuFacts::complete);
    tooling =
        criu::merge(std::move(tooling), criu::read_tooling(paths::probe_file, boot_id()),
                    [](const std::string& file, const std::string& key) { return file_key(file) == key; });

    for (const auto& facts : tooling.runtimes)
        std::printf("runtime %s: %s %s, %zu checkpoint flags\n", facts.path.c_str(),
                    std::string(oci::name_of(facts.kind)).c_str(), facts.version.c_str(),
                    facts.checkpoint_flags.size());
    for (const auto& facts : tooling.crius)
        print(facts);
    if (runtime.empty())
        std::fprintf(stderr, "lpm-gate: no container runtime: point %s at the runc that is built with CRIU\n",
                     paths::configured_runtime);
    if (criu_path.empty())
        std::fprintf(stderr, "lpm-gate: criu is not on PATH: install CRIU 4.2 or newer\n");
    const auto settings = config::read(paths::settings_file);
    if (!settings.restore_unread.empty()) {
        std::fprintf(stderr, "lpm-gate: %s stays as it is: %s\n", paths::restore_switch,
                     settings.restore_unread.c_str());
    } else if (const auto done = set_restore_switch(settings.restore_at_create); !done) {
        std::fprintf(stderr, "lpm-gate: %s: %s\n", paths::restore_switch, done.error().text.c_str());
        return 1;
    }
    if (settings.restore_at_create)
        std::printf("containers are restored at their create when their pod asks for it\n");
    if (const auto done = publish(tooling); !done) {
        std::fprintf(stderr, "lpm-gate: %s: %s\n", paths::probe_file, done.error().text.c_str());
        return 1;
    }
    if (!all)
        std::fprintf(stderr,
                     "lpm-gate: not all could be told, for reasons that may pass (what was known stays): "
                     "run lpm-gate --probe again\n");
    return runtime.empty() ? 1 : all ? 0 : EX_TEMPFAIL;
}

} // namespace lpm::gate
