// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace lpm::node {

// SHA-256 of a stream of bytes.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    void add(std::span<const std::byte> bytes);
    // In hexadecimal. Once.
    [[nodiscard]] std::string end();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// As in gzip (RFC 1952).
[[nodiscard]] std::uint32_t crc32(std::span<const std::byte> bytes);

} // namespace lpm::node
