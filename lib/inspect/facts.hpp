// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "config/settings.hpp"
#include "criu/additions.hpp"
#include "criu/options.hpp"
#include "inspect/caller.hpp"
#include "inspect/container.hpp"
#include "inspect/host.hpp"
#include "inspect/images.hpp"
#include "inspect/subject.hpp"
#include "inspect/tools.hpp"
#include "oci/bundle.hpp"

namespace lpm::inspect {

// An option in the pod's annotation that does not count.
struct IgnoredOption {
    enum class Why {
        not_allowed, // by lpm.toml
        unknown,     // there is no such option, or it has no such value
    };
    Why why = Why::unknown;
    std::string text; // "tcp=close"
};

// Everything that the checks judge, gathered in one pass. What could not be read is nothing, and makes the
// checks that need it say `unknown`.
struct Facts {
    Subject subject;
    CallOptions call;
    Caller caller;
    std::optional<oci::Bundle> bundle;
    HostFacts host;
    ToolFacts tools;
    ContainerFacts container; // checkpoint only
    ImageFacts images;        // restore only

    criu::Additions additions;      // what lpm adds to this call
    criu::EffectiveOptions options; // in force, additions among them
    std::vector<IgnoredOption> ignored_options;
    // Life-cycle hooks that must succeed and are not run, as the container is frozen.
    std::vector<std::string> skipped_hooks;
};

// Never fails.
[[nodiscard]] Facts gather(const Subject& subject, const oci::Invocation& invocation, const Caller& caller,
                           const config::Settings& settings, const criu::Tooling& tooling,
                           const Deadline& deadline);

} // namespace lpm::inspect
