// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "api/time.hpp"
#include "base/result.hpp"
#include "told.hpp"

namespace lpm::controller {

class SidecarChannels;

// Asks the lpm-sidecars of nodes (lpm.node.v1) by mutual TLS. Each call waits for its answer, for a bounded
// time, in the thread of who asks: attempts have one of their own. The node's name is what a sidecar's
// certificate must have, whatever its address is. One connection a node, kept a while for the next call.
class SidecarClient {
  public:
    // PEM, read again when they change.
    struct Files {
        std::string ca; // who signs the sidecars' certificates
        std::string certificate;
        std::string key;
    };
    struct Node {
        std::string name;
        std::string host; // address, in brackets when it is IPv6
    };
    struct Container {
        std::string space;
        std::string pod;
        std::string pod_uid;
        std::string name;
        std::string id;
    };
    struct Object { // that asks for it
        std::string space;
        std::string name;
        std::string uid;
    };
    using Options = std::map<std::string, std::string>;

    // Errc::io and the like: a file that cannot be read.
    [[nodiscard]] static Result<std::unique_ptr<SidecarClient>> open(const Files& files, std::uint32_t port);
    // What is shown, and who is trusted, as it is asked for before a connection is made.
    struct Identity {
        std::string ca; // PEM, as the others
        std::string certificate;
        std::string key;
        [[nodiscard]] bool operator==(const Identity&) const = default;
    };
    using Identify = std::function<Result<Identity>()>;
    SidecarClient(Identify identify, std::uint32_t port);
    SidecarClient(const SidecarClient&) = delete;
    SidecarClient& operator=(const SidecarClient&) = delete;
    ~SidecarClient();

    // Errors of all: Errc::absent, denied, busy and invalid are the sidecar's word; unavailable: it is not
    // reached, did not answer in time, or cannot tell just now; io: it failed.
    [[nodiscard]] Result<NodeVerdict> preflight(const Node& node, const Container& container,
                                                const Options& options);
    [[nodiscard]] Result<NodeVerdict> prepare(const Node& node, const Container& container,
                                              const Options& options, const std::string& attempt,
                                              const Object& object);
    [[nodiscard]] Result<NodeArchive> find_archive(const Node& node, const std::string& attempt);
    // Reads all of it, for `time` at most; what is stopped ends as unavailable.
    [[nodiscard]] Result<NodeVerified> verify_archive(const Node& node, const std::string& path,
                                                      std::chrono::seconds time, const std::stop_token& stop);
    [[nodiscard]] Result<NodeRecord> get_record(const Node& node, const std::string& id);
    // The last record of a checkpoint that has this attempt, of those that began since.
    [[nodiscard]] Result<NodeRecord> find_record(const Node& node, const std::string& attempt, Time since);
    // Of restores of that pod, of those that began since; the newest when there are very many.
    [[nodiscard]] Result<std::vector<RestoreRecord>> list_restores(const Node& node,
                                                                   const std::string& pod_uid, Time since);
    // `file_id`: of the file that is meant; empty: whichever is there.
    [[nodiscard]] Result<> delete_archive(const Node& node, const std::string& path,
                                          const std::string& file_id);

  private:
    explicit SidecarClient(std::unique_ptr<SidecarChannels> channels);
    std::unique_ptr<SidecarChannels> channels_;
};

} // namespace lpm::controller
