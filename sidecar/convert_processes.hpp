// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>

#include "criu/images/fdinfo.hpp"
#include "node.pb.h"
#include "node/archive_images.hpp"
#include "node/tar.hpp"

// What InspectArchive says of processes. Clients take 4 MiB: whatever an archive has, an answer stays below.
namespace lpm::sidecar {

// What a part of an answer may still have, in bytes.
class Room {
  public:
    explicit Room(std::size_t bytes) : left_(bytes) {}
    // False when there is not so much, and from then on.
    [[nodiscard]] bool take(std::size_t bytes) {
        full_ = full_ || bytes > left_;
        left_ -= full_ ? 0 : bytes;
        return !full_;
    }
    [[nodiscard]] bool full() const { return full_; }

  private:
    std::size_t left_;
    bool full_ = false;
};

// Why something of a process could not be read: there may be as many reasons as processes.
class Reasons {
  public:
    void add(node::v1::ArchiveProcess& process, std::string_view what, std::string_view why);
    // Says so in the answer when not all have found room.
    void tell(node::v1::InspectArchiveResponse& to) const;

  private:
    Room room_{std::size_t{1} << 17};
};

// With their descriptors, without what lies in their memory.
void add_processes(const lpm::node::ArchiveImages& images, node::v1::InspectArchiveResponse& to);

// What a process has open by that number. An error: its type is known, and not all of it.
[[nodiscard]] Result<> convert(const criu::FdinfoEntry& from, const Result<criu::FileTable>& files,
                               node::v1::ArchiveDescriptor& to);

// Arguments of the processes that are in the answer, and their environment if that was asked for, out of the
// archive of these images. Errors as of read_memory.
[[nodiscard]] Result<> add_memory(int fd, const lpm::node::ArchiveImages& images, bool environment,
                                  const lpm::node::TarReader::Ask& ask, node::v1::InspectArchiveResponse& to);

} // namespace lpm::sidecar
