// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <algorithm>
#include <cstddef>
#include <curl/curl.h>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "kube/http.hpp"

// For kube/http alone.
namespace lpm::kube {

struct EasyEnd {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, EasyEnd>;

// Handles that are not in use, with the connections that they keep.
class Http::Pool {
  public:
    Pool(std::string agent, bool proxied) : agent_(std::move(agent)), environment_proxy_(proxied) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
    }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool() {
        idle_.clear();
        curl_global_cleanup();
    }

    // The one that was last at that server, for its connection.
    Easy take(const std::string& authority) {
        const std::lock_guard lock(mutex_);
        const auto last = std::ranges::find(idle_.rbegin(), idle_.rend(), authority, &Idle::authority);
        if (last == idle_.rend())
            return Easy(curl_easy_init());
        Easy easy = std::move(last->easy);
        idle_.erase(std::next(last).base());
        return easy;
    }

    void give(std::string authority, Easy easy) {
        curl_easy_reset(easy.get());
        const std::lock_guard lock(mutex_);
        idle_.push_back({std::move(authority), std::move(easy)});
        if (idle_.size() > most_idle)
            idle_.erase(idle_.begin());
    }

    [[nodiscard]] const std::string& agent() const { return agent_; }
    [[nodiscard]] bool environment_proxy() const { return environment_proxy_; }

  private:
    struct Idle {
        std::string authority;
        Easy easy;
    };
    static constexpr std::size_t most_idle = 16;
    std::string agent_;
    bool environment_proxy_;
    std::mutex mutex_;
    std::vector<Idle> idle_; // that has waited longest first
};

} // namespace lpm::kube
