// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "gate.hpp"
#include "node/archive.hpp"
#include "service/archives.hpp"

namespace lpm::sidecar {

// What is known of an archive without its parts.
struct KnownArchive {
    service::ArchiveFile file;
    lpm::node::ArchiveState state = lpm::node::ArchiveState::unknown;
    std::string message{};
    std::string format{};
    lpm::node::ArchiveIdentity identity{};
    std::string unread{}; // a part with the identity that could not be read
    // It may be of an attempt that its identity does not tell.
    [[nodiscard]] bool is_undecided() const;
    // Somebody writes it, or may: it is not judged by what it has now.
    [[nodiscard]] bool is_being_written() const;
    // As clients are told of its state: "writing", or the name of `state`.
    [[nodiscard]] std::string state_word() const;
};

// The archives of this node: lpm-gate lists and opens them, and here they are read, without power. Called by
// many threads.
class Archives {
  public:
    explicit Archives(Gate& gate) : gate_(gate) {}
    using Ended = Gate::Ended;

    [[nodiscard]] Result<std::vector<service::ArchiveFolder>> list(const Ended& ended);
    // By what it was found to be when it was read; each file is read once.
    [[nodiscard]] KnownArchive look(const service::ArchiveFile& file, const Ended& ended);

    struct Opened {
        service::ArchiveFile file;
        Fd content;
    };
    // Errc::absent, Errc::busy: see shim/gate/archives.hpp.
    [[nodiscard]] Result<Opened> open(const std::string& path, const std::string& id, const Ended& ended);
    [[nodiscard]] Result<service::ArchiveFile> remove(const std::string& path, const std::string& id,
                                                      const Ended& ended);

    // Who reads one; a few at a time, as each takes memory. Errc::unavailable when `ended` says that nobody
    // waits.
    [[nodiscard]] Result<std::unique_ptr<Permit>> reader(const Ended& ended);

  private:
    void forget_others(const std::vector<service::ArchiveFolder>& folders);
    Gate& gate_;
    std::counting_semaphore<> readers_{4};
    std::mutex mutex_;                          // of known_
    std::map<std::string, KnownArchive> known_; // by path; at most as many as were listed
};

// Reading goes on until nobody waits for it any more.
[[nodiscard]] lpm::node::TarReader::Ask ask_of(Gate::Ended ended);

[[nodiscard]] KnownArchive known_of(const service::ArchiveFile& file, lpm::node::Archive&& read);

} // namespace lpm::sidecar
