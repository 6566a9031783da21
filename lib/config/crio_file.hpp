// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// One file of CRI-O's configuration, as far as lpm has to know it (crio.conf(5)).
namespace lpm::config {

inline constexpr std::size_t max_crio_file = std::size_t{1} << 20; // bytes
inline constexpr std::size_t max_crio_handlers = 256;              // of one file

// A key of a handler's table, known here or not, with its value as TOML writes it on one line.
struct CrioKey {
    std::string name;
    std::string value;
    bool operator==(const CrioKey&) const = default;
};

// The table [crio.runtime.runtimes.NAME]. A table of a later file replaces an earlier one of that name whole:
// keys that it does not set are CRI-O's defaults again (seen on 1.36).
struct CrioHandler {
    std::string name;
    std::string runtime_path;
    std::string runtime_root;
    std::string runtime_type;
    std::vector<std::string> monitor_env;
    std::vector<std::string> allowed_annotations;
    bool inherit_default_runtime = false;
    std::string file;          // that sets it
    std::vector<CrioKey> keys; // all that are set, in the order of their names
    std::string odd_key{};     // one whose value cannot be repeated to the letter: it is not among `keys`
};

// What the file does not set is nothing.
struct CrioFile {
    std::optional<std::string> default_runtime; // [crio.runtime] default_runtime
    std::optional<bool> enable_criu_support;    // [crio.runtime] enable_criu_support
    std::optional<std::string> listen;          // [crio.api] listen: its socket
    std::vector<CrioHandler> handlers;
};

// Errc::invalid, with file, line and reason, for what CRI-O could not read either: no TOML, or a key of
// another type. Keys of which nothing is known here are left alone.
[[nodiscard]] Result<CrioFile> parse_crio_file(std::string_view text, const std::string& file);

// A text as TOML quotes it; what is not printable ASCII is escaped.
[[nodiscard]] std::string quote_toml(std::string_view text);
// The table of a handler, which parse_crio_file reads as the same keys.
[[nodiscard]] std::string write_crio_handler(std::string_view name, const std::vector<CrioKey>& keys);

} // namespace lpm::config
