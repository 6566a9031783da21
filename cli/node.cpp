// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "command.hpp"
#include "crio/drop_in_file.hpp"
#include "diff.hpp"
#include "drop_in.hpp"
#include "node_status.hpp"

namespace lpm::cli {

namespace {
struct Given {
    std::string dir = crio::config_dir;
    std::string handler;
    std::string runtime_class;
    std::string bypass;
    bool plan = false;
    bool check = false;
    bool force = false;
};
} // namespace

static constexpr const char* restart = "systemctl restart crio";

static std::string list_of(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names)
        text += (text.empty() ? "" : ", ") + one_line(name, 100);
    return text;
}

// A change that was made, or was not necessary. With a manifest on standard output, that is for kubectl only.
static void tell(const Context& context, const NodeConfig& node, const std::vector<std::string>& handlers,
                 bool changed, const std::string& manifest) {
    const std::string what = node.path() + (changed ? " is written" : " is as it should be") + ": " +
                             list_of(handlers) + " through lpm-runc";
    const std::string then =
        changed ? "\nCRI-O takes it at its next start, and not before: " + std::string(restart) : "";
    if (context.format != Format::table)
        print(context.format, json::Value{{"file", node.path()},
                                          {"changed", changed},
                                          {"handlers", handlers},
                                          {"restart", changed ? restart : ""},
                                          {"manifest", manifest}});
    else if (manifest.empty())
        print(what + then);
    else
        std::fprintf(stderr, "%s%s\n", what.c_str(), then.c_str());
    if (context.format == Format::table && !manifest.empty())
        print(manifest);
}

static std::string manifest_of(const std::string& name) {
    return name.empty() ? ""
                        : "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata:\n  name: " + name +
                              "\nhandler: " + name;
}

// Those that the drop-in has, and what is asked for; the default one where that is nothing.
static std::vector<std::string> wanted_handlers(const NodeConfig& node, const Given& given) {
    std::vector<std::string> names = node.handlers;
    for (const auto& name : {given.handler, given.runtime_class})
        if (!name.empty())
            names.push_back(name);
    if (const auto chosen = crio::default_handler(node.others, node.built_in);
        names.empty() && !chosen.empty())
        names.push_back(chosen);
    std::ranges::sort(names);
    names.erase(std::ranges::unique(names).begin(), names.end());
    return names;
}

// CRI-O does not start when the default handler's runtime is not there.
static Result<> check_programs(const NodeConfig& node) {
    const std::string front = paths::handler_program;
    if (!is_lpm(front) || ::access(front.c_str(), X_OK) != 0)
        return fail(Errc::absent, front + " does not lead to lpm-runc: make it a link to " +
                                      std::string(paths::front_program));
    if (node.real.path.empty())
        return fail(Errc::absent, "lpm-runc finds no runtime: lpmctl runtime set PATH");
    return {};
}

static Result<> check_edited(const NodeConfig& node, bool force) {
    if (node.is_edited() && !force)
        return fail(Errc::exists, node.path() +
                                      " was changed after lpmctl had written it, or is not lpmctl's: "
                                      "move what you need to a file before it, and give --force (a copy "
                                      "stays in " +
                                      node.dir + ")");
    return {};
}

static Result<int> enable(const Context& context, const Given& given) {
    TRY_ASSIGN(NodeConfig node, read_node_config(given.dir));
    const auto names = wanted_handlers(node, given);
    TRY_ASSIGN(const std::string text, node.make(names));
    const bool changes = node.drop_in != text;
    if (given.check) {
        if (changes)
            std::fprintf(stderr, "lpmctl: %s %s: lpmctl node enable\n", node.path().c_str(),
                         !node.drop_in      ? "is not there"
                         : node.is_edited() ? "was changed by hand"
                                            : "is stale, files before it have changed");
        return changes ? no : yes;
    }
    if (given.plan) {
        print("--- " + (node.drop_in ? node.path() : std::string("/dev/null")) + "\n+++ " + node.path());
        std::fputs(diff_of(node.drop_in.value_or(""), text).c_str(), stdout);
        return yes;
    }
    TRY(check_edited(node, given.force));
    TRY(check_programs(node));
    for (const auto& name : names)
        TRY(check_containers(node, name, node.real));
    if (changes) {
        TRY_ASSIGN(crio::DropInFile file, crio::DropInFile::open(node.dir));
        if (node.is_edited())
            TRY(file.keep(*node.drop_in));
        TRY(file.publish(text));
    }
    tell(context, node, names, changes, manifest_of(given.runtime_class));
    return yes;
}

