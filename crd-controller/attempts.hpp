// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>

namespace lpm::controller {

// Requests to kubelets that are under way, each in a thread of its own: it waits for minutes.
class Attempts {
  public:
    struct Limits {
        std::size_t per_node = 2;
        std::size_t in_all = 64;
    };
    explicit Attempts(Limits limits) : limits_(limits) {}
    Attempts(const Attempts&) = delete;
    Attempts& operator=(const Attempts&) = delete;
    ~Attempts();

    // Room for an attempt of the object `key`: false when one of the same container is under way or began a moment ago,
    // or too many are. The kubelet names archives by the second, and a second one would be written over the first.
    [[nodiscard]] bool reserve(const std::string& key, const std::string& container, const std::string& node);
    void release(const std::string& key);
    // The object has room, and may have a request under way.
    [[nodiscard]] bool has(const std::string& key) const;
    [[nodiscard]] std::size_t size() const;

    // Runs `work` for an object that has room, and gives the room back.
    void start(const std::string& key, std::function<void()> work);
    // Until nothing is under way; false when that takes longer.
    [[nodiscard]] bool wait(std::chrono::seconds longest);

  private:
    struct Place {
        std::string container;
        std::string node;
    };
    Limits limits_;
    mutable std::mutex mutex_;
    std::condition_variable ended_;
    std::map<std::string, Place> places_;
    std::set<std::string> containers_;
    std::map<std::string, std::chrono::steady_clock::time_point> began_; // of containers, in the last moments
    std::map<std::string, std::size_t> nodes_;
    std::size_t threads_ = 0;
};

} // namespace lpm::controller
