// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <grpcpp/grpcpp.h>

#include "sidecar_client.hpp"

namespace lpm::controller {

// Connections to the sidecars of nodes, by mutual TLS. gRPC looks at a connection only while a call is under
// way on it: what ends in between goes unnoticed, and what was begun by itself after a failure never gets
// anywhere. So a connection that has failed is not used again, and none that nobody has used for a while.
class SidecarChannels {
  public:
    SidecarChannels(SidecarClient::Files files, std::uint32_t port)
        : files_(std::move(files)), port_(std::to_string(port)) {}
    SidecarChannels(SidecarClient::Identify identify, std::uint32_t port)
        : identify_(std::move(identify)), port_(std::to_string(port)) {}

    struct Lent {
        std::shared_ptr<grpc::Channel> channel; // nullptr: not tried again so soon; `failure` says what was
        bool used_before = false;
        std::string failure;
    };
    [[nodiscard]] Lent lend(const SidecarClient::Node& node);
    void worked(const SidecarClient::Node& node);
    // A call on it has failed, so. `for_now`: it is not tried again for a moment, which grows with each of
    // them.
    void failed(const SidecarClient::Node& node, const std::shared_ptr<grpc::Channel>& channel,
                const std::string& failure, bool for_now);

    [[nodiscard]] std::string place_of(const SidecarClient::Node& node) const {
        return "lpm-sidecar of " + node.name + " (" + node.host + ":" + port_ + ")";
    }

  private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds next_try{3}, longest_pause{48};
    struct Kept {
        std::string host;
        std::shared_ptr<grpc::Channel> channel;
        std::string failure;
        Clock::time_point used;        // or failed
        std::chrono::seconds pause{0}; // after its last failures in a row
    };
    [[nodiscard]] std::shared_ptr<grpc::Channel> connect(const SidecarClient::Node& node);
    [[nodiscard]] Result<> renew_identity();
    void drop_oldest();

    SidecarClient::Files files_;
    SidecarClient::Identify identify_; // in the place of files
    SidecarClient::Identity identity_; // of credentials_
    std::string port_;
    std::mutex mutex_;
    std::shared_ptr<grpc::ChannelCredentials> credentials_;
    std::map<std::string, Kept> kept_;
};

} // namespace lpm::controller
