// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "service.hpp"

#include <algorithm>
#include <chrono>
#include <sys/utsname.h>
#include <utility>

#include "base/paths.hpp"
#include "base/text.hpp"
#include "convert.hpp"
#include "linux/boot.hpp"
#include "node/log.hpp"
#include "status.hpp"

namespace lpm::sidecar {

using namespace std::chrono_literals;
using config::Right;
using lpm::node::Level;

// As preflight_time, and hooks of two points (hooks.total_ms). Its unit ends it after a minute.
static constexpr auto prepare_time = 60s;
static constexpr std::size_t entries_at_once = 100;
static constexpr auto watch_time =
    1s; // how soon a watch sees that its client is gone, or the sidecar is to end

Service::Service(Places places, Access access, Node& node, Numbers& numbers)
    : places_(std::move(places)), access_(std::move(access)), gate_(node.gate), archives_(node.archives),
      archive_numbers_(node.archive_numbers), record_numbers_(node.record_numbers), numbers_(numbers),
      journal_(places_.store) {}

Permit Service::read_in_turn() {
    readers_.acquire();
    return Permit(readers_);
}

Gate::Ended Service::ended(const grpc::ServerContext& context) const {
    return [this, &context] { return ending_ || context.IsCancelled(); };
}

Result<record::Store> Service::store() const {
    auto store = record::Store::open_existing(places_.store);
    if (!store) // whatever it is: the request was none of it
        return fail(Errc::unavailable, "the records of this node cannot be read: " + store.error().text);
    return store;
}

// An error of the store or the journal is a fault of the node's, and none of the request.
template <class T> static Result<T> here(Result<T>&& read) {
    if (!read)
        return fail(Errc::unavailable, "the records of this node cannot be read: " + read.error().text);
    return std::move(read);
}

Result<int> Service::page_size(int asked) {
    constexpr int usual = 100;
    constexpr int longest = 1000;
    if (asked < 0 || asked > longest)
        return fail(Errc::invalid, "page_size: must be 1 to " + std::to_string(longest));
    return asked == 0 ? usual : asked;
}

grpc::Status Service::told(const char* method, const Result<>& done) {
    const grpc::Status status = done ? grpc::Status::OK : status_of(done.error());
    numbers_.answered(method, status.error_code());
    return status;
}

grpc::Status Service::GetNodeInfo(grpc::ServerContext* context, const node::v1::GetNodeInfoRequest*,
                                  node::v1::NodeInfo* response) {
    if (const auto may = access_.judge(*context, Right::info); !may)
        return told("GetNodeInfo", may);
    utsname system{};
    ::uname(&system);
    response->set_node(system.nodename);
    response->set_lpm(paths::version);
    response->set_kernel(system.release);
    response->set_arch(system.machine);
    response->set_boot_id(boot_id());
    convert(criu::read_tooling(places_.probe_file, response->boot_id()), *response);
    return told("GetNodeInfo", {});
}

template <class Request, class Response>
Result<> Service::ask(const grpc::ServerContext& context, const Request& request, Response& response,
                      std::chrono::milliseconds time) {
    TRY_ASSIGN(const service::Request read, read_request(request));
    TRY_ASSIGN(const lpm::node::Reply reply, gate_.ask(read, time, ended(context)));
    TRY_ASSIGN(const record::Record judged, of_node(service::parse_answer(reply.text)));
    convert(judged, response);
    return {};
}

grpc::Status Service::Preflight(grpc::ServerContext* context, const node::v1::PreflightRequest* request,
                                node::v1::PreflightResponse* response) {
    const auto may = access_.judge(*context, Right::preflight);
    return told("Preflight", may ? ask(*context, *request, *response, preflight_time) : may);
}

grpc::Status Service::Prepare(grpc::ServerContext* context, const node::v1::PrepareRequest* request,
                              node::v1::PrepareResponse* response) {
    const auto may = access_.judge(*context, Right::prepare);
    const auto done = may ? ask(*context, *request, *response, prepare_time) : may;
    const auto& judged = response->preflight();
    lpm::node::log(
        done ? Level::info : Level::warn, done && judged.code().empty() ? "prepared" : "not prepared",
        {{"client", access_.name_of(*context)},
         {"attempt", one_line(request->attempt(), 64)},
         {"object", one_line(request->object().namespace_() + "/" + request->object().name(), 300)},
         {"container", judged.container().id()},
         {"code", judged.code()},
         {"error", done ? "" : done.error().text}});
    return told("Prepare", done);
}

static bool is_of_pod(const record::Record& record, const std::string& uid) {
    return uid.empty() || std::ranges::contains(record.names, std::pair(std::string("pod_uid"), uid));
}

grpc::Status Service::ListRecords(grpc::ServerContext* context, const node::v1::ListRecordsRequest* request,
                                  node::v1::ListRecordsResponse* response) {
    const auto list = [&]() -> Result<> {
        TRY(access_.judge(*context, Right::records));
        const Permit permit = read_in_turn();
        TRY_ASSIGN(const int size, page_size(request->page_size()));
        if (!request->page_token().empty() && !record::valid_id(request->page_token()))
            return fail(Errc::invalid, "page_token: must be the next_page_token of another page");
        TRY_ASSIGN(const record::Store store, this->store());
        TRY_ASSIGN(const record::JournalPosition position, here(journal_.end()));
        TRY_ASSIGN(const record::Listing page,
                   here(store.list(request->page_token(), static_cast<std::size_t>(size))));
        response->set_next_page_token(page.next);
        for (const auto& [id, record] : page.records) {
            if (record && is_of_pod(*record, request->pod_uid()))
                convert(*record, *response->add_records());
            else if (!record)
                response->add_faults("record " + id + ": " + record.error().text);
            if (response->ByteSizeLong() > longest_answer) {
                response->set_next_page_token(id);
                break;
            }
        }
        for (const auto& fault : page.faults)
            response->add_faults(fault);
        response->set_position(position.text());
        return {};
    };
    return told("ListRecords", list());
}

grpc::Status Service::GetRecord(grpc::ServerContext* context, const node::v1::GetRecordRequest* request,
                                node::v1::Record* response) {
    const auto get = [&]() -> Result<> {
        TRY(access_.judge(*context, Right::records));
        const Permit permit = read_in_turn();
        if (!record::valid_id(request->id()))
            return fail(Errc::invalid, "id: must be that of a record, 26 letters and digits");
        TRY_ASSIGN(const record::Store store, this->store());
        const auto record = store.load(request->id());
        if (!record && record.error().code == Errc::absent)
            return fail(Errc::absent, "there is no record " + request->id() + " on this node");
        if (!record) // whatever is wrong with it: the request was none of it
            return fail(Errc::io, "record " + request->id() + " cannot be read: " + record.error().text);
        convert(*record, *response);
        return {};
    };
    return told("GetRecord", get());
}

Result<node::v1::WatchRecordsResponse> Service::told_of(const record::JournalEntry& entry,
                                                        const record::Store& store) {
    const Permit permit = read_in_turn();
    node::v1::WatchRecordsResponse response;
    convert(entry, response);
    const auto record = store.load(entry.id);
    if (!record && record.error().code != Errc::absent)
        return fail(Errc::unavailable, "record " + entry.id + " cannot be read: " + record.error().text +
                                           ": watch from the last position");
    if (record)
        convert(*record, *response.mutable_record());
    return response;
}

// Until the client is gone, the sidecar is to end, or an error.
Result<> Service::watch(const grpc::ServerContext& context, record::JournalPosition position, Watch& writer) {
    TRY_ASSIGN(const record::Store store, this->store());
    record::JournalWatch changes(journal_);
    writer.SendInitialMetadata(); // from here on nothing is missed
    while (!context.IsCancelled()) {
        if (ending_)
            return fail(Errc::unavailable, "lpm-sidecar ends: watch from the last position");
        TRY_ASSIGN(const record::JournalBatch batch,
                   changes.next(position, entries_at_once, std::chrono::steady_clock::now() + watch_time));
        for (const auto& entry : batch.entries) {
            TRY_ASSIGN(const auto response, told_of(entry, store));
            if (!writer.Write(response))
                return {};
        }
        position = batch.next;
    }
    return {};
}

grpc::Status Service::WatchRecords(grpc::ServerContext* context, const node::v1::WatchRecordsRequest* request,
                                   Watch* writer) {
    if (const auto may = access_.judge(*context, Right::records); !may)
        return told("WatchRecords", may);
    const auto position = request->position().empty() ? std::optional<record::JournalPosition>()
                                                      : record::JournalPosition::parse(request->position());
    if (!request->position().empty() && !position)
        return told("WatchRecords",
                    fail(Errc::invalid, "position: must be one that another answer had, as 42:1234"));
    const auto from = position ? Result<record::JournalPosition>(*position) : journal_.end();
    const WatchCount counted(numbers_);
    const auto done = from ? watch(*context, *from, *writer) : std::unexpected(from.error());
    // A position that is gone, above all one whose generation has been removed.
    if (!done && done.error().code == Errc::absent) {
        numbers_.answered("WatchRecords", grpc::StatusCode::OUT_OF_RANGE);
        return {grpc::StatusCode::OUT_OF_RANGE,
                done.error().text + ": list the records, and watch from the position of the first page"};
    }
    return told("WatchRecords", done);
}

std::string Service::metrics() {
    return numbers_.text() + record_numbers_.text() +
           numbers_of(criu::read_tooling(places_.probe_file, boot_id())) + archive_numbers_.text();
}

grpc::Status Service::GetMetrics(grpc::ServerContext* context, const node::v1::GetMetricsRequest*,
                                 node::v1::GetMetricsResponse* response) {
    const auto may = access_.judge(*context, Right::metrics);
    if (may)
        response->set_text(metrics());
    return told("GetMetrics", may);
}

} // namespace lpm::sidecar
