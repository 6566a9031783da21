// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>

#include "config/settings.hpp"
#include "criu/tooling.hpp"
#include "inspect/facts.hpp"
#include "oci/argv.hpp"

namespace lpm::gate {

// What this process was started with.
struct Arguments {
    const oci::Invocation& invocation;
    char** argv;
    int argc;
    char** environment; // ends with nullptr

    // nullptr when it is not set.
    [[nodiscard]] const char* variable(std::string_view name) const;
};

// A checkpoint or restore as its caller asked for it, with absolute paths, and what is known before anything
// is looked at: the node's settings, and what the probe kept of runtime and CRIU.
struct Request {
    Request(const Arguments& arguments, inspect::Stage stage);

    config::Settings settings;
    criu::Tooling tooling;
    std::string boot_id;
    std::string runtime_path;
    std::string work_path;
    std::string parent_path; // relative to the image directory, as runc has it
    inspect::Subject subject;
};

} // namespace lpm::gate
