// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "kube/client.hpp"
#include "kube/reflector.hpp"
#include "loop/queue.hpp"
#include "signer/authorities.hpp"
#include "signer/judge.hpp"
#include "json/json.hpp"

namespace lpm::controller {

// Answers requests for certificates of sidecars (CertificateSigningRequests of the signer
// lpm.my.domain/sidecar): denied, or approved and signed. For the controller that leads.
class Signer {
  public:
    // `life`: of a certificate, at most.
    Signer(kube::Client& client, std::string space, std::chrono::seconds life);

    // Its threads, which end when they are told to.
    void start(std::vector<std::jthread>& threads);
    // May be asked by other threads, also before `start`.
    [[nodiscard]] Authorities& authorities() { return authorities_; }

    // One request, as it is now. Errc::busy: somebody has changed it meanwhile.
    [[nodiscard]] Result<> look(const std::string& name);

  private:
    void follow();
    void keep_authorities(const std::stop_token& stop);
    [[nodiscard]] Result<> refuse(const CertificateRequest& request, json::Value object, const Refusal& why);
    [[nodiscard]] Result<> sign(const CertificateRequest& request, json::Value object);

    kube::Client& client_;
    const std::chrono::seconds life_;
    Authorities authorities_;
    Queue queue_;
    kube::Reflector requests_;
};

} // namespace lpm::controller
