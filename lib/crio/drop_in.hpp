// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "crio/crio.hpp"

// The file of crio.conf.d that puts lpm-runc in the place of handlers' runtimes. It must repeat each key of
// such a handler: a table of a later file replaces an earlier one whole.
namespace lpm::crio {

inline constexpr std::string_view drop_in_name = "zz-lpm.conf";

struct Wanted {
    std::vector<std::string> handlers; // that are to go through lpm
    std::string runtime_path;          // their new one
    // The handler that this CRI-O has when no file sets one: runc up to 1.30, crun since 1.31. Empty:
    // unknown.
    std::string built_in;
    // Of a handler that is new: /run/IMPLEMENTATION-NAME is its runtime_root, which it shares with no other.
    std::string implementation = "runc";
};

// The handler of containers for which nobody names one; empty when no file says so and `built_in` is unknown.
[[nodiscard]] std::string default_handler(const Configuration& configuration, std::string_view built_in);

// "runc" or "crun", from what `crio --version` prints; empty when it does not say a version.
[[nodiscard]] std::string built_in_handler(std::string_view version_output);

// The text of the file `path` (its name is drop_in_name) from what all others set. A handler that none of
// them sets is the built-in one, or else a new one with what the default handler has that is not bound to its
// implementation. Errc::invalid, with what to do, when CRI-O would not take it so.
[[nodiscard]] Result<std::string> make_drop_in(const Configuration& others, const Wanted& wanted,
                                               const std::string& path);

// The text is as make_drop_in made it, to the letter, whenever that was.
[[nodiscard]] bool is_as_made(std::string_view text);

} // namespace lpm::crio
