// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "oci/runtime.hpp"

// What is known of the runtime and of CRIU without running them: a cache that `lpm-gate --probe` fills. No
// helper process ever runs while a container is frozen (criu --version alone takes 10-26 ms).
namespace lpm::criu {

struct CriuFacts {
    std::string path;
    std::string key;
    std::uint32_t version = 0; // 40101 for 4.1.1; 0 when unknown
    // The network lock that CRIU uses when nobody sets one: a build option since 4.1. Found by a dump of a
    // sleeping process. Nothing when that failed.
    std::optional<std::string> network_lock{};
    // Why that dump failed, in CRIU's words; empty when it did not. Nothing when it was not tried.
    std::optional<std::string> dump_failure{};
    // The same of `criu check`.
    std::optional<std::string> check_failure{};
    // Of the features that `criu check --feature` was asked for, those that are not there. Nothing: not
    // asked.
    std::optional<std::vector<std::string>> missing{};
    std::optional<bool> selinux{}; // built with libselinux
    // When network-lock stands in the configuration file that a runtime names.
    std::optional<bool> crashes_on_lock{};
    // Why iptables-restore did not take such rules as CRIU locks the network with; empty when it did.
    // Nothing: it is not there, or was not tried.
    std::optional<std::string> lock_failure{};

    // The probe could tell everything.
    [[nodiscard]] bool complete() const;

    // Nothing when it is not known. `feature` must be one of those that the probe asks for.
    [[nodiscard]] std::optional<bool> has(std::string_view feature) const;
};

// The first CRIU that has the option allow-uprobes.
inline constexpr std::uint32_t knows_uprobes = 40200;

// What the probe asks `criu check --feature` for: what checks need to know.
inline constexpr std::string_view probed_features[] = {"seccomp_suspend", "get_rseq_conf", "memfd_hugetlb"};

struct Tooling {
    std::string boot_id;
    std::vector<oci::RuntimeFacts> runtimes;
    std::vector<CriuFacts> crius;

    // Facts of exactly this file; nullptr when it was never probed or was replaced since.
    [[nodiscard]] const oci::RuntimeFacts* runtime(std::string_view key) const;
    [[nodiscard]] const CriuFacts* criu(std::string_view key) const;
};

// What `fresh` could not tell, a try at a bad moment, is taken from `before`, which has the same boot: of the
// same file, and of files that `fresh` could not ask at all as long as is_there(path, key).
using IsThere = std::function<bool(const std::string& path, const std::string& key)>;
[[nodiscard]] Tooling merge(Tooling fresh, const Tooling& before, const IsThere& is_there);

[[nodiscard]] Result<Tooling> parse_tooling(std::string_view text);
[[nodiscard]] std::string write_tooling(const Tooling& tooling);
// Empty when there is no cache, or when it is of an earlier boot (the kernel may be another).
[[nodiscard]] Tooling read_tooling(const std::string& file, std::string_view boot_id);

// 40101 from the output of `criu --version`; 0 when there is no version in it.
[[nodiscard]] std::uint32_t parse_criu_version(std::string_view output);
[[nodiscard]] std::string version_text(std::uint32_t version);

} // namespace lpm::criu
