// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <sys/types.h>

#include "base/result.hpp"
#include "crio/crio.hpp"

// Where the CRI-O that runs has its configuration.
namespace lpm::inspect {

struct CrioFiles {
    crio::Files files = crio::files_in(crio::config_dir); // by its --config and --config-dir
    pid_t pid = 0;                                        // 0: none runs that we see
    // What its command line names by a directory that we do not know; empty: nothing. `files` has the usual
    // one there.
    std::string unknown{};
};

// The usual ones when no CRI-O runs.
[[nodiscard]] CrioFiles find_crio_files();

// What they say, for a CRI-O that starts now.
[[nodiscard]] crio::Configuration read_crio();

// Errc::invalid where that CRI-O has them in a place that we do not know.
[[nodiscard]] Result<crio::Files> known_crio_files();

// Of a command line, as /proc/PID/cmdline has it.
[[nodiscard]] CrioFiles crio_files_of(std::string_view cmdline);

} // namespace lpm::inspect
