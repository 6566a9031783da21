// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>

#include "criu/tooling.hpp"
#include "inspect/caller.hpp"
#include "inspect/host.hpp"
#include "inspect/subject.hpp"
#include "oci/bundle.hpp"

// Programs that a checkpoint or restore needs: the runtime, CRIU, and what that starts.
namespace lpm::inspect {

struct ToolFacts {
    std::optional<oci::RuntimeFacts> runtime; // as the probe knows it
    std::string runtime_config;               // the configuration file that the runtime hands to CRIU
    std::string criu_path;                    // empty: not where the runtime looks for it
    bool criu_by_flag = false; // --criu was given, and whether the runtime heeds it is not known
    std::optional<criu::CriuFacts> criu;
    // In the caller's PATH.
    bool has_iptables = true;
    bool has_ip6tables = true;
    std::string missing_tar; // tar or gzip, when it is not where CRIU looks for it
};

// `criu_flag`: the value of --criu, nullptr when it is not given.
[[nodiscard]] ToolFacts inspect_tools(const Subject& subject, const Caller& caller,
                                      const std::optional<oci::Bundle>& bundle, const char* criu_flag,
                                      const criu::Tooling& tooling);

// Pages that MADV_GUARD_INSTALL has made guards of stop this CRIU on this kernel, if there are any. Nothing:
// it is not known.
[[nodiscard]] std::optional<bool> guards_matter(const std::optional<KernelVersion>& kernel,
                                                const std::optional<criu::CriuFacts>& criu);

} // namespace lpm::inspect
