// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "sidecar_client.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <fcntl.h>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>

#include "base/file.hpp"
#include "base/text.hpp"
#include "node.grpc.pb.h"
#include "node/log.hpp"
#include "sidecar_channels.hpp"
#include "sidecar_messages.hpp"

namespace lpm::controller {

using namespace std::chrono_literals;

// A little longer than the sidecar waits for lpm-gate, so that it is the sidecar that says so.
static constexpr auto preflight_time = 25s;
static constexpr auto prepare_time = 65s;
static constexpr auto archive_time = 20s; // to look into all archives
static constexpr auto record_time = 10s;
static constexpr std::uint32_t preparation_life = 60; // seconds: the request to the kubelet follows at once

static constexpr std::size_t longest_reason = 1000;
static constexpr std::size_t longest_file = std::size_t{1} << 20;
static constexpr int most_pages = 50;             // of records
static constexpr std::size_t most_restores = 100; // of a pod
static constexpr auto clocks_differ = 10min;      // of the controller and of a node, at most

static Errc code_of(grpc::StatusCode code) {
    switch (code) {
    case grpc::StatusCode::NOT_FOUND:
        return Errc::absent;
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::UNIMPLEMENTED: // an older one
        return Errc::denied;
    case grpc::StatusCode::ABORTED:
        return Errc::busy;
    case grpc::StatusCode::INVALID_ARGUMENT:
        return Errc::invalid;
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::CANCELLED:
        return Errc::unavailable;
    default:
        return Errc::io;
    }
}

static std::string words_of(const grpc::Status& status, std::chrono::seconds time) {
    std::string words = ": ";
    if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED)
        words.append("no answer in ").append(std::to_string(time.count())).append(" s");
    else
        words += one_line(status.error_message(), longest_reason);
    return words;
}

// Calls one method, and says of a failure who has failed. A connection that was kept may have ended
// meanwhile: then once more, on a new one. Nothing here does harm when it is asked twice.
template <class Method, class Request, class Response>
static Result<> call(SidecarChannels& channels, const SidecarClient::Node& node, Method method,
                     const Request& request, Response& response, std::chrono::seconds time,
                     const std::stop_token& stop = {}) {
    const auto deadline = std::chrono::system_clock::now() + time;
    while (true) {
        const auto lent = channels.lend(node);
        if (!lent.channel)
            return fail(Errc::unavailable, lent.failure);
        grpc::ClientContext context;
        context.set_deadline(deadline);
        const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
        const auto stub = node::v1::Node::NewStub(lent.channel);
        const grpc::Status status = (stub.get()->*method)(&context, request, &response);
        if (status.ok()) {
            channels.worked(node);
            return {};
        }
        const std::string failure = channels.place_of(node) + words_of(status, time);
        const bool connected =
            lent.channel->GetState(false) == GRPC_CHANNEL_READY; // it is the sidecar's own word
        if (status.error_code() ==
            grpc::StatusCode::DEADLINE_EXCEEDED) // it may be of a connection that has died
            channels.failed(node, lent.channel, failure, false);
        if (status.error_code() != grpc::StatusCode::UNAVAILABLE || connected)
            return fail(code_of(status.error_code()), failure);
        channels.failed(node, lent.channel, failure, !lent.used_before);
        if (!lent.used_before)
            return fail(Errc::unavailable, failure);
    }
}

template <class Request>
static void write_target(Request& request, const SidecarClient::Container& container,
                         const SidecarClient::Options& options) {
    node::v1::Target& target = *request.mutable_target();
    target.set_namespace_(container.space);
    target.set_pod(container.pod);
    target.set_pod_uid(container.pod_uid);
    target.set_name(container.name);
    target.set_id(container.id);
    request.mutable_options()->insert(options.begin(), options.end());
}

// Less than the id of every record that began at that time or later: a ULID begins with its milliseconds.
static std::string id_before(Time time) {
    static constexpr std::string_view digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    std::string id(26, '0');
    auto rest = static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.time_since_epoch().count()));
    for (std::size_t i = 10; i-- > 0; rest /= digits.size())
        id[i] = digits[rest % digits.size()];
    return id;
}

// What it has to say of a call is in the error of that call as well.
static void log_quietly(gpr_log_func_args* args) {
    lpm::node::log(lpm::node::Level::debug, "gRPC", {{"message", args->message}});
}

SidecarClient::SidecarClient(std::unique_ptr<SidecarChannels> channels) : channels_(std::move(channels)) {}
SidecarClient::SidecarClient(Identify identify, std::uint32_t port)
    : channels_(std::make_unique<SidecarChannels>(std::move(identify), port)) {
    gpr_set_log_function(log_quietly);
}
SidecarClient::~SidecarClient() = default;

