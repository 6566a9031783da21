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

// Where a CRI-O has them: --config and --config-dir.
struct Files {
    std::string main;
    std::string folder;
    [[nodiscard]] bool operator==(const Files&) const = default;
};
[[nodiscard]] inline Files files_in(const std::string& dir) {
    return {dir + "/crio.conf", dir + "/crio.conf.d"};
}

// The main file, then every file of the folder and below it whatever its name, but not the file `without` of
// that folder. In the order of CRI-O (filepath.Walk in UpdateFromPath, pkg/config/config.go): by the names in
// each folder, a folder's own files where its name stands.
[[nodiscard]] Configuration read_configuration(const Files& from, std::string_view without = {});
// In that order. Of two paths of one folder.
[[nodiscard]] bool comes_before(std::string_view path, std::string_view other);
// Of `dir`/crio.conf and `dir`/crio.conf.d.
[[nodiscard]] Configuration read_configuration(const std::string& dir, std::string_view without = {});

// Where runtimes keep the states of containers: what handlers name, and where runc and crun have them when
// nobody says so. Without doubles.
[[nodiscard]] std::vector<std::string> state_roots(const Configuration& configuration);

} // namespace lpm::crio
