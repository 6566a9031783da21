// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "command.hpp"
#include "kubelet_gate.hpp"
#include "node_enable.hpp"
#include "node_status.hpp"

namespace lpm::cli {

namespace {
struct Given : NodeGiven {
    std::string bypass;
    bool renew = false;
    bool kubelet = false;
};
} // namespace

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
    app.add_option(
           "--crio", given->dir,
           "Where CRI-O's crio.conf and crio.conf.d are; else what the CRI-O that runs reads, or /etc/crio")
        ->type_name("DIR");
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
    enabler->add_flag("--renew", given->renew,
                      "Only make a zz-lpm.conf anew that is stale; so before each start of CRI-O");
    for (const char* other : {"--handler", "--runtime-class", "--kubelet", "--plan", "--check"})
        enabler->get_option("--renew")->excludes(enabler->get_option(other));
    CLI::App* disabler = app.add_subcommand("disable", "Remove zz-lpm.conf");
    for (auto* one : {enabler, disabler})
        one->add_flag("--force", given->force, "Also when it was changed by hand; a copy is kept");
    CLI::App* bypasser = app.add_subcommand("bypass", "Switch all of lpm off at once, or on again");
    take_one_of(bypasser->add_option("SWITCH", given->bypass, "on: lpm does nothing")->required(),
                {"on", "off"});
    return [&context, given, status, enabler, disabler]() -> Result<int> {
        if (status->parsed()) {
            TRY_ASSIGN(const crio::Files files, files_of(*given));
            return node_status(context, files);
        }
        const bool looks = enabler->parsed() && (given->plan || given->check);
        if (!looks && ::geteuid() != 0)
            return fail(Errc::denied, "this changes the node's configuration: run it as root");
        if (enabler->parsed())
            return given->kubelet ? enable_kubelet(context, given->plan, given->check)
                   : given->renew ? renew_node(*given)
                                  : enable_node(context, *given);
        return disabler->parsed() ? disable_node(context, *given) : bypass(context, given->bypass == "on");
    };
}

} // namespace lpm::cli
