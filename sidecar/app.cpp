// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "app.hpp"

#include <chrono>
#include <csignal>
#include <ctime>
#include <memory>

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
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

static std::unique_ptr<grpc::Server> start_server(Service& service) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    grpc::ResourceQuota quota("lpm-sidecar");
    quota.SetMaxThreads(most_threads);
    builder.SetResourceQuota(quota);
    builder.SetMaxReceiveMessageSize(longest_request);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, most_calls);
    builder.RegisterService(&service);
    return builder.BuildAndStart();
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
    Service service(settings.places, numbers);
    TRY_ASSIGN(LocalSocket socket, LocalSocket::open(settings.socket));
    TRY(lpm::node::allow_daemon_calls(false));
    const auto server = start_server(service);
    if (!server)
        return fail(Errc::unavailable, "gRPC cannot begin");
    socket.start({.taken = [&](Fd&& peer) { grpc::AddInsecureChannelFromFd(server.get(), peer.release()); },
                  .refused =
                      [&](uid_t uid) {
                          numbers.refused_peer();
                          lpm::node::log(Level::warn, "a user may not ask on the local socket",
                                         {{"uid", std::to_string(uid)}});
                      }});
    lpm::node::log(Level::info, "serves", {{"socket", settings.socket}, {"records", settings.places.store}});
    lpm::node::tell_ready();
    await_end(ends);
    lpm::node::tell_ending();
    service.end();
    server->Shutdown(std::chrono::system_clock::now() + last_answers);
    lpm::node::log(Level::info, "ended");
    return {};
}

} // namespace lpm::sidecar
