// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/hook_state.hpp"

#include <algorithm>
#include <climits>

#include "base/text.hpp"
#include "oci/bundle.hpp"
#include "json/json.hpp"

namespace lpm::oci {

static std::unexpected<Error> fault(std::string_view member, std::string_view why) {
    return fail(Errc::invalid, "state: " + std::string(member) + " " + std::string(why));
}

static bool printable(std::string_view text) {
    return std::ranges::none_of(text,
                                [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// A member that has to be there: a text of one line and at most `limit` bytes.
static Result<std::string> text_of(const json::Value& state, std::string_view member, std::size_t limit) {
    const auto* value = json::find(state, member);
    if (value == nullptr || !value->is_string())
        return fault(member, value == nullptr ? "is missing" : "is not a text");
    auto text = value->get<std::string>();
    if (text.empty() || text.size() > limit)
        return fault(member,
                     text.empty() ? "is empty" : "is longer than " + std::to_string(limit) + " bytes");
    if (!printable(text))
        return fault(member, "holds control characters");
    return text;
}

static Result<std::string> read_version(const json::Value& state) {
    TRY_ASSIGN(auto version, text_of(state, "ociVersion", 64));
    if (!version.starts_with("1."))
        return fault("ociVersion", "is " + version + ", and lpm-hook knows version 1");
    return version;
}

// Runtimes other than runc take more characters than runc does (valid_id); none takes a slash.
static Result<std::string> read_id(const json::Value& state) {
    TRY_ASSIGN(auto id, text_of(state, "id", 1024));
    if (id.contains('/') || id == "." || id == "..")
        return fault("id", "is " + one_line(id, 100) + ", which is no name of a container");
    return id;
}

static Result<HookState::Status> read_status(const json::Value& state) {
    using enum HookState::Status;
    TRY_ASSIGN(const auto status, text_of(state, "status", 64));
    for (const auto& [name, value] :
         {std::pair{"creating", creating}, {"created", created}, {"running", running}, {"stopped", stopped}})
        if (status == name)
            return value;
    return fault("status", "is " + status + ", which the OCI runtime specification does not know");
}

static Result<pid_t> read_pid(const json::Value& state) {
    if (json::find(state, "pid") == nullptr)
        return 0; // podman leaves it out when the container has ended
    const auto pid = json::integer(state, "pid");
    if (!pid || *pid < 0 || *pid > INT_MAX)
        return fault("pid", "is not the number of a process");
    return static_cast<pid_t>(*pid);
}

static Result<std::string> read_bundle_path(const json::Value& state) {
    TRY_ASSIGN(auto bundle, text_of(state, "bundle", PATH_MAX - 1));
    if (!bundle.starts_with('/'))
        return fault("bundle", "is " + one_line(bundle, 100) + ", which is not an absolute path");
    return bundle;
}

Result<HookState> parse_hook_state(std::string_view state_json) {
    TRY_ASSIGN(const json::Value value, json::parse(state_json, {.bytes = max_hook_state}));
    if (!value.is_object())
        return fail(Errc::invalid, "state: not an object");
    HookState state;
    TRY_ASSIGN(state.version, read_version(value));
    TRY_ASSIGN(state.id, read_id(value));
    TRY_ASSIGN(state.status, read_status(value));
    TRY_ASSIGN(state.pid, read_pid(value));
    TRY_ASSIGN(state.bundle, read_bundle_path(value));
    if (const auto* notes = json::find(value, "annotations"); notes != nullptr)
        if (const auto* asked = json::find(*notes, checkpointable); asked != nullptr && asked->is_string())
            state.checkpointable = asked->get<std::string>();
    return state;
}

} // namespace lpm::oci
