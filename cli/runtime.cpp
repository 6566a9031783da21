// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "command.hpp"
#include "crio/crio.hpp"
#include "inspect/crio_files.hpp"
#include "runtimes.hpp"

namespace lpm::cli {

// Where the link leads; empty when it is none.
static std::string link_target() {
    std::string target(4096, '\0');
    const auto size = ::readlink(paths::configured_runtime, target.data(), target.size());
    target.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return target;
}

static Result<int> get(const Context& context) {
    const Implementation now = real_runtime();
    const std::string target = link_target();
    if (context.format != Format::table)
        print(context.format, json::Value{{"link", paths::configured_runtime},
                                          {"target", target},
                                          {"path", now.path},
                                          {"kind", oci::name_of(now.kind)},
                                          {"version", now.version}});
    else if (!now.path.empty())
        print(now.path);
    if (now.path.empty())
        return fail(Errc::absent,
                    std::string(paths::configured_runtime) + " leads to no runtime" +
                        (target.empty() ? "" : " (" + one_line(target) + ")") +
                        ", and runc is in none of its usual places: install it, or lpmctl runtime "
                        "set PATH");
    if (!target.empty() && target != now.path)
        std::fprintf(stderr, "lpmctl: %s leads to %s, which is no runtime: lpm-runc runs %s instead\n",
                     paths::configured_runtime, one_line(target).c_str(), now.path.c_str());
    return target.empty() || target == now.path ? yes : no;
}

static Result<> check_file(const std::string& path) {
    struct stat file{};
    if (!path.starts_with('/'))
        return fail(Errc::invalid, one_line(path) + ": give the whole path, from / on");
    if (::stat(path.c_str(), &file) != 0)
        return fail_errno(errno, one_line(path));
    if (!S_ISREG(file.st_mode) || ::access(path.c_str(), X_OK) != 0)
        return fail(Errc::invalid, one_line(path) + " is no program: give the path of runc or crun");
    if (is_lpm(path) || calls_lpm(path))
        return fail(Errc::invalid, one_line(path) +
                                       " leads back to lpm-runc, which would call itself for ever: "
                                       "give the path of runc or crun itself");
    return {};
}

// It is asked, so that nothing is set that does not run.
static Result<Implementation> ask_version(const std::string& path, bool force) {
    constexpr std::chrono::seconds patience{10};
    const auto said = lpm::run({path, "--version"}, patience);
    oci::RuntimeFacts facts;
    if (said && said->status == 0)
        oci::parse_version(said->text, facts);
    if (facts.kind == oci::RuntimeKind::unknown && !force)
        return fail(Errc::invalid, one_line(path) + " --version does not say that it is runc or crun" +
                                       (said ? "" : " (" + said.error().text + ")") +
                                       ": give another path, or --force");
    return Implementation{.path = path, .version = facts.version, .kind = facts.kind};
}

static Result<> check_change(const Implementation& next) {
    const Implementation now = real_runtime();
    if (now.path.empty() || now.is_like(next))
        return {};
    const auto files = inspect::known_crio_files();
    if (!files)
        return fail(files.error().code, files.error().text +
                                            ", so that its containers are not known: drain the "
                                            "node first, and give --force");
    const auto live = live_text(crio::state_roots(crio::read_configuration(*files)));
    if (!live.empty())
        return fail(Errc::busy, "lpm-runc runs " + now.text() + ", and " + live + ": " + next.text() +
                                    " may not know their states; drain the node first, or give --force");
    return {};
}

// The link is there at each moment, old or new.
static Result<> set_link(const std::string& target) {
    std::string folder = paths::configured_runtime;
    const std::string name = folder.substr(folder.rfind('/') + 1);
    folder.resize(folder.rfind('/'));
    TRY_ASSIGN(const Fd dir, open_at(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY));
    const std::string draft = draft_name(name, ::getpid());
    ::unlinkat(dir.get(), draft.c_str(), 0);
    if (::symlinkat(target.c_str(), dir.get(), draft.c_str()) != 0)
        return fail_errno(errno, "make a link in " + folder);
    if (::renameat(dir.get(), draft.c_str(), dir.get(), name.c_str()) != 0) {
        const int error = errno;
        ::unlinkat(dir.get(), draft.c_str(), 0);
        return fail_errno(error, "rename to " + std::string(paths::configured_runtime));
    }
    return sync_dir(dir.get());
}

static Result<int> set(const Context& context, const std::string& path, bool force) {
    TRY(check_file(path));
    TRY_ASSIGN(const Implementation next, ask_version(path, force));
    struct stat old{};
    if (!force && ::lstat(paths::configured_runtime, &old) == 0 && !S_ISLNK(old.st_mode))
        return fail(Errc::exists, std::string(paths::configured_runtime) +
                                      " is no link but a file: move it away, or give --force to lose it");
    if (!force)
        TRY(check_change(next));
    TRY(set_link(path));
    if (context.format != Format::table)
        print(context.format, json::Value{{"link", paths::configured_runtime},
                                          {"target", path},
                                          {"path", path},
                                          {"kind", oci::name_of(next.kind)},
                                          {"version", next.version}});
    else
        print(std::string(paths::configured_runtime) + " leads to " + next.text() +
              ", from the next call on. Its flags are found out by: lpm-gate --probe");
    return yes;
}

Action add_runtime(CLI::App& app, const Context& context) {
    struct Given {
        std::string path;
        bool force = false;
    };
    const auto given = std::make_shared<Given>();
    app.require_subcommand(1);
    CLI::App* getter = app.add_subcommand("get", "Which runtime lpm-runc becomes");
    CLI::App* setter = app.add_subcommand("set", "Make /etc/lpm/runtime a link to another one");
    setter->add_option("PATH", given->path, "Of runc or crun")->type_name("")->required();
    setter->add_flag("--force", given->force, "Also while containers of another implementation live");
    return [&context, given, getter]() -> Result<int> {
        if (getter->parsed())
            return get(context);
        if (::geteuid() != 0)
            return fail(Errc::denied, "this changes the node's configuration: run it as root");
        return set(context, given->path, given->force);
    };
}

} // namespace lpm::cli
