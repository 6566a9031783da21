// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>

#include "kube/client.hpp"
#include "json/json.hpp"

namespace lpm::kube {

// Keeps somebody's picture of all objects of a kind: lists them, watches, lists again when the server has
// forgotten where we were. `run` returns when it is told to stop.
class Reflector {
  public:
    struct Sink {
        std::function<void()> list_begins;    // what is not named before list_ended does not exist any more
        std::function<void(json::Value)> set; // made or changed
        std::function<void(const json::Value&)> removed;
        std::function<void()> list_ended;
        std::function<void(const Error&)> failed{}; // for the log: it is tried again
    };
    Reflector(Client& client, std::string path, Client::Depth depth = Client::Depth::whole)
        : client_(client), path_(std::move(path)), depth_(depth) {}

    // Before it runs.
    void follow(Sink sink) { sink_ = std::move(sink); }
    void run(const std::stop_token& stop);
    // Listed once, and heard of since.
    [[nodiscard]] bool is_synced() const { return synced_; }

  private:
    [[nodiscard]] Result<> list(const std::stop_token& stop);
    [[nodiscard]] Result<> watch(const std::stop_token& stop);

    Client& client_;
    std::string path_;
    Client::Depth depth_;
    Sink sink_;
    std::string version_; // that the picture has; empty: list first
    std::atomic<bool> synced_{false};
};

} // namespace lpm::kube
