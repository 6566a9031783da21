// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include "base/result.hpp"

namespace lpm::inspect {

// What a container had changed in its root file system at the checkpoint, and will have again: it is put down
// behind the checks of a restore at create, so that a refusal leaves the root file system as it was.
class Layer {
  public:
    // As `lpm-wake images` lists it (shim/wake/layer.hpp). Errc::invalid: it is no such list.
    [[nodiscard]] static Result<Layer> parse(std::string_view text);

    // The type, mode and size of what will be at `name`, which begins with a slash. Nothing: what the root
    // file system has there. Errc::busy: that cannot be told, or it is reached over a link.
    [[nodiscard]] std::optional<Result<struct statx>> find(std::string_view name) const;

  private:
    struct Entry {
        std::string_view name; // relative to the root
        char kind = 0;
        mode_t mode = 0;
        std::uint64_t size = 0;
        std::string_view target{}; // of a hard link
    };
    [[nodiscard]] Result<> read();
    [[nodiscard]] const Entry* entry(std::string_view name) const;

    std::vector<char> text_;
    std::vector<Entry> entries_;            // by name
    std::vector<std::string_view> deleted_; // sorted
};

} // namespace lpm::inspect
