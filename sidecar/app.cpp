// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "app.hpp"

#include <chrono>
#include <csignal>
#include <ctime>
#include <memory>

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/server_posix.h>

#include "local_socket.hpp"
#include "node/log.hpp"
#include "node/notify.hpp"
#include "node/sandbox.hpp"

namespace lpm::sidecar {

using namespace std::chrono_literals;
using lpm::node::Level;

static constexpr int most_threads = 600;              // a call has one; a watch has it as long as it goes on
static constexpr int longest_request = 64 << 10;      // bytes
static constexpr int most_calls = 256;                // of one connection at a time
static constexpr auto last_answers = 5s;              // that are awaited after SIGTERM

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

static std::unique_ptr<grpc::Server> start_server(Service& service, const config::Sidecar& settings) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    grpc::ResourceQuota quota("lpm-sidecar");
    quota.SetMaxThreads(most_threads);
    builder.SetResourceQuota(quota);
    builder.SetMaxReceiveMessageSize(longest_request);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, most_calls);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0); // of two sidecars each would get some of the clients
    builder.RegisterService(&service);
    int port = 0;
    if (!settings.tls.empty()) {
        const std::string address = settings.tls.starts_with(':') ? "[::]" + settings.tls : settings.tls;
        builder.AddListeningPort(address, credentials_of(settings), &port);
    }
    auto server = builder.BuildAndStart();
    return server && (settings.tls.empty() || port != 0) ? std::move(server) : nullptr;
}

static void await_end(const sigset_t& ends) {
    const auto alive = lpm::node::watchdog();
    const auto rest = alive ? std::chrono::duration_cast<std::chrono::nanoseconds>(*alive) / 2 : 3600s;
    const timespec wait{std::chrono::duration_cast<std::chrono::seconds>(rest).count(), (rest % 1s).count()};
    for (;;) {
        if (::sigtimedwait(&ends, nullptr, &wait) > 0)
            return;
        lpm::node::tell_alive();
    }
}

Result<> run(const Settings& settings) {
    const sigset_t ends = block_signals();
    TRY(lpm::node::drop_capabilities());
    Numbers numbers;
    const Access access(settings.file.clients);
    Service service(settings.places, access, numbers);
    TRY_ASSIGN(LocalSocket socket, LocalSocket::open(settings.socket));
    TRY(lpm::node::allow_daemon_calls(false));
    const auto server = start_server(service, settings.file);
    if (!server)
        return fail(Errc::unavailable, settings.file.tls.empty()
                                           ? "gRPC cannot begin"
                                           : "nobody can be served on " + settings.file.tls +
                                                 ": is the address taken, or none of this node's?");
    socket.start({.taken = [&](Fd&& peer) { grpc::AddInsecureChannelFromFd(server.get(), peer.release()); },
                  .refused =
                      [&](uid_t uid) {
                          numbers.refused_peer();
                          lpm::node::log(Level::warn, "a user may not ask on the local socket",
                                         {{"uid", std::to_string(uid)}});
                      }});
    lpm::node::log(Level::info, "serves", {{"socket", settings.socket}, {"tls", settings.file.tls}, {"records", settings.places.store}});
    lpm::node::tell_ready();
    await_end(ends);
    lpm::node::tell_ending();
    service.end();
    server->Shutdown(std::chrono::system_clock::now() + last_answers);
    lpm::node::log(Level::info, "ended");
    return {};
}

} // namespace lpm::sidecar
