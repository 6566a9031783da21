// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <unistd.h>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "command.hpp"
#include "crio/drop_in_file.hpp"
#include "diff.hpp"
#include "drop_in.hpp"
#include "kubelet_gate.hpp"
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
    bool kubelet = false;
};
} // namespace

static constexpr const char* restart = "systemctl restart crio";

static std::string list_of(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names)
        text += (text.empty() ? "" : ", ") + one_line(name, 100);
    return text;
}

namespace {
struct Change {
    std::string what; // one line
    std::vector<std::string> handlers;
    std::vector<std::string> cautions; // see check_containers
    bool made = false;                 // else nothing was to do
    std::string manifest{};            // for kubectl: then nothing else is on standard output
};
} // namespace

static void tell(const Context& context, const NodeConfig& node, const Change& change) {
    if (context.format != Format::table)
        return print(context.format, json::Value{{"file", node.path()},
                                                 {"changed", change.made},
                                                 {"handlers", change.handlers},
                                                 {"restart", change.made ? restart : ""},
                                                 {"cautions", change.cautions},
                                                 {"manifest", change.manifest}});
    std::string text = change.what;
    if (change.made)
        text += "\nCRI-O takes it at its next start, and not before: " + std::string(restart);
    for (const auto& caution : change.cautions)
        text += "\n" + caution;
    if (change.manifest.empty())
        return print(text);
    std::fprintf(stderr, "%s\n", text.c_str());
    print(change.manifest);
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

// --check and --plan.
static int compare(const NodeConfig& node, const std::string& text, bool plan) {
    if (plan) {
        print("--- " + (node.drop_in ? node.path() : std::string("/dev/null")) + "\n+++ " + node.path());
        std::fputs(diff_of(node.drop_in.value_or(""), text).c_str(), stdout);
        return yes;
    }
    if (node.drop_in == text)
        return yes;
    std::fprintf(stderr, "lpmctl: %s %s: lpmctl node enable\n", node.path().c_str(),
                 !node.drop_in      ? "is not there"
                 : node.is_edited() ? "was changed by hand"
                                    : "is stale, files before it have changed");
    return no;
}

static Result<std::vector<std::string>> check_all(const NodeConfig& node,
                                                  const std::vector<std::string>& handlers, bool through) {
    std::vector<std::string> cautions;
    for (const auto& name : handlers) {
        const auto next = through ? node.real : implementation_in(node, node.others, name);
        TRY_ASSIGN(std::string caution, check_containers(node, name, next));
        if (!caution.empty())
            cautions.push_back(std::move(caution));
    }
    return cautions;
}

static Result<int> enable(const Context& context, const Given& given) {
    std::optional<crio::DropInFile> file;
    if (!given.plan && !given.check) {
        TRY_ASSIGN(file, crio::DropInFile::open(given.dir));
    }
    TRY_ASSIGN(const NodeConfig node, read_node_config(given.dir));
    Change change{.what = {}, .handlers = wanted_handlers(node, given), .cautions = {}};
    TRY_ASSIGN(const std::string text, node.make(change.handlers));
    if (!file)
        return compare(node, text, given.plan);
    TRY(check_edited(node, given.force));
    TRY(check_programs(node));
    TRY_ASSIGN(change.cautions, check_all(node, change.handlers, true));
    change.made = node.drop_in != text;
    if (change.made) {
        if (node.is_edited())
            TRY(file->keep(*node.drop_in));
        TRY(file->publish(text));
    }
    change.what = node.path() + (change.made ? " is written: " : " is as it should be: ") +
                  list_of(change.handlers) + " through lpm-runc";
    change.manifest = manifest_of(given.runtime_class);
    tell(context, node, change);
    return yes;
}

static Result<int> disable(const Context& context, const Given& given) {
    TRY_ASSIGN(crio::DropInFile file, crio::DropInFile::open(given.dir));
    TRY_ASSIGN(const NodeConfig node, read_node_config(given.dir));
    TRY(check_edited(node, given.force));
    Change change{.what = {}, .handlers = node.handlers, .cautions = {}, .made = node.drop_in.has_value()};
    TRY_ASSIGN(change.cautions, check_all(node, node.handlers, false));
    if (change.made) {
        if (node.is_edited())
            TRY(file.keep(*node.drop_in));
        TRY(file.remove());
    }
    change.what = node.path() + (change.made ? " is removed" : " is not there: nothing to do");
    tell(context, node, change);
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
        ->type_name("DIR")
        ->capture_default_str();
    CLI::App* status = app.add_subcommand("status", "Each handler of CRI-O: through lpm or not");
    CLI::App* enabler =
        app.add_subcommand("enable", "Write zz-lpm.conf, by which handlers go through lpm-runc");
    enabler->add_option("--handler", given->handler, "This one; else those that it has, or the default one")
        ->type_name("NAME");
    enabler
        ->add_option(
            "--runtime-class", given->runtime_class,
            "A handler of this name, beside the others; prints the RuntimeClass for kubectl apply -f -")
        ->type_name("NAME");
    enabler->add_flag("--kubelet", given->kubelet,
                      "Not CRI-O: switch the kubelet's feature gate ContainerCheckpoint on");
    enabler->add_flag("--plan", given->plan, "Show what would change, and change nothing");
    enabler->add_flag("--check", given->check, "Exit with 1 when something would change, and change nothing");
    CLI::App* disabler = app.add_subcommand("disable", "Remove zz-lpm.conf");
    for (auto* one : {enabler, disabler})
        one->add_flag("--force", given->force, "Also when it was changed by hand; a copy is kept");
    CLI::App* bypasser = app.add_subcommand("bypass", "Switch all of lpm off at once, or on again");
    take_one_of(bypasser->add_option("SWITCH", given->bypass, "on: lpm does nothing")->required(),
                {"on", "off"});
    return [&context, given, status, enabler, disabler]() -> Result<int> {
        if (status->parsed())
            return node_status(context, given->dir);
        const bool looks = enabler->parsed() && (given->plan || given->check);
        if (!looks && ::geteuid() != 0)
            return fail(Errc::denied, "this changes the node's configuration: run it as root");
        if (enabler->parsed())
            return given->kubelet ? enable_kubelet(context, given->plan, given->check)
                                  : enable(context, *given);
        return disabler->parsed() ? disable(context, *given) : bypass(context, given->bypass == "on");
    };
}

} // namespace lpm::cli
