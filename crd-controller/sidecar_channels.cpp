// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "sidecar_channels.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

namespace lpm::controller {

using namespace std::chrono_literals;

static constexpr std::size_t most_nodes = 256;
static constexpr auto longest_idle = 30s;

static std::shared_ptr<grpc::ChannelCredentials> make_credentials(const SidecarClient::Files& files) {
    constexpr unsigned look_up_seconds = 5;
    using namespace grpc::experimental;
    TlsChannelCredentialsOptions options;
    options.set_certificate_provider(std::make_shared<FileWatcherCertificateProvider>(
        files.key, files.certificate, files.ca, look_up_seconds));
    options.watch_root_certs();
    options.watch_identity_key_cert_pairs();
    return TlsCredentials(options);
}

static std::shared_ptr<grpc::ChannelCredentials> make_credentials(const SidecarClient::Identity& identity) {
    using namespace grpc::experimental;
    TlsChannelCredentialsOptions options;
    options.set_certificate_provider(std::make_shared<StaticDataCertificateProvider>(
        identity.ca, std::vector<IdentityKeyCertPair>{{identity.key, identity.certificate}}));
    options.watch_root_certs();
    options.watch_identity_key_cert_pairs();
    return TlsCredentials(options);
}

// Connections that were made with another one are not used again: what they showed may have been replaced.
Result<> SidecarChannels::renew_identity() {
    if (!identify_)
        return {};
    TRY_ASSIGN(SidecarClient::Identity identity, identify_());
    const std::lock_guard lock(mutex_);
    if (identity == identity_)
        return {};
    identity_ = std::move(identity);
    credentials_ = make_credentials(identity_);
    std::erase_if(kept_, [](const auto& entry) { return entry.second.channel != nullptr; });
    return {};
}

std::shared_ptr<grpc::Channel> SidecarChannels::connect(const SidecarClient::Node& node) {
    constexpr int connect_ms = 5000;
    if (!credentials_) // not before somebody needs them: they have a thread of their own
        credentials_ = make_credentials(files_);
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride(node.name);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, connect_ms); // which is its time to connect
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);         // else a new one is the old one
    const std::string scheme = node.host.starts_with('[') ? "ipv6:" : "ipv4:";
    return grpc::CreateCustomChannel(scheme + node.host + ":" + port_, credentials_, arguments);
}

SidecarChannels::Lent SidecarChannels::lend(const SidecarClient::Node& node) {
    if (const auto done = renew_identity(); !done)
        return {nullptr, false, "there is no certificate to show: " + done.error().text};
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    Kept& kept = kept_[node.name];
    const bool same = kept.host == node.host;
    if (same && !kept.channel &&
        now - kept.used < kept.pause) // of a node that is gone one caller waits, not all
        return {nullptr, false, kept.failure};
    const bool again = same && kept.channel && now - kept.used < longest_idle;
    if (!again)
        kept = {node.host, connect(node), "", now, same ? kept.pause : 0s};
    kept.used = now;
    Lent lent{kept.channel, again, ""};
    if (kept_.size() > most_nodes)
        drop_oldest();
    return lent;
}

void SidecarChannels::worked(const SidecarClient::Node& node) {
    const std::lock_guard lock(mutex_);
    if (const auto at = kept_.find(node.name); at != kept_.end())
        at->second.pause = 0s;
}

void SidecarChannels::failed(const SidecarClient::Node& node, const std::shared_ptr<grpc::Channel>& channel,
                             const std::string& failure, bool for_now) {
    const std::lock_guard lock(mutex_);
    const auto at = kept_.find(node.name);
    if (at == kept_.end() || at->second.channel != channel)
        return;
    if (for_now)
        at->second = {node.host, nullptr, failure, Clock::now(),
                      std::clamp(at->second.pause * 2, next_try, longest_pause)};
    else
        kept_.erase(at);
}

void SidecarChannels::drop_oldest() {
    kept_.erase(std::ranges::min_element(kept_, {}, [](const auto& entry) { return entry.second.used; }));
}

} // namespace lpm::controller
