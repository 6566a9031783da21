// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "app.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <malloc.h>
#include <memory>

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/server_posix.h>

#include "base/file.hpp"
#include "local_socket.hpp"
#include "node/log.hpp"
#include "node/notify.hpp"
#include "node/sandbox.hpp"
#include "node/web.hpp"

namespace lpm::sidecar {

using namespace std::chrono_literals;
using lpm::node::Level;

// A call has one; a watch has it as long as it goes on.
static constexpr int local_threads = 300;
static constexpr int others_threads = 300;
static constexpr int longest_request = 64 << 10; // bytes
static constexpr int most_calls = 256;           // of one connection at a time
static constexpr auto last_answers = 5s;         // that are awaited after SIGTERM

// Blocked before the first thread is there, and taken one by one by `await_end`.
static sigset_t block_signals() {
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t ends;
    ::sigemptyset(&ends);
    ::sigaddset(&ends, SIGTERM);
    ::sigaddset(&ends, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    return ends;
}

// The files are looked at every few seconds: what enrolls the node again need not start us again.
static std::shared_ptr<grpc::ServerCredentials> credentials_of(const config::Sidecar& settings) {
    constexpr unsigned look_up_seconds = 5;
    using namespace grpc::experimental;
    const auto files = std::make_shared<FileWatcherCertificateProvider>(
        settings.key_file, settings.certificate_file, settings.client_ca_file, look_up_seconds);
    TlsServerCredentialsOptions options(files);
    options.watch_root_certs();
    options.watch_identity_key_cert_pairs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    return TlsServerCredentials(options);
}

// gRPC would say in its log only that it cannot read them, and serve nobody. Until they are there that is
// right: a node may wait for its first certificate.
static Result<> judge_files(const config::Sidecar& settings) {
    constexpr std::size_t longest = std::size_t{1} << 20; // bytes
    for (const auto* path : {&settings.certificate_file, &settings.key_file, &settings.client_ca_file}) {
        const auto read = read_file(AT_FDCWD, *path, longest);
        if (!read && read.error().code != Errc::absent)
            return std::unexpected(read.error());
        if (!read)
            lpm::node::log(Level::warn, "serves nobody by TLS until the file is there", {{"path", *path}});
    }
    return {};
}

static void set_limits(grpc::ServerBuilder& builder, const char* name, int threads) {
    grpc::ResourceQuota quota(name);
    quota.SetMaxThreads(threads);
    builder.SetResourceQuota(quota);
    builder.SetMaxReceiveMessageSize(longest_request);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE,
                               0); // windows that grow are of no use to short requests
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, most_calls);
}

// A server of its own: what clients of other machines use up, those of this node do not lack. It has no
// health service and no reflection, which no right is asked for.
static Result<std::unique_ptr<grpc::Server>> serve_others(Service& service, const config::Sidecar& settings) {
    constexpr int handshake_ms = 5000; // else who connects and says nothing has a descriptor for two minutes
    grpc::ServerBuilder builder;
    set_limits(builder, "others", others_threads);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT,
                               0); // of two sidecars each would get some of the clients
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, handshake_ms);
    builder.RegisterService(&service);
    int port = 0;
    const std::string address = settings.tls.starts_with(':') ? "[::]" + settings.tls : settings.tls;
    builder.AddListeningPort(address, credentials_of(settings), &port);
    auto server = builder.BuildAndStart();
    if (!server || port == 0)
        return fail(Errc::unavailable, "nobody can be served on " + settings.tls +
                                           ": is the address taken, or none of this node's?");
    return server;
}

static Result<std::unique_ptr<grpc::Server>> serve_this_node(Service& service) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    set_limits(builder, "local", local_threads);
    builder.RegisterService(&service);
    auto server = builder.BuildAndStart();
    if (!server)
        return fail(Errc::unavailable, "gRPC cannot begin");
    return server;
}

static void await_end(const sigset_t& ends) {
    constexpr std::chrono::nanoseconds longest = 15s;
    const auto alive = lpm::node::watchdog();
    const auto rest =
        alive ? std::min(longest, std::chrono::duration_cast<std::chrono::nanoseconds>(*alive) / 2) : longest;
    const timespec wait{std::chrono::duration_cast<std::chrono::seconds>(rest).count(), (rest % 1s).count()};
    for (;;) {
        if (::sigtimedwait(&ends, nullptr, &wait) > 0)
            return;
        lpm::node::tell_alive();
        ::malloc_trim(0); // what many calls at once have used up, each arena of the allocator would keep
    }
}

Result<> run(const Settings& settings) {
    const sigset_t ends = block_signals();
    ::mallopt(M_ARENA_MAX, 2); // each of a hundred threads' would keep what its greatest call has needed
    TRY(lpm::node::drop_capabilities());
    Numbers numbers;
    Node node(settings.places);
    Service local(settings.places, Access::of_this_node(), node, numbers);
    Service remote(settings.places, Access::of_others(settings.file.clients), node, numbers);
    TRY_ASSIGN(LocalSocket socket, LocalSocket::open(settings.socket));
    TRY(lpm::node::allow_daemon_calls(false));
    // First: reflection, once asked for, is part of every server that is built.
    std::unique_ptr<grpc::Server> others;
    if (!settings.file.tls.empty()) {
        TRY(judge_files(settings.file));
        TRY_ASSIGN(others, serve_others(remote, settings.file));
    }
    TRY_ASSIGN(const auto server, serve_this_node(local));
    std::unique_ptr<lpm::node::Web> web;
    if (!settings.file.metrics.empty()) {
        TRY_ASSIGN(web, lpm::node::Web::open(settings.file.metrics,
                                             {{"/metrics", [&] {
                                                   return lpm::node::Page{
                                                       200, local.metrics(),
                                                       "text/plain; version=0.0.4; charset=utf-8"};
                                               }}}));
    }
    socket.start({.taken = [&](Fd&& peer) { grpc::AddInsecureChannelFromFd(server.get(), peer.release()); },
                  .refused =
                      [&](uid_t uid) {
                          numbers.refused_peer();
                          lpm::node::log(Level::warn, "a user may not ask on the local socket",
                                         {{"uid", std::to_string(uid)}});
                      }});
    lpm::node::log(
        Level::info, "serves",
        {{"socket", settings.socket}, {"tls", settings.file.tls}, {"records", settings.places.store}});
    lpm::node::tell_ready();
    await_end(ends);
    lpm::node::tell_ending();
    socket.stop();
    local.end();
    remote.end();
    const auto deadline = std::chrono::system_clock::now() + last_answers;
    if (others)
        others->Shutdown(deadline);
    server->Shutdown(deadline);
    lpm::node::log(Level::info, "ended");
    return {};
}

} // namespace lpm::sidecar
