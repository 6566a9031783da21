// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "config/settings.hpp"
#include "criu/options.hpp"
#include "criu/tooling.hpp"

// What lpm adds to a call so that it works, or does what the node's owner wants. Nothing that the caller has
// said is changed: what he sets stays, and what he does not set gets the node's word.
namespace lpm::criu {

// What a restore must know of the dump that its images are from.
struct Dumped {
    bool tcp_close = false;
    bool tcp_established = false;
    bool allow_uprobes = false;
    bool file_locks = false; // there are locks in the images
};

// Through the runtime's command line where it lists the flag: it sends some of them as "off" when they are
// not given, which counts more than a file. Else through CRIU's configuration file. Only for runc: what crun
// does with these has not been shown.
[[nodiscard]] Additions for_checkpoint(const config::Options& options, const oci::Invocation& invocation,
                                       const oci::RuntimeFacts& runtime);
[[nodiscard]] Additions for_restore(const config::Options& options, const oci::Invocation& invocation,
                                    const oci::RuntimeFacts& runtime, const Dumped& dumped);

} // namespace lpm::criu