// gRPC would say in its log only that it cannot read them.
Result<std::unique_ptr<SidecarClient>> SidecarClient::open(const Files& files, std::uint32_t port) {
    gpr_set_log_function(log_quietly);
    for (const auto* path : {&files.ca, &files.certificate, &files.key})
        TRY(read_file(AT_FDCWD, *path, longest_file));
    return std::unique_ptr<SidecarClient>(new SidecarClient(std::make_unique<SidecarChannels>(files, port)));
}

Result<NodeVerdict> SidecarClient::preflight(const Node& node, const Container& container,
                                             const Options& options) {
    node::v1::PreflightRequest request;
    node::v1::PreflightResponse response;
    write_target(request, container, options);
    TRY(call(*channels_, node, &node::v1::Node::Stub::Preflight, request, response, preflight_time));
    return read_verdict(response);
}

Result<NodeVerdict> SidecarClient::prepare(const Node& node, const Container& container,
                                           const Options& options, const std::string& attempt,
                                           const Object& object) {
    node::v1::PrepareRequest request;
    node::v1::PrepareResponse response;
    write_target(request, container, options);
    request.set_attempt(attempt);
    request.set_ttl_seconds(preparation_life);
    request.mutable_object()->set_namespace_(object.space);
    request.mutable_object()->set_name(object.name);
    request.mutable_object()->set_uid(object.uid);
    TRY(call(*channels_, node, &node::v1::Node::Stub::Prepare, request, response, prepare_time));
    return read_verdict(response.preflight());
}

Result<NodeArchive> SidecarClient::find_archive(const Node& node, const std::string& attempt) {
    node::v1::FindArchiveRequest request;
    node::v1::Archive found;
    request.set_attempt(attempt);
    TRY(call(*channels_, node, &node::v1::Node::Stub::FindArchive, request, found, archive_time));
    auto archive = read_archive(found);
    if (!archive)
        return fail(archive.error().code, channels_->place_of(node) + " " + archive.error().text);
    return archive;
}

Result<NodeVerified> SidecarClient::verify_archive(const Node& node, const std::string& path,
                                                   std::chrono::seconds time, const std::stop_token& stop) {
    node::v1::VerifyArchiveRequest request;
    node::v1::VerifyArchiveResponse verified;
    request.set_path(path);
    TRY(call(*channels_, node, &node::v1::Node::Stub::VerifyArchive, request, verified, time, stop));
    return read_verified(verified);
}

Result<NodeRecord> SidecarClient::get_record(const Node& node, const std::string& id) {
    node::v1::GetRecordRequest request;
    node::v1::Record record;
    request.set_id(id);
    TRY(call(*channels_, node, &node::v1::Node::Stub::GetRecord, request, record, record_time));
    return read_record(record);
}

// Each record that began since, and is of that pod when one is named.
template <class Each>
static Result<> each_record(SidecarChannels& channels, const SidecarClient::Node& node, Time since,
                            const std::string& pod_uid, const Each& each) {
    node::v1::ListRecordsRequest request;
    request.set_page_size(1000);
    request.set_pod_uid(pod_uid); // an older sidecar lists all
    request.set_page_token(id_before(since - clocks_differ));
    for (int i = 0; i < most_pages; ++i) {
        node::v1::ListRecordsResponse page;
        TRY(call(channels, node, &node::v1::Node::Stub::ListRecords, request, page, record_time));
        for (const auto& record : page.records())
            if (pod_uid.empty() || is_of_pod(record, pod_uid))
                each(record);
        if (page.next_page_token().empty())
            break;
        request.set_page_token(page.next_page_token());
    }
    return {};
}

Result<NodeRecord> SidecarClient::find_record(const Node& node, const std::string& attempt, Time since) {
    std::optional<NodeRecord> last;
    TRY(each_record(*channels_, node, since, "", [&](const node::v1::Record& record) {
        if (record.attempt() == attempt && record.operation() == "checkpoint")
            last = read_record(record);
    }));
    if (!last)
        return fail(Errc::absent, channels_->place_of(node) + " has no record of attempt " + attempt);
    return *std::move(last);
}

Result<std::vector<RestoreRecord>> SidecarClient::list_restores(const Node& node, const std::string& pod_uid,
                                                                Time since) {
    std::deque<RestoreRecord> newest;
    TRY(each_record(*channels_, node, since, pod_uid, [&](const node::v1::Record& record) {
        if (record.operation() == "restore")
            newest.push_back(read_restore(record));
        if (newest.size() > most_restores)
            newest.pop_front();
    }));
    return std::vector(std::make_move_iterator(newest.begin()), std::make_move_iterator(newest.end()));
}

Result<> SidecarClient::delete_archive(const Node& node, const std::string& path,
                                       const std::string& file_id) {
    node::v1::DeleteArchiveRequest request;
    node::v1::DeleteArchiveResponse response;
    request.set_path(path);
    request.set_file_id(file_id);
    return call(*channels_, node, &node::v1::Node::Stub::DeleteArchive, request, response, record_time);
}

} // namespace lpm::controller
