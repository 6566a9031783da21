// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "sidecar_client.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/server_credentials.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "../support.hpp"
#include "node.grpc.pb.h"
#include "sidecar_channels.hpp"

using namespace lpm;
using namespace lpm::controller;
using namespace std::chrono_literals;

namespace {

struct Identity {
    std::string certificate; // signed by itself, so it is its own authority
    std::string key;
};

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long length = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(length));
    BIO_free(bio);
    return text;
}

Identity make_identity(const std::string& name) {
    EVP_PKEY* const key = EVP_EC_gen("P-256");
    X509* const made = X509_new();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -60);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, key);
    X509_NAME* const subject = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(made, subject);
    X509_EXTENSION* const names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str());
    X509_add_ext(made, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(made, key, EVP_sha256());
    BIO* const certificate = BIO_new(BIO_s_mem());
    BIO* const secret = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(certificate, made);
    PEM_write_bio_PrivateKey(secret, key, nullptr, nullptr, 0, nullptr, nullptr);
    X509_free(made);
    EVP_PKEY_free(key);
    return {text_of(certificate), text_of(secret)};
}

const Identity node_identity = make_identity("node1");
const Identity client_identity = make_identity("lpm-controller");

// A node that says what the test wants it to.
class FakeNode final : public node::v1::Node::Service {
  public:
    explicit FakeNode(int at = 0) : port(at) {
        grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
        options.pem_root_certs = client_identity.certificate;
        options.pem_key_cert_pairs.push_back({node_identity.key, node_identity.certificate});
        grpc::ServerBuilder builder;
        builder.AddListeningPort("127.0.0.1:" + std::to_string(at), grpc::SslServerCredentials(options),
                                 &port);
        builder.RegisterService(this);
        server_ = builder.BuildAndStart();
    }
    ~FakeNode() override { server_->Shutdown(std::chrono::system_clock::now()); }

    grpc::Status Prepare(grpc::ServerContext*, const node::v1::PrepareRequest* request,
                         node::v1::PrepareResponse* response) override {
        prepared = *request;
        response->CopyFrom(preparation);
        return status;
    }
    grpc::Status Preflight(grpc::ServerContext*, const node::v1::PreflightRequest* request,
                           node::v1::PreflightResponse* response) override {
        judged = *request;
        response->CopyFrom(preparation.preflight());
        return status;
    }
    grpc::Status FindArchive(grpc::ServerContext*, const node::v1::FindArchiveRequest* request,
                             node::v1::Archive* response) override {
        response->set_path("/k/" + request->attempt() + ".tar");
        response->set_size(std::uint64_t{5} << 32);
        response->set_state("truncated");
        response->set_message("its end is missing");
        response->set_file_id("1:2:3");
        response->set_record("R1");
        return status;
    }
    grpc::Status VerifyArchive(grpc::ServerContext* context, const node::v1::VerifyArchiveRequest* request,
                               node::v1::VerifyArchiveResponse* response) override {
        while (hangs && !context->IsCancelled())
            std::this_thread::sleep_for(10ms);
        response->mutable_archive()->set_attempt("a of " + request->path());
        response->set_sha256("00ff");
        response->add_faults("one\nline");
        response->add_faults("another");
        return status;
    }
    grpc::Status ListRecords(grpc::ServerContext*, const node::v1::ListRecordsRequest* request,
                             node::v1::ListRecordsResponse* response) override {
        const std::lock_guard lock(mutex);
        tokens.push_back(request->page_token());
        pod_uid = request->pod_uid();
        if (tokens.size() == 1)
            response->set_next_page_token("01M86A8CP04PT3J4G0VS4YRB7K");
        for (const char* attempt : {"a1", "a2"}) {
            auto& record = *response->add_records();
            record.set_id(std::string("R") + attempt + std::to_string(tokens.size()));
            record.set_attempt(attempt);
            record.set_operation("checkpoint");
            record.set_state("final");
            auto& restore = *response->add_records();
            restore.set_id(record.id() + "r");
            restore.set_operation("restore");
            restore.set_outcome("refused");
            restore.set_code("no id");
            restore.set_ended("2026-01-31T12:00:00.000Z");
            restore.mutable_object()->set_name("save");
            restore.mutable_container()->set_id("c");
            (*restore.mutable_container()->mutable_names())["pod_uid"] = attempt;
            (*restore.mutable_container()->mutable_names())["name"] = "app";
            (*record.mutable_stats())["frozen_us"] = 40;
            (*record.mutable_stats())["freezing_us"] = 2;
            record.set_stood_still_us(100);
        }
        return status;
    }
    grpc::Status DeleteArchive(grpc::ServerContext* context, const node::v1::DeleteArchiveRequest* request,
                               node::v1::DeleteArchiveResponse*) override {
        while (hangs && !context->IsCancelled())
            std::this_thread::sleep_for(10ms);
        deleted = *request;
        return status;
    }

