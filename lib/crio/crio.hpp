// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/crio_file.hpp"

// The configuration with which a CRI-O that starts now would run.
namespace lpm::crio {

inline constexpr const char* config_dir = "/etc/crio";

// A table of a later file has replaced that of an earlier one, and lacks keys that the earlier one set.
struct LostKeys {
    std::string handler;
    std::string file; // the later one
    std::vector<std::string> keys;
};

struct Configuration {
    std::string default_runtime; // empty: no file sets it, and it is the built-in one of that CRI-O
    bool criu_support = true;
    std::string listen = "/var/run/crio/crio.sock";
    std::vector<config::CrioHandler> handlers; // each as the last file that has it sets it
    std::vector<LostKeys> lost;                // of keys that no file after that one sets again
    std::vector<std::string> files;            // that were read, in CRI-O's order
    std::vector<std::string> problems;         // files that could not be read: CRI-O would not start

    [[nodiscard]] const config::CrioHandler* handler(std::string_view name) const;
};

// `dir`/crio.conf, then every file of `dir`/crio.conf.d whatever its name, in the order of their names
// (pkg/config/config.go, UpdateFromPath); but not the file `without` of that folder.
[[nodiscard]] Configuration read_configuration(const std::string& dir, std::string_view without = {});

// Where runtimes keep the states of containers: what handlers name, and where runc and crun have them when
// nobody says so. Without doubles.
[[nodiscard]] std::vector<std::string> state_roots(const Configuration& configuration);

} // namespace lpm::crio
