// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <optional>
#include <semaphore>
#include <string>

#include "attempts.hpp"
#include "decide.hpp"
#include "events.hpp"
#include "kube/client.hpp"
#include "kube/kubelet.hpp"
#include "later.hpp"
#include "loop/queue.hpp"
#include "schema.hpp"
#include "sidecar_client.hpp"
#include "store.hpp"

namespace lpm::controller {

// Does what `decide` says.
class Reconciler {
  public:
    struct Parts {
        kube::Client& client;
        kube::Kubelets& kubelets;
        Store& store;
        Queue& queue;
        Schema& schema;
        Events& events;
        Attempts& attempts;
        Later& later;
        SidecarClient* sidecar = nullptr; // none: nobody on the nodes is asked
    };
    struct Settings {
        std::string holder;  // who we are
        std::string success; // phase of success
        bool through_proxy = false;
        std::size_t keep = 0;          // successful objects of a container; 0: all
        std::chrono::seconds verify{}; // how long a node may read a new archive; 0: it does not
    };
    Reconciler(Parts parts, Settings settings);

    // Looks at one object, "NAMESPACE/NAME"; an error wants another try.
    [[nodiscard]] Result<> reconcile(const std::string& key);

  private:
    [[nodiscard]] Observed observe(const std::string& key) const;
    [[nodiscard]] Result<> look_at_content(const Checkpoint& object, Observed& observed);
    [[nodiscard]] Result<> look_at_pod(const Checkpoint& object, Observed& observed);
    [[nodiscard]] Result<> act(const Checkpoint& object, Observed& observed, const Action& action);
    [[nodiscard]] Result<> write(const Checkpoint& object, const Action& action);
    [[nodiscard]] Result<> start(const Checkpoint& object, Observed& observed, const Action& action);
    [[nodiscard]] Result<> remove(const Key& key, const std::string& uid);
    [[nodiscard]] Result<> clean(const Key& key);
    [[nodiscard]] Result<> hold(const Key& key);
    [[nodiscard]] Result<> remove_content(const Checkpoint& object);
    [[nodiscard]] Result<Checkpoint> patch_finalizer(const Checkpoint& object, bool has);
    [[nodiscard]] Result<Checkpoint> held_status(const Checkpoint& object, const Status& status);
    [[nodiscard]] Result<> reconcile_finished(const Key& key, const Store::Finished& finished);

    [[nodiscard]] Result<Checkpoint> patch_status(const Checkpoint& object, Status status);
    [[nodiscard]] Result<Checkpoint> live(const Key& key);
    [[nodiscard]] Result<Checkpoint> live_in_the_end(const Key& key);
    void post(const Checkpoint& object, const std::vector<Event>& events);

    // In the attempt's own thread.
    void attempt(Checkpoint object, const Action::Target& target);
    [[nodiscard]] Answer ask_kubelet(const Checkpoint& object, const Action::Target& target, Told& told);
    void write_end(Checkpoint object, const Answer& answer, const Told& told);
    [[nodiscard]] Result<> conclude_once(Checkpoint& object, const Answer& answer, const Told& told,
                                         std::vector<Event>& events);
    [[nodiscard]] Result<> make_ready(const Checkpoint& object, const std::string& created);
    [[nodiscard]] Result<> bind_content(const Checkpoint& object, const Status& status);

    // What the node is asked (ask_node.cpp): in an attempt's own thread, but for an archive that is to go,
    // two at a time.
    [[nodiscard]] Result<SidecarClient::Node> node_of(const std::string& name);
    [[nodiscard]] Preflight ask_beforehand(const Checkpoint& object, const Action::Target& target);
    [[nodiscard]] std::optional<Answer> ask_afterwards(const Checkpoint& object, const Answer& heard,
                                                       Told& told);
    [[nodiscard]] Looked look_at_node(const Checkpoint& object, const Answer& heard);
    void add_record(const Checkpoint& object, const Looked& looked, Told& told);
    // Of a whole archive, when its object has been told that it is there: nobody waits for it.
    void verify_later(const Checkpoint& object, const std::string& archive);
    void verify(const Checkpoint& object, const std::string& archive, const std::stop_token& stop);
    [[nodiscard]] Result<> write_verdict(const Key& key, const std::string& uid, const std::string& archive,
                                         const NodeVerified& verified);
    [[nodiscard]] Result<> begin_settling(const Checkpoint& object);
    void settle(const Checkpoint& object);
    [[nodiscard]] Result<> remove_archive(const Checkpoint& object);
    [[nodiscard]] Result<> remove_from_node(const Checkpoint& object);
    [[nodiscard]] Result<> may_still_come(const Checkpoint& object, const SidecarClient::Node& node);

    std::counting_semaphore<> removing_{2};
    Parts parts_;
    Settings settings_;
};

} // namespace lpm::controller
