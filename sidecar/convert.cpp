// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "convert.hpp"

#include <string>

namespace lpm::sidecar {

template <class Words> static void add_texts(const std::vector<std::string>& from, Words* to) {
    for (const auto& text : from)
        *to->Add() = text;
}

static void add_checks(const std::vector<record::Finding>& from,
                       google::protobuf::RepeatedPtrField<node::v1::Check>* to) {
    for (const auto& finding : from) {
        node::v1::Check& check = *to->Add();
        check.set_id(finding.check);
        check.set_severity(finding.severity.text());
        check.set_verdict(finding.verdict.text());
        check.set_message(finding.message);
    }
}

static void add_hooks(const std::vector<record::HookRun>& from,
                      google::protobuf::RepeatedPtrField<node::v1::Hook>* to) {
    for (const auto& run : from) {
        node::v1::Hook& hook = *to->Add();
        hook.set_name(run.name);
        hook.set_point(run.point.text());
        hook.set_outcome(run.outcome.text());
        hook.set_message(run.message);
        hook.set_time_ms(run.time_ms);
    }
}

static void set_container(const record::Record& from, node::v1::Container& to) {
    to.set_id(from.container);
    to.set_root(from.root);
    to.set_bundle(from.bundle);
    to.set_pid(from.pid);
    to.set_frozen(from.frozen);
    for (const auto& [name, value] : from.names)
        (*to.mutable_names())[name] = value;
}

// Both messages have runtime and criu.
template <class Message> static void set_programs(const record::Record& from, Message& to) {
    to.mutable_runtime()->set_path(from.runtime_path);
    to.mutable_runtime()->set_kind(from.runtime_kind);
    to.mutable_runtime()->set_version(from.runtime_version);
    to.mutable_criu()->set_path(from.criu_path);
    to.mutable_criu()->set_version(from.criu_version);
}

static void set_result(const record::Record& from, node::v1::Record& to) {
    if (from.exit_status)
        to.set_exit_status(*from.exit_status);
    if (from.signal)
        to.set_signal(*from.signal);
    to.set_code(from.code);
    to.set_message(from.message);
    to.set_transient(from.transient);
    for (const auto& [name, value] : from.stats)
        (*to.mutable_stats())[name] = value;
    if (from.image_bytes)
        to.set_image_bytes(*from.image_bytes);
    if (from.stood_still_us)
        to.set_stood_still_us(*from.stood_still_us);
}

static void set_where_and_when(const record::Record& from, node::v1::Record& to) {
    to.set_host(from.host);
    to.set_boot_id(from.boot_id);
    to.set_kernel(from.kernel);
    to.set_arch(from.arch);
    to.set_started(from.started);
    to.set_delegated(from.delegated);
    to.set_ended(from.ended);
}

void convert(const record::Record& from, node::v1::Record& to) {
    to.set_id(from.id);
    to.set_lpm(from.lpm);
    to.set_attempt(from.attempt);
    to.set_state(std::string(name_of(record::state_of(from))));
    to.set_operation(from.operation.text());
    to.set_outcome(from.outcome.text());
    set_container(from, *to.mutable_container());
    set_programs(from, to);
    add_texts(from.argv, to.mutable_argv());
    add_texts(from.additions, to.mutable_additions());
    to.set_image_path(from.image_path);
    to.set_work_path(from.work_path);
    to.set_leave_running(from.leave_running);
    set_where_and_when(from, to);
    add_checks(from.findings, to.mutable_checks());
    add_hooks(from.hooks, to.mutable_hooks());
    set_result(from, to);
    to.set_parent(from.parent);
    to.set_restored_from(from.restored_from);
    add_texts(from.notes, to.mutable_notes());
    if (!(from.object.name + from.object.uid).empty()) {
        to.mutable_object()->set_namespace_(from.object.name_space);
        to.mutable_object()->set_name(from.object.name);
        to.mutable_object()->set_uid(from.object.uid);
    }
}

void convert(const record::Record& from, node::v1::PrepareResponse& to) {
    convert(from, *to.mutable_preflight());
    add_hooks(from.hooks, to.mutable_hooks());
}

void convert(const record::Record& from, node::v1::PreflightResponse& to) {
    set_container(from, *to.mutable_container());
    set_programs(from, to);
    add_checks(from.findings, to.mutable_checks());
    to.set_code(from.code);
    to.set_message(from.message);
    to.set_transient(from.transient);
    add_texts(from.additions, to.mutable_additions());
    add_texts(from.notes, to.mutable_notes());
}

void convert(const record::JournalEntry& from, node::v1::WatchRecordsResponse& to) {
    to.set_id(from.id);
    to.set_change(from.state.text());
    to.set_operation(from.operation.text());
    to.set_outcome(from.outcome.text());
    to.set_container(from.container);
    to.set_time(from.time);
    to.set_position(from.next.text());
}

void convert(const criu::Tooling& from, node::v1::NodeInfo& to) {
    for (const auto& facts : from.runtimes) {
        node::v1::Runtime& runtime = *to.add_runtimes();
        runtime.set_path(facts.path);
        runtime.set_kind(std::string(oci::name_of(facts.kind)));
        runtime.set_version(facts.version);
    }
    for (const auto& facts : from.crius) {
        node::v1::Criu& criu = *to.add_crius();
        criu.set_path(facts.path);
        if (facts.version > 0)
            criu.set_version(criu::version_text(facts.version));
        criu.set_dump_failure(facts.dump_failure.value_or(""));
    }
}

template <class Message> static service::Request begin_request(service::Verb verb, const Message& from) {
    const node::v1::Target& target = from.target();
    service::Request request;
    request.verb = verb;
    request.target = {target.namespace_(), target.pod(), target.pod_uid(), target.name(), target.id()};
    for (const auto& [name, value] : from.options())
        request.options.emplace_back(name, value);
    return request;
}

// There is one place that says what a request is.
static Result<service::Request> judge(const service::Request& request) {
    return service::parse_request(service::write_request(request));
}

Result<service::Request> read_request(const node::v1::PreflightRequest& from) {
    return judge(begin_request(service::Verb::preflight, from));
}

Result<service::Request> read_request(const node::v1::PrepareRequest& from) {
    service::Request request = begin_request(service::Verb::prepare, from);
    request.attempt = from.attempt();
    request.object = {from.object().namespace_(), from.object().name(), from.object().uid()};
    if (from.ttl_seconds() != 0)
        request.ttl = std::chrono::seconds(from.ttl_seconds());
    return judge(request);
}

} // namespace lpm::sidecar
