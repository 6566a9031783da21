// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node_enable.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <unistd.h>

#include "base/paths.hpp"
#include "base/text.hpp"
#include "crio/drop_in_file.hpp"
#include "crio_unit.hpp"
#include "drop_in.hpp"
#include "inspect/crio_files.hpp"

namespace lpm::cli {

static std::string restart(const std::optional<FileChange>& unit) {
    return std::string(unit ? "systemctl daemon-reload && " : "") + "systemctl restart crio";
}

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
    std::optional<FileChange> unit{};  // see plan_crio_unit
    std::string manifest{};            // for kubectl: then nothing else is on standard output
};
} // namespace

static void tell(const Context& context, const NodeConfig& node, const Change& change) {
    if (context.format != Format::table)
        return print(context.format, json::Value{{"file", node.path()},
                                                 {"changed", change.made},
                                                 {"handlers", change.handlers},
                                                 {"unit", change.unit ? change.unit->path : ""},
                                                 {"restart", change.made ? restart(change.unit) : ""},
                                                 {"cautions", change.cautions},
                                                 {"manifest", change.manifest}});
    std::string text = change.what;
    if (change.unit && !change.unit->after.empty())
        text += "\n" + change.unit->path + " is written: each start of CRI-O makes it anew first";
    else if (change.unit)
        text += "\n" + change.unit->path + " is removed";
    if (change.made)
        text += "\nCRI-O takes it at its next start, and not before: " + restart(change.unit);
    else if (change.unit)
        text += "\nsystemd takes it by: systemctl daemon-reload";
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
static std::vector<std::string> wanted_handlers(const NodeConfig& node, const NodeGiven& given) {
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
                                      node.files.folder + "/..)");
    return {};
}

// --check and --plan.
static int compare(const NodeConfig& node, const std::string& text, const std::optional<FileChange>& unit,
                   const std::vector<std::string>& cautions, bool plan) {
    for (const auto& caution : cautions)
        std::fprintf(stderr, "lpmctl: %s\n", caution.c_str());
    if (plan) {
        show({node.path(), node.drop_in.value_or(""), text});
        if (unit)
            show(*unit);
        return yes;
    }
    if (node.drop_in == text && !unit)
        return yes;
    const bool is_unit = node.drop_in == text;
    std::fprintf(stderr, "lpmctl: %s %s: lpmctl node enable\n",
                 is_unit ? crio_unit_file : node.path().c_str(),
                 is_unit            ? "is not as it should be"
                 : !node.drop_in    ? "is not there"
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

Result<crio::Files> files_of(const NodeGiven& given) {
    if (!given.dir.empty())
        return crio::files_in(given.dir);
    auto files = inspect::known_crio_files();
    if (!files)
        return fail(files.error().code,
                    files.error().text + ": give --crio DIR, where its crio.conf and crio.conf.d are");
    return files;
}

// What goes wrong with the unit's file keeps no handler from going through lpm, or from going back.
static std::optional<FileChange> unit_change(const crio::Files& files, bool wanted,
                                             std::vector<std::string>& cautions) {
    auto change = plan_crio_unit(files, wanted);
    if (change)
        return *std::move(change);
    cautions.push_back(std::move(change).error().text);
    return std::nullopt;
}

static void write_unit(Change& change) {
    if (!change.unit)
        return;
    if (const auto done = write(*change.unit); !done) {
        change.cautions.push_back(done.error().text);
        change.unit.reset();
    }
}

Result<int> enable_node(const Context& context, const NodeGiven& given) {
    TRY_ASSIGN(const crio::Files files, files_of(given));
    std::optional<crio::DropInFile> file;
    if (!given.plan && !given.check) {
        TRY_ASSIGN(file, crio::DropInFile::open(files.folder));
    }
    TRY_ASSIGN(const NodeConfig node, read_node_config(files));
    Change change{.what = {}, .handlers = wanted_handlers(node, given), .cautions = {}};
    TRY_ASSIGN(const std::string text, node.make(change.handlers));
    if (!file)
        return compare(node, text, unit_change(files, true, change.cautions), change.cautions, given.plan);
    TRY(check_edited(node, given.force));
    TRY(check_programs(node));
    TRY_ASSIGN(change.cautions, check_all(node, change.handlers, true));
    change.unit = unit_change(files, true, change.cautions);
    change.made = node.drop_in != text;
    if (change.made) {
        if (node.is_edited())
            TRY(file->keep(*node.drop_in));
        TRY(file->publish(text));
    }
    write_unit(change);
    change.what = node.path() + (change.made ? " is written: " : " is as it should be: ") +
                  list_of(change.handlers) + " through lpm-runc";
    change.manifest = manifest_of(given.runtime_class);
    tell(context, node, change);
    return yes;
}

// Before CRI-O starts: what it runs stays, so no container is in the way of it.
Result<int> renew_node(const NodeGiven& given) {
    TRY_ASSIGN(const crio::Files files, files_of(given));
    TRY_ASSIGN(crio::DropInFile file, crio::DropInFile::open(files.folder));
    TRY_ASSIGN(const NodeConfig node, read_node_config(files));
    if (!node.drop_in)
        return yes;
    TRY(check_edited(node, false));
    TRY_ASSIGN(const std::string text, node.make(node.handlers));
    if (node.drop_in == text)
        return yes;
    TRY(check_programs(node));
    TRY(file.publish(text));
    print(node.path() + " is made anew: files before it have changed");
    return yes;
}

// A drop-in in /etc/crio, of a CRI-O that has its files elsewhere by now.
static void look_elsewhere(const crio::Files& files, std::vector<std::string>& cautions) {
    const std::string usual = crio::files_in(crio::config_dir).folder;
    const std::string other = crio::drop_in_path(usual);
    if (files.folder != usual && ::access(other.c_str(), F_OK) == 0)
        cautions.push_back(other +
                           " is there as well, which this CRI-O does not read: lpmctl node disable --crio " +
                           crio::config_dir);
}

Result<int> disable_node(const Context& context, const NodeGiven& given) {
    TRY_ASSIGN(const crio::Files files, files_of(given));
    auto file = crio::DropInFile::open(files.folder);
    if (!file && file.error().code != Errc::absent) // CRI-O may have gone before us
        return std::unexpected(std::move(file).error());
    TRY_ASSIGN(const NodeConfig node, read_node_config(files));
    TRY(check_edited(node, given.force));
    Change change{
        .what = {}, .handlers = node.handlers, .cautions = {}, .made = file && node.drop_in.has_value()};
    TRY_ASSIGN(change.cautions, check_all(node, node.handlers, false));
    look_elsewhere(files, change.cautions);
    if (change.made) {
        if (node.is_edited())
            TRY(file->keep(*node.drop_in));
        TRY(file->remove());
    }
    change.unit = unit_change(files, false, change.cautions);
    write_unit(change);
    change.what = node.path() + (change.made ? " is removed" : " is not there: nothing to do");
    tell(context, node, change);
    return yes;
}

} // namespace lpm::cli