    int port;
    bool hangs = false;
    grpc::Status status;
    node::v1::PrepareResponse preparation;
    node::v1::PrepareRequest prepared;
    node::v1::PreflightRequest judged;
    node::v1::DeleteArchiveRequest deleted;
    std::vector<std::string> seen_tokens() {
        const std::lock_guard lock(mutex); // ThreadSanitizer does not see how gRPC hands over
        return tokens;
    }
    std::mutex mutex;
    std::vector<std::string> tokens;
    std::string pod_uid;

  private:
    std::unique_ptr<grpc::Server> server_;
};

class Sidecar : public testing::Test {
  protected:
    std::unique_ptr<SidecarClient> open(int port, const Identity& authority = node_identity,
                                        const Identity& shown = client_identity) {
        dir_.write("ca", authority.certificate);
        dir_.write("crt", shown.certificate);
        dir_.write("key", shown.key);
        auto made = SidecarClient::open({dir_.path("ca"), dir_.path("crt"), dir_.path("key")},
                                        static_cast<std::uint32_t>(port));
        EXPECT_TRUE(made);
        return std::move(made).value();
    }

    FakeNode fake_;
    TempDir dir_;
    const SidecarClient::Node node_{"node1", "127.0.0.1"};
    const SidecarClient::Container container_{"shop", "web-1", "uid-1", "app", ""};
};

} // namespace

TEST_F(Sidecar, is_asked_to_prepare) {
    auto& preflight = *fake_.preparation.mutable_preflight();
    preflight.set_code("TcpEstablished");
    preflight.set_message("a connection");
    preflight.set_transient(true);
    preflight.add_notes("tcp: not allowed");
    preflight.add_notes("x: unknown");
    struct Row {
        const char* id;
        const char* severity;
        const char* verdict;
    };
    for (const auto& [id, severity, verdict] : {Row{"A", "warn", "warn"},
                                                {"B", "block", "pass"},
                                                {"C", "off", "warn"},
                                                {"D", "block", "unknown"}}) {
        auto& check = *preflight.add_checks();
        check.set_id(id);
        check.set_severity(severity);
        check.set_verdict(verdict);
    }
    const auto told =
        open(fake_.port)->prepare(node_, container_, {{"tcp", "close"}}, "a1", {"shop", "save", "uid-7"});
    ASSERT_TRUE(told) << told.error().text;
    EXPECT_EQ(told->code, "TcpEstablished");
    EXPECT_TRUE(told->transient);
    EXPECT_EQ(told->notes, "tcp: not allowed; x: unknown");
    EXPECT_EQ(told->checks, (std::vector<CheckEntry>{{"A", "warn", ""}, {"D", "unknown", ""}}));
    EXPECT_EQ(fake_.prepared.attempt(), "a1");
    EXPECT_EQ(fake_.prepared.object().name() + fake_.prepared.object().uid(), "saveuid-7");
    EXPECT_EQ(fake_.prepared.target().pod_uid() + fake_.prepared.target().name(), "uid-1app");
    EXPECT_EQ(fake_.prepared.options().at("tcp"), "close");
}

