// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/checkpoint.hpp"

namespace lpm::controller {

// All ContainerCheckpoints as they were last heard of. Of a finished one little is kept: there may be very
// many.
class Store {
  public:
    struct Finished {
        std::string uid;
        std::string version;   // resourceVersion
        std::string container; // "POD/CONTAINER" that it is of
        Time ended{};
        std::optional<std::int64_t> ttl;
        bool success = false;
        bool has_archive = false;
        bool lacks_finalizer = false; // its deletion has something to clean
    };

    void list_begins();
    void set(Checkpoint object);
    // What our own write has made of it. Not when the watch knows more: that it is gone, or what came after.
    void update(Checkpoint object);
    void removed(const Key& key);
    // Keys of what the list has not named.
    [[nodiscard]] std::vector<Key> list_ended();

    // Of one that is not finished, or is being deleted.
    [[nodiscard]] std::optional<Checkpoint> find(const Key& key) const;
    [[nodiscard]] std::optional<Finished> find_finished(const Key& key) const;
    // Successful ones of the same container, but for the newest `keep`.
    [[nodiscard]] std::vector<std::pair<Key, std::string>> surplus(const Key& of, std::size_t keep) const;
    [[nodiscard]] std::map<std::string, std::size_t> count_by_phase() const;

  private:
    void put(Checkpoint object);

    mutable std::mutex mutex_;
    std::map<Key, Checkpoint> open_;
    std::map<Key, Finished> finished_;
    std::set<Key> unseen_; // while a list comes
};

} // namespace lpm::controller
