// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "base/text.hpp"
#include "kube/kinds.hpp"
#include "kubectl/object.hpp"
#include "kubectl/wait.hpp"

namespace lpm::cli::kubectl {

namespace {
struct Asked {
    std::string pod;
    std::string container;
    std::string name;
    std::optional<int> timeout;
    std::optional<int> ttl;
    std::string policy;
    std::vector<std::string> options;
    bool dry_run = false;
    bool wait = false;
    bool keep = false;
    std::string wait_timeout;
};
} // namespace

static Result<> add_options(const std::vector<std::string>& options, json::Value& spec) {
    for (const auto& option : options) {
        std::string_view value = option;
        const std::string key(next_part(value, '='));
        if (key.empty() || key.size() == option.size())
            return fail(Errc::invalid, "--option " + one_line(option) + ": must be NAME=VALUE, as tcp=close");
        spec["options"][key] = std::string(value);
    }
    return {};
}

static Result<json::Value> object_of(Session& session, const Asked& asked) {
    TRY_ASSIGN(const std::string pod, read_name(asked.pod, Kind::pod));
    std::string container = asked.container;
    if (container.empty()) {
        TRY_ASSIGN(const json::Value found, session.read_pod(pod));
        TRY_ASSIGN(container, default_container(found));
    }
    json::Value spec{{"podName", pod}, {"containerName", container}};
    if (asked.timeout)
        spec["timeoutSeconds"] = *asked.timeout;
    if (asked.ttl)
        spec["ttlSecondsAfterFinished"] = *asked.ttl;
    if (!asked.policy.empty())
        spec["deletionPolicy"] = asked.policy;
    if (asked.dry_run)
        spec["dryRun"] = true;
    TRY(add_options(asked.options, spec));
    json::Value metadata{{"generateName", pod + "-"}}; // the server cuts it
    if (!asked.name.empty()) {
        TRY_ASSIGN(const std::string name, read_name(asked.name, Kind::checkpoint));
        metadata = {{"name", name}};
    }
    return json::Value{{"apiVersion", kube::group_version},
                       {"kind", "ContainerCheckpoint"},
                       {"metadata", std::move(metadata)},
                       {"spec", std::move(spec)}};
}

static std::string how_to_look(const Session& session, const json::Value& object) {
    return "kubectl lpm describe " + name_of(object) + " -n " + session.space() + " shows it";
}

// It goes on without us.
static Result<int> leave(const Session& session, const json::Value& object, bool by_user) {
    const std::string stays = title_of(object) + " stays and goes on (" + progress_text(object) +
                              "): " + how_to_look(session, object) + ", kubectl delete ckpt " +
                              name_of(object) + " -n " + session.space() + " removes it";
    if (!by_user)
        return fail(Errc::busy, "the wait is over, " + stays);
    std::fprintf(stderr, "kubectl lpm: interrupted: %s\n", stays.c_str());
    return interrupted;
}

static std::string taken_text(const json::Value& object) {
    Description text;
    add_archive(object, text);
    add_times(object, text);
    add_checks(object, text);
    return title_of(object) + " completed\n" + text.text();
}

static Result<int> finish(const Context& context, Session& session, const json::Value& object,
                          const Patience& patience) {
    const End end = end_of(object);
    if (!context.output.is_text())
        print_object(context.output, object);
    else if (end == End::completed)
        print(taken_text(object));
    if (end == End::open)
        return leave(session, object, patience.is_interrupted());
    if (end == End::completed)
        return yes;
    return fail(Errc::invalid, title_of(object) + (end == End::refused ? " was refused: " : " has failed: ") +
                                   why_text(object));
}

static Result<int> checkpoint(const Context& context, const Asked& asked) {
    TRY_ASSIGN(const auto session, Session::open(context));
    TRY_ASSIGN(const json::Value wanted, object_of(*session, asked));
    std::optional<Patience> patience;
    if (asked.wait)
        patience.emplace(read_duration(asked.wait_timeout).value_or(std::chrono::seconds(0)));
    TRY_ASSIGN(json::Value object, session->create(wanted));
    if (context.output.is_text())
        print(title_of(object) + " created");
    else if (!asked.wait)
        print_object(context.output, object);
    std::fflush(stdout);
    if (!patience)
        return yes;
    TRY_ASSIGN(object, wait_for_end(*session, std::move(object), *patience));
    return finish(context, *session, object, *patience);
}

// An object of which nobody has need any more.
static void remove_object(Session& session, const json::Value& object) {
    const auto removed =
        session.client().remove(session.path(name_of(object)), json::text_or_empty(object, "metadata.uid"));
    if (!removed && removed.error().code != Errc::absent)
        std::fprintf(stderr, "kubectl lpm: %s stays: %s; remove it with kubectl delete ckpt %s -n %s\n",
                     title_of(object).c_str(), removed.error().text.c_str(), name_of(object).c_str(),
                     session.space().c_str());
}

static Result<int> judge(const Context& context, const json::Value& object, const Patience& patience) {
    if (end_of(object) == End::open && patience.is_interrupted()) {
        std::fputs("kubectl lpm: interrupted: nobody knows yet what the checks say\n", stderr);
        return interrupted;
    }
    if (end_of(object) == End::open)
        return fail(Errc::busy, "the wait is over before the checks were made: " + progress_text(object) +
                                    "; see that lpm-controller runs, or give more --wait-timeout");
    if (context.output.is_text())
        print(verdict_text(object));
    else
        print_object(context.output, object);
    return end_of(object) == End::completed ? yes : no;
}

static Result<int> preflight(const Context& context, Asked asked) {
    constexpr int longest = 3600; // of the CRD
    const auto time = read_duration(asked.wait_timeout).value_or(std::chrono::seconds(0));
    constexpr int left_behind = 300; // by a client that was killed before it could delete it
    asked.dry_run = true;
    if (!asked.keep)
        asked.ttl = left_behind;
    asked.timeout = static_cast<int>(std::min<std::int64_t>(time.count(), longest));
    TRY_ASSIGN(const auto session, Session::open(context));
    TRY_ASSIGN(const json::Value wanted, object_of(*session, asked));
    constexpr std::chrono::seconds more{5}; // the object says itself what its time was not enough for
    const Patience patience(time + more);
    TRY_ASSIGN(const json::Value made, session->create(wanted));
    auto object = wait_for_end(*session, made, patience);
    if (!asked.keep)
        remove_object(*session, made);
    if (!object)
        return std::unexpected(std::move(object).error());
    return judge(context, *object, patience);
}

static void add_common(CLI::App& app, Asked& asked) {
    app.add_option("POD", asked.pod, "Name of a pod, also as pod/NAME")->type_name("")->required();
    app.add_option("-c,--container", asked.container,
                   "Name of the container; of a pod that has several, and no default, it must be given")
        ->type_name("CONTAINER");
    app.add_option("--name", asked.name, "Of the ContainerCheckpoint; else one is made of the pod's")
        ->type_name("NAME");
    app.add_option("--option", asked.options, "Of CRIU, where the node allows it: tcp=close")
        ->type_name("NAME=VALUE")
        ->take_all()
        ->allow_extra_args(false);
}

Action add_checkpoint(CLI::App& app, const Context& context) {
    const auto asked = std::make_shared<Asked>();
    asked->wait_timeout = "30m";
    add_common(app, *asked);
    app.add_option("--timeout", asked->timeout, "timeoutSeconds: how long new attempts may begin")
        ->check(CLI::Range(1, 3600).description(""))
        ->type_name("SECONDS");
    app.add_option("--ttl", asked->ttl, "ttlSecondsAfterFinished: the object goes so long after its end")
        ->check(CLI::Range(0, 2147483647).description(""))
        ->type_name("SECONDS");
    take_one_of(app.add_option("--deletion-policy", asked->policy,
                               "What becomes of the archive when the object is deleted"),
                {"Retain", "Delete"});
    app.add_flag("--wait", asked->wait, "Until it has ended: each change is a line on standard error");
    add_wait_timeout(app, asked->wait_timeout);
    return [&context, asked] { return checkpoint(context, *asked); };
}

Action add_preflight(CLI::App& app, const Context& context) {
    const auto asked = std::make_shared<Asked>();
    asked->wait_timeout = "90s";
    add_common(app, *asked);
    app.add_flag("--keep", asked->keep, "The ContainerCheckpoint that asks (dryRun) is not deleted");
    add_wait_timeout(app, asked->wait_timeout);
    return [&context, asked] { return preflight(context, *asked); };
}

} // namespace lpm::cli::kubectl