static Result<int> disable(const Context& context, const Given& given) {
    TRY_ASSIGN(NodeConfig node, read_node_config(given.dir));
    TRY(check_edited(node, given.force));
    for (const auto& name : node.handlers)
        TRY(check_containers(node, name, implementation_in(node, node.others, name)));
    if (node.drop_in) {
        TRY_ASSIGN(crio::DropInFile file, crio::DropInFile::open(node.dir));
        if (node.is_edited())
            TRY(file.keep(*node.drop_in));
        TRY(file.remove());
    }
    if (context.format != Format::table)
        print(context.format, json::Value{{"file", node.path()},
                                          {"changed", node.drop_in.has_value()},
                                          {"handlers", node.handlers},
                                          {"restart", node.drop_in ? restart : ""}});
    else if (node.drop_in)
        print(node.path() + " is removed\nCRI-O goes on as before until its next start: " + restart);
    else
        print(node.path() + " is not there: nothing to do");
    return yes;
}

static Result<int> bypass(const Context& context, bool on) {
    const std::string path = paths::bypass_file;
    if (on) {
        constexpr mode_t readable = 0644;
        TRY(open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_NOFOLLOW, readable));
    } else if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return fail_errno(errno, "remove " + path);
    }
    if (context.format != Format::table)
        print(context.format, json::Value{{"bypass", on}});
    else
        print(on ? path + " is there: from the next call on lpm-runc does nothing but become the runtime"
                 : path + " is not there: lpm-runc does its work");
    return yes;
}

Action add_node(CLI::App& app, const Context& context) {
    const auto given = std::make_shared<Given>();
    app.require_subcommand(1);
    app.add_option("--crio", given->dir, "Where CRI-O's crio.conf and crio.conf.d are")
        ->capture_default_str();
    CLI::App* status = app.add_subcommand("status", "Each handler of CRI-O: through lpm or not");
    CLI::App* enabler =
        app.add_subcommand("enable", "Write zz-lpm.conf, by which handlers go through lpm-runc");
    enabler->add_option("--handler", given->handler, "This one; else those that it has, or the default one");
    enabler->add_option(
        "--runtime-class", given->runtime_class,
        "A handler of this name, beside the others; prints the RuntimeClass for kubectl apply -f -");
    enabler->add_flag("--plan", given->plan, "Show what would change, and change nothing");
    enabler->add_flag("--check", given->check, "Exit with 1 when something would change, and change nothing");
    CLI::App* disabler = app.add_subcommand("disable", "Remove zz-lpm.conf");
    for (auto* one : {enabler, disabler})
        one->add_flag("--force", given->force, "Also when it was changed by hand; a copy is kept");
    CLI::App* bypasser = app.add_subcommand("bypass", "Switch all of lpm off at once, or on again");
    bypasser->add_option("on|off", given->bypass, "on: lpm does nothing")
        ->required()
        ->check(CLI::IsMember({"on", "off"}));
    return [&context, given, status, enabler, disabler]() -> Result<int> {
        if (status->parsed())
            return node_status(context, given->dir);
        if (enabler->parsed())
            return enable(context, *given);
        return disabler->parsed() ? disable(context, *given) : bypass(context, given->bypass == "on");
    };
}

} // namespace lpm::cli
