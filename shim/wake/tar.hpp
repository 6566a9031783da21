// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "base/result.hpp"

// Reads a plain tar, which lies somewhere in a regular file, member by member. Whatever it has, memory stays
// bounded.
namespace lpm::wake {

// Bytes of a file.
struct Extent {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

struct Member {
    enum class Kind { file, folder, link, hard_link, fifo, other }; // other: a device, a socket
    std::string name;                                               // without a leading ./ and a trailing /
    Kind kind = Kind::file;
    std::uint64_t size = 0;
    // Where its content is in the file; nothing when it is sparse, and not there as a whole.
    std::optional<Extent> content{};
    std::string target{}; // of either link
    mode_t mode = 0;      // without its type
    uid_t uid = 0;
    gid_t gid = 0;
    timespec modified{};
    std::vector<std::pair<std::string, std::string>> attributes{}; // extended ones
};

class Tar {
  public:
    // The descriptor is borrowed, and its position left alone. Errc::invalid when there is no tar.
    [[nodiscard]] static Result<Tar> open(int fd, Extent where);
    Tar(Tar&&) noexcept;
    Tar& operator=(Tar&&) noexcept;
    ~Tar();

    // The next member; nothing behind the last one. What was not read of the one before is passed over.
    // Errc::invalid: it is damaged, or ends before tar's end mark, two records of zeros.
    [[nodiscard]] Result<std::optional<Member>> next();
    // All content of the member that came last, into a new file; holes stay holes.
    [[nodiscard]] Result<> copy(const Member& member, int to);

  private:
    struct State;
    explicit Tar(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// All of it; Errc::invalid when there are more than `limit` bytes.
[[nodiscard]] Result<std::string> read_extent(int fd, Extent where, std::size_t limit);

} // namespace lpm::wake
