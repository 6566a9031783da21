// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "events.hpp"
#include "kube/client.hpp"
#include "kube/kubelet.hpp"
#include "kube/reflector.hpp"
#include "loop/queue.hpp"
#include "restores.hpp"
#include "schema.hpp"
#include "sidecar_client.hpp"

namespace lpm::controller {

// Tells pods that ask to be restored, and the checkpoints that they name, what came of it. Of all pods of the
// cluster the metadata is followed and nothing is kept; only of those that ask is more read, and their nodes
// are asked once for each container that was made. For the controller that leads.
class RestoreReporter {
  public:
    struct Parts {
        kube::Client& client;
        kube::Kubelets& kubelets;
        Schema& schema;
        Events& events;
        SidecarClient* sidecar = nullptr; // none: it does nothing
    };
    explicit RestoreReporter(Parts parts);

    // Its threads, which end when they are told to.
    void start(std::vector<std::jthread>& threads);

    // One pod, "NAMESPACE/NAME", as it is now; an error wants another try.
    [[nodiscard]] Result<> look(const std::string& key);

  private:
    struct Known { // of a pod, since this process began
        std::string uid;
        RestoreStates states{};
        Time looked{};
        std::set<std::string> told{}; // what its last Events stand for
    };
    void follow();
    [[nodiscard]] Known known_of(const std::string& key);
    void know(const std::string& key, Known known);
    [[nodiscard]] Result<> report(const Key& key, const Pod& pod, const RestoreStates& fresh, Known& known);
    void post(const Key& key, const Pod& pod, const std::vector<RestoreReport::OfPod>& events, Known& known);
    [[nodiscard]] Result<> write(const RestoreReport::OfCheckpoint& one);

    Parts parts_;
    Queue queue_;
    kube::Reflector pods_;
    std::mutex mutex_;
    std::map<std::string, Known> known_;
};

} // namespace lpm::controller
