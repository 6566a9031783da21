// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "cri_facts.hpp"

#include <string_view>

#include "base/text.hpp"
#include "status.hpp"

namespace lpm::sidecar {

using grpc::StatusCode;

static constexpr int most_entries = 1000;       // of each list that a runtime may tell
static constexpr std::size_t most_config = 200; // members
// Answers are at most 1 MiB (ask_cri.cpp). Configurations are some 20 KiB.
static constexpr json::Limits limits{.bytes = std::size_t{1} << 20, .depth = 32, .values = 50'000};

// CRI-O's: server/container_checkpoint.go. Its status code differs from one version to the next.
static constexpr std::string_view crio_is_off = "checkpoint/restore support not available";

// gRPC's own word for an answer that came and could not be read. A runtime's "Unimplemented" has another
// text.
static constexpr std::string_view unreadable = "No message returned for unary request";

json::Value unknown(std::string why) {
    return {{"unknown", std::move(why)}};
}

bool is_unknown(const json::Value& facts) {
    return facts.is_object() && facts.contains("unknown");
}

static bool lacks_call(const grpc::Status& how) {
    return how.error_code() == StatusCode::UNIMPLEMENTED && how.error_message() != unreadable;
}

// Why a call has no answer, and what to do.
static json::Value not_answered(const grpc::Status& how) {
    if (how.error_message() == unreadable)
        return unknown(
            "what came is no answer of the CRI: is this the socket of a container runtime? Name it by "
            "--endpoint");
    std::string why = name_of(how.error_code());
    if (!how.error_message().empty())
        why.append(": ").append(one_line(how.error_message()));
    switch (how.error_code()) {
    case StatusCode::DEADLINE_EXCEEDED:
        why = "it has not answered in time: is it overloaded, or does it hang? Its journal may say so "
              "(journalctl -u crio); --timeout waits longer";
        break;
    case StatusCode::UNIMPLEMENTED:
        why.append(
            "; it has no such call of the CRI v1, which every runtime for Kubernetes 1.26 and newer has: "
            "upgrade the runtime, or name another one's socket by --endpoint");
        break;
    case StatusCode::UNAVAILABLE:
        why.append("; is this the socket of a container runtime, and did it end just now? Ask again, or name "
                   "another socket by --endpoint");
        break;
    default:
        why.append(
            "; is this the socket of a container runtime? Its journal may say more (journalctl -u crio)");
    }
    return unknown(std::move(why));
}

json::Value version_facts(const grpc::Status& how, const ::runtime::v1::VersionResponse& answer) {
    if (!how.ok())
        return not_answered(how);
    if (answer.runtime_name().empty())
        return unknown("it does not say what it is: is this the socket of a container runtime?");
    return {{"runtime", one_line(answer.runtime_name())},
            {"version", one_line(answer.runtime_version())},
            {"api", one_line(answer.runtime_api_version())}};
}

static json::Value conditions(const ::runtime::v1::RuntimeStatus& status) {
    if (status.conditions_size() == 0)
        return unknown("it tells of none");
    if (status.conditions_size() > most_entries)
        return unknown("it tells of more than " + std::to_string(most_entries));
    json::Value list = json::Value::array();
    for (const auto& one : status.conditions())
        list.push_back({{"type", one_line(one.type())},
                        {"status", one.status()},
                        {"reason", one_line(one.reason())},
                        {"message", one_line(one.message())}});
    return list;
}

// In the order of their names: CRI-O's own changes from one answer to the next.
static json::Value handlers(const ::runtime::v1::StatusResponse& answer) {
    if (answer.runtime_handlers_size() == 0)
        return unknown("it tells of none: it is older than Kubernetes 1.30's CRI");
    if (answer.runtime_handlers_size() > most_entries)
        return unknown("it tells of more than " + std::to_string(most_entries));
    json::Value all = json::Value::object();
    for (const auto& one : answer.runtime_handlers())
        all[one_line(one.name())] =
            one.has_features()
                ? json::Value{{"recursive_read_only_mounts", one.features().recursive_read_only_mounts()},
                              {"user_namespaces", one.features().user_namespaces()}}
                : unknown("it tells nothing of its features");
    return all;
}

static Result<json::Value> parse_config(const ::runtime::v1::StatusResponse& answer) {
    const auto found = answer.info().find("config");
    if (found == answer.info().end())
        return fail(Errc::absent, "it tells nothing of its configuration");
    auto parsed = json::parse(found->second, limits);
    if (!parsed)
        return fail(Errc::invalid, "what it tells cannot be read: " + one_line(parsed.error().text));
    if (!parsed->is_object())
        return fail(Errc::invalid, "what it tells is no JSON object");
    return parsed;
}

// A text or a flag.
static json::Value member(const json::Value& object, const char* name) {
    const json::Value* found = json::find(object, name);
    if (found != nullptr && found->is_string())
        return one_line(found->get_ref<const std::string&>());
    if (found != nullptr && found->is_boolean())
        return *found;
    return unknown("it does not tell");
}

// Of a list of Go, which is null when it is empty.
static json::Value texts(const json::Value& object, const char* name) {
    const json::Value* found = json::find(object, name);
    if (found == nullptr || !(found->is_array() || found->is_null()))
        return unknown("it does not tell");
    json::Value list = json::Value::array();
    for (const auto& one : *found)
        if (one.is_string())
            list.push_back(one_line(one.get_ref<const std::string&>()));
    return list;
}

// On which conmon and the runtime look for programs. The other variables are nobody's business.
static json::Value monitor_path(const json::Value& handler) {
    constexpr std::string_view prefix = "PATH=";
    json::Value variables = texts(handler, "MonitorEnv");
    if (is_unknown(variables))
        return variables;
    for (const auto& one : variables)
        if (const auto& text = one.get_ref<const std::string&>(); text.starts_with(prefix))
            return text.substr(prefix.size());
    return "";
}

// CRI-O's own part. Its names are those of Go's members: it has none for JSON (server/runtime_status.go).
static json::Value crio(const json::Value& config) {
    const json::Value* runs = json::find(config, "crio");
    const json::Value* runtimes = runs == nullptr ? nullptr : json::find(*runs, "Runtimes");
    if (runtimes == nullptr || !runtimes->is_object())
        return unknown("it tells nothing of it: it is no CRI-O, or an older one");
    if (runtimes->size() > most_entries)
        return unknown("it tells of more than " + std::to_string(most_entries) + " handlers");
    json::Value handlers = json::Value::object();
    for (const auto& [name, one] : runtimes->items())
        handlers[one_line(name)] = {{"runtime_path", member(one, "RuntimePath")},
                                    {"runtime_root", member(one, "RuntimeRoot")},
                                    {"runtime_type", member(one, "RuntimeType")},
                                    {"inherit_default_runtime", member(one, "InheritDefaultRuntime")},
                                    {"allowed_annotations", texts(one, "AllowedAnnotations")},
                                    {"monitor_path_variable", monitor_path(one)}};
    return {{"default_runtime", member(*runs, "DefaultRuntime")},
            {"enable_criu_support", member(*runs, "EnableCriuSupport")},
            {"handlers", std::move(handlers)}};
}

// Numbers, flags and texts of the outermost object: containerd has passwords of registries further inside.
static json::Value plain_members(const json::Value& config) {
    json::Value members = json::Value::object();
    for (const auto& [name, value] : config.items()) {
        if (members.size() == most_config)
            return unknown("it has more than " + std::to_string(most_config) + " members");
        if (value.is_string())
            members[one_line(name)] = one_line(value.get_ref<const std::string&>());
        else if (value.is_number() || value.is_boolean())
            members[one_line(name)] = value;
    }
    return members;
}

json::Value status_facts(const grpc::Status& how, const ::runtime::v1::StatusResponse& answer) {
    if (!how.ok())
        return not_answered(how);
    const auto config = parse_config(answer);
    return {{"conditions", conditions(answer.status())},
            {"handlers", handlers(answer)},
            {"config", config ? plain_members(*config) : unknown(config.error().text)},
            {"crio", config ? crio(*config) : unknown(config.error().text)}};
}

json::Value checkpoint_facts(const grpc::Status& how) {
    const auto said = [&](const char* answer) -> json::Value {
        return {{"answer", answer}, {"said", one_line(how.error_message())}};
    };
    if (how.ok())
        return unknown("it says that it has made a checkpoint of a container that is not there; is this the "
                       "socket of a container runtime?");
    if (how.error_message().contains(crio_is_off))
        return said("disabled");
    if (how.error_code() ==
        StatusCode::NOT_FOUND) // it has looked for the container, so it was going to take one
        return said("enabled");
    if (lacks_call(how))
        return said("not-implemented");
    return not_answered(how);
}

} // namespace lpm::sidecar