TEST_F(Sidecar, judges_without_preparing) {
    ASSERT_TRUE(open(fake_.port)->preflight(node_, container_, {}));
    EXPECT_EQ(fake_.judged.target().pod(), "web-1");
    EXPECT_EQ(fake_.prepared.attempt(), "");
}

TEST_F(Sidecar, is_waited_for_until_it_is_stopped) {
    fake_.hangs = true;
    const auto client = open(fake_.port);
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(client->verify_archive(node_, "/k/a1.tar", 1s, {}).error().code, Errc::unavailable);
    std::stop_source stop;
    std::jthread stopping([&] {
        std::this_thread::sleep_for(100ms);
        stop.request_stop();
    });
    EXPECT_EQ(client->verify_archive(node_, "/k/a1.tar", 60s, stop.get_token()).error().code,
              Errc::unavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
}

TEST_F(Sidecar, tells_of_archives_and_records) {
    const auto client = open(fake_.port);
    const auto found = client->find_archive(node_, "a1");
    ASSERT_TRUE(found) << found.error().text;
    EXPECT_EQ(found->path, "/k/a1.tar");
    EXPECT_EQ(found->size, std::int64_t{5} << 32);
    EXPECT_EQ(found->state + found->file_id + found->record, "truncated1:2:3R1");
    const auto record = client->find_record(node_, "a1", *read_time("2026-01-31T12:10:00Z"));
    ASSERT_TRUE(record) << record.error().text;
    EXPECT_EQ(record->id, "Ra12") << "the last one";
    EXPECT_EQ(record->criu_us, 42);
    EXPECT_EQ(record->stood_still_us, 100);
    const auto tokens = fake_.seen_tokens();
    ASSERT_EQ(tokens.size(), 2U);
    EXPECT_EQ(tokens[0], "01KG9YS7G00000000000000000") << "ten minutes before";
    EXPECT_EQ(tokens[1], "01M86A8CP04PT3J4G0VS4YRB7K");
    EXPECT_EQ(client->find_record(node_, "other", Time{}).error().code, Errc::absent);
    const auto verified = client->verify_archive(node_, "/k/a1.tar", 10s, {});
    ASSERT_TRUE(verified) << verified.error().text;
    EXPECT_EQ(verified->attempt, "a of /k/a1.tar");
    EXPECT_EQ(verified->sha256, "00ff");
    EXPECT_EQ(verified->faults, "one line; another");
    EXPECT_TRUE(client->delete_archive(node_, "/k/a1.tar", "1:2:3"));
    EXPECT_EQ(fake_.deleted.path() + fake_.deleted.file_id(), "/k/a1.tar1:2:3");
}

TEST_F(Sidecar, tells_of_the_restores_of_a_pod) {
    const auto client = open(fake_.port);
    const auto told = client->list_restores(node_, "a2", *read_time("2026-01-31T12:10:00Z"));
    ASSERT_TRUE(told) << told.error().text;
    ASSERT_EQ(told->size(), 2U) << "the others are what an older sidecar lists as well";
    const RestoreRecord& last = told->back();
    EXPECT_EQ(last.id, "Ra22r");
    EXPECT_EQ(last.outcome + " " + last.code, "refused CodeUnreadable");
    EXPECT_EQ(last.container + last.container_id + last.object_name, "appcsave");
    EXPECT_EQ(last.ended, read_time("2026-01-31T12:00:00Z"));
    EXPECT_EQ(fake_.seen_tokens().front(), "01KG9YS7G00000000000000000");
    const std::lock_guard lock(fake_.mutex);
    EXPECT_EQ(fake_.pod_uid, "a2");
}

TEST_F(Sidecar, says_why_not) {
    const auto client = open(fake_.port);
    struct Row {
        grpc::StatusCode status;
        Errc code;
    };
    for (const auto& [status, code] : {Row{grpc::StatusCode::NOT_FOUND, Errc::absent},
                                       {grpc::StatusCode::PERMISSION_DENIED, Errc::denied},
                                       {grpc::StatusCode::UNIMPLEMENTED, Errc::denied},
                                       {grpc::StatusCode::ABORTED, Errc::busy},
                                       {grpc::StatusCode::INVALID_ARGUMENT, Errc::invalid},
                                       {grpc::StatusCode::UNAVAILABLE, Errc::unavailable},
                                       {grpc::StatusCode::INTERNAL, Errc::io}}) {
        fake_.status = {status, "its words\nof two lines"};
        const auto told = client->find_archive(node_, "a1");
        ASSERT_FALSE(told);
        EXPECT_EQ(told.error().code, code);
        EXPECT_NE(told.error().text.find("lpm-sidecar of node1 (127.0.0.1:"), std::string::npos)
            << told.error().text;
        EXPECT_NE(told.error().text.find("its words of two lines"), std::string::npos) << told.error().text;
    }
    EXPECT_EQ(client->get_record(node_, "R1").error().code, Errc::denied) << "an older one";
}

TEST_F(Sidecar, is_not_awaited_for_ever) {
    fake_.hangs = true;
    const auto began = std::chrono::steady_clock::now();
    const auto removed = open(fake_.port)->delete_archive(node_, "/k/a1.tar", "");
    EXPECT_LT(std::chrono::steady_clock::now() - began, 15s);
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code, Errc::unavailable);
    EXPECT_NE(removed.error().text.find("no answer in 10 s"), std::string::npos) << removed.error().text;
}

