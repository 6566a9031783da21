// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <atomic>
#include <chrono>
#include <semaphore>
#include <string>

#include "access.hpp"
#include "archive_numbers.hpp"
#include "archives.hpp"
#include "gate.hpp"
#include "node.grpc.pb.h"
#include "node_numbers.hpp"
#include "numbers.hpp"
#include "record/journal.hpp"
#include "record/store.hpp"

namespace lpm::sidecar {

// Bytes. A page ends with the record that makes it longer: clients take 4 MiB, and one record has at most
// one.
inline constexpr std::size_t longest_answer = std::size_t{2} << 20;

// Where the sidecar finds what it serves.
struct Places {
    std::string store;       // of the records
    std::string probe_file;  // what lpm-gate --probe has kept
    std::string gate_socket; // of lpm-gate
};

// What all services of a sidecar share.
struct Node {
    explicit Node(const Places& places)
        : gate(places.gate_socket), archives(gate), archive_numbers(archives), record_numbers(places.store) {}
    Gate gate;
    Archives archives;
    ArchiveNumbers archive_numbers;
    RecordNumbers record_numbers;
};

// lpm.node.v1: thin, each call reads or asks and converts. Called by many threads.
class Service final : public node::v1::Node::Service {
  public:
    // One for each kind of client.
    Service(Places places, Access access, Node& node, Numbers& numbers);

    grpc::Status GetNodeInfo(grpc::ServerContext* context, const node::v1::GetNodeInfoRequest* request,
                             node::v1::NodeInfo* response) override;
    grpc::Status Preflight(grpc::ServerContext* context, const node::v1::PreflightRequest* request,
                           node::v1::PreflightResponse* response) override;
    grpc::Status Prepare(grpc::ServerContext* context, const node::v1::PrepareRequest* request,
                         node::v1::PrepareResponse* response) override;
    grpc::Status ListRecords(grpc::ServerContext* context, const node::v1::ListRecordsRequest* request,
                             node::v1::ListRecordsResponse* response) override;
    grpc::Status GetRecord(grpc::ServerContext* context, const node::v1::GetRecordRequest* request,
                           node::v1::Record* response) override;
    grpc::Status WatchRecords(grpc::ServerContext* context, const node::v1::WatchRecordsRequest* request,
                              grpc::ServerWriter<node::v1::WatchRecordsResponse>* writer) override;
    grpc::Status ListArchives(grpc::ServerContext* context, const node::v1::ListArchivesRequest* request,
                              node::v1::ListArchivesResponse* response) override;
    grpc::Status FindArchive(grpc::ServerContext* context, const node::v1::FindArchiveRequest* request,
                             node::v1::Archive* response) override;
    grpc::Status InspectArchive(grpc::ServerContext* context, const node::v1::InspectArchiveRequest* request,
                                node::v1::InspectArchiveResponse* response) override;
    grpc::Status VerifyArchive(grpc::ServerContext* context, const node::v1::VerifyArchiveRequest* request,
                               node::v1::VerifyArchiveResponse* response) override;
    grpc::Status DeleteArchive(grpc::ServerContext* context, const node::v1::DeleteArchiveRequest* request,
                               node::v1::DeleteArchiveResponse* response) override;
    grpc::Status FetchArchive(grpc::ServerContext* context, const node::v1::FetchArchiveRequest* request,
                              grpc::ServerWriter<node::v1::FetchArchiveResponse>* writer) override;
    grpc::Status GetMetrics(grpc::ServerContext* context, const node::v1::GetMetricsRequest* request,
                            node::v1::GetMetricsResponse* response) override;

    // What GetMetrics answers.
    [[nodiscard]] std::string metrics();

    // Watches end, with UNAVAILABLE: the client goes on from its position with the next sidecar.
    void end() { ending_ = true; }

  private:
    using Watch = grpc::ServerWriter<node::v1::WatchRecordsResponse>;
    Result<> watch(const grpc::ServerContext& context, record::JournalPosition position, Watch& writer);
    // More at a time would take no shorter, and each holds records as they are in their files, many times
    // what is answered: all watches get a new one at once.
    [[nodiscard]] Permit read_in_turn();
    [[nodiscard]] Result<node::v1::WatchRecordsResponse> told_of(const record::JournalEntry& entry,
                                                                 const record::Store& store);
    template <class Request, class Response>
    Result<> ask(const grpc::ServerContext& context, const Request& request, Response& response,
                 std::chrono::milliseconds time);
    [[nodiscard]] Result<record::Store> store() const;
    // Whether the answer is of no use any more.
    [[nodiscard]] Gate::Ended ended(const grpc::ServerContext& context) const;
    [[nodiscard]] static Result<int> page_size(int asked);
    Result<> find(const grpc::ServerContext& context, const std::string& attempt,
                  node::v1::Archive& response);
    void judge_restore(const grpc::ServerContext& context, const inspect::ImageFacts& facts,
                       node::v1::VerifyArchiveResponse& response);
    Result<> fetch(const grpc::ServerContext& context, const node::v1::FetchArchiveRequest& request,
                   grpc::ServerWriter<node::v1::FetchArchiveResponse>& writer);
    grpc::Status told(const char* method, const Result<>& done);

    const Places places_;
    const Access access_;
    Gate& gate_;
    Archives& archives_;
    ArchiveNumbers& archive_numbers_;
    RecordNumbers& record_numbers_;
    Numbers& numbers_;
    const record::Journal journal_;
    std::counting_semaphore<> readers_{2}; // of records, at a time
    std::atomic<bool> ending_ = false;
};

} // namespace lpm::sidecar
