// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

#include "api/checkpoint.hpp"
#include "decide.hpp"
#include "kube/client.hpp"

namespace lpm::controller {

// Events about ContainerCheckpoints and pods, for `kubectl describe`. Posted by `run`, beside the work: one
// that cannot be posted is dropped, and so are those over a thousand that wait.
class Events {
  public:
    // `instance`: reportingInstance, at most 128 bytes.
    Events(kube::Client& client, std::string instance);

    void post(const Key& key, const std::string& uid, const Event& event);
    // About a pod, as of `when`. What `same` stands for is posted once, also by who comes after us.
    void post_of_pod(const Key& pod, const std::string& uid, const Event& event, const std::string& same,
                     Time when);
    // Until it is stopped; what was posted before is sent first, for five seconds at most.
    void run(const std::stop_token& stop);

  private:
    struct Waiting {
        Key key;
        std::string uid;
        Event event;
        Time when;
        std::string same; // of a pod
    };
    struct Sent {
        std::string text; // uid, reason and note
        std::string name;
        std::int64_t count = 1;
        std::chrono::steady_clock::time_point when;
    };
    void add(Waiting waiting);
    void send(const Waiting& waiting);
    [[nodiscard]] Result<> create(const Waiting& waiting, const std::string& name, const std::string& note);

    kube::Client& client_;
    std::string instance_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Waiting> waiting_;
    std::list<Sent> sent_; // of the last minutes, oldest first: the same again only counts
    std::map<std::string, std::list<Sent>::iterator> by_text_;
};

} // namespace lpm::controller