TEST_F(Sidecar, has_to_be_who_it_says) {
    const auto expect_unavailable = [&](const std::string& what, const Result<NodeArchive>& told) {
        ASSERT_FALSE(told) << what;
        EXPECT_EQ(told.error().code, Errc::unavailable) << what;
        std::printf("  %s: %s\n", what.c_str(), told.error().text.c_str());
    };
    const Identity stranger = make_identity("node1");
    expect_unavailable("another authority", open(fake_.port, stranger)->find_archive(node_, "a1"));
    expect_unavailable("we are not known",
                       open(fake_.port, node_identity, stranger)->find_archive(node_, "a1"));
    expect_unavailable("another node", open(fake_.port)->find_archive({"node2", "127.0.0.1"}, "a1"));
    expect_unavailable("nobody listens", open(9)->find_archive(node_, "a1"));
    EXPECT_TRUE(open(fake_.port)->find_archive(node_, "a1"));
}

TEST_F(Sidecar, may_be_started_again) {
    auto first = std::make_unique<FakeNode>();
    const int port = first->port;
    const auto client = open(port);
    EXPECT_TRUE(client->find_archive(node_, "a1"));
    first.reset();
    auto second = std::make_unique<FakeNode>(port);
    const auto told = client->find_archive(node_, "a1");
    EXPECT_TRUE(told) << told.error().text;
    second.reset();
    EXPECT_EQ(client->find_archive(node_, "a1").error().code, Errc::unavailable);
    const FakeNode third(port);
    std::this_thread::sleep_for(3100ms);
    const auto again = client->find_archive(node_, "a1");
    EXPECT_TRUE(again) << again.error().text;
}

TEST_F(Sidecar, needs_its_files) {
    const auto made = SidecarClient::open({dir_.path("ca"), dir_.path("crt"), dir_.path("key")}, 1);
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().text.find(dir_.path("ca")), std::string::npos) << made.error().text;
}

TEST(SidecarChannels, try_a_node_that_is_gone_less_and_less_often) {
    const Identity ours = make_identity("controller");
    SidecarChannels channels(
        [&] { return Result<SidecarClient::Identity>({ours.certificate, ours.certificate, ours.key}); }, 9);
    const SidecarClient::Node node{"node1", "127.0.0.1"};
    for (const bool tried_after_3_s : {true, false}) {
        const auto lent = channels.lend(node);
        ASSERT_TRUE(lent.channel);
        channels.failed(node, lent.channel, "is gone", true);
        EXPECT_EQ(channels.lend(node).failure, "is gone");
        std::this_thread::sleep_for(3100ms);
        EXPECT_EQ(channels.lend(node).channel != nullptr, tried_after_3_s);
    }
}
