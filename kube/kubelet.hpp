// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "kube/client.hpp"
#include "kube/http.hpp"

// The checkpoint API of kubelets: POST /checkpoint/NAMESPACE/POD/CONTAINER.
namespace lpm::kube {

// How kubelets are reached and what they are shown. Never what the API server is shown: a kubelet that is not
// what it seems would have it.
struct KubeletAccess {
    bool through_proxy = false; // by the API server's node proxy, with the controller's own identity there
    std::string ca_file;        // of their certificates, read anew for each request; empty: the API server's
    std::map<std::string, std::vector<std::string>> pins; // by node
    std::string certificate_file;                         // shown to kubelets, read anew for each request
    std::string key_file;
    std::string token_file;
    std::string name_space; // of the ServiceAccount whose tokens are shown when there is neither
    std::string service_account;
};

struct CheckpointCall {
    std::string node;
    std::string space;
    std::string pod;
    std::string container;
    std::int64_t timeout = 0;        // seconds, as the kubelet is told
    std::chrono::seconds patience{}; // how long the answer is awaited
};

class Kubelets {
  public:
    Kubelets(Http& http, Client& client, Credentials& credentials, KubeletAccess access);

    // One request, never sent twice. Errors as Http::send has them; what must be asked before (the node's
    // address, a token) and fails is Errc::unavailable: nothing was sent.
    [[nodiscard]] Result<Response> checkpoint(const CheckpointCall& call);
    // Its InternalIP, in brackets when it is IPv6. Errc::absent: there is no such node.
    [[nodiscard]] Result<std::string> host_of(const std::string& node);

  private:
    struct Place {
        std::string host; // address, in brackets when it is IPv6
        std::int64_t port = 10250;
        std::chrono::steady_clock::time_point until;
    };
    [[nodiscard]] Result<Place> find_node(const std::string& node);
    // And what the kubelet is verified by.
    [[nodiscard]] Result<> show_identity(Request& request);
    [[nodiscard]] Result<std::string> token();
    [[nodiscard]] Result<Response> directly(const CheckpointCall& call, const std::string& path);
    [[nodiscard]] Error explain(Error error, const std::string& url);

    Http& http_;
    Client& client_;
    Credentials& credentials_;
    KubeletAccess access_;
    std::mutex mutex_;
    std::map<std::string, Place> places_;
    std::string token_;
    std::chrono::steady_clock::time_point token_until_{};
};

} // namespace lpm::kube
