// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/words.hpp"

// lpm.toml. The only place that sees toml++.
namespace lpm::config {

// What a finding of a check does: `block` refuses the operation, `warn` is recorded.
enum class Severity { off, warn, block };
inline constexpr std::string_view severities[] = {"off", "warn", "block"};
constexpr std::span<const std::string_view> words_of(Severity) {
    return severities;
}

// What becomes of TCP connections: `refuse` leaves it to the caller's own options.
enum class Tcp { refuse, close, established };
inline constexpr std::string_view tcp_modes[] = {"refuse", "close", "established"};
constexpr std::span<const std::string_view> words_of(Tcp) {
    return tcp_modes;
}

// [options]: what lpm adds to a call whose caller has not asked for it.
struct Options {
    Tcp tcp = Tcp::refuse;       // at checkpoint; a restore does what its checkpoint did
    bool skip_in_flight = false; // at checkpoint: drop connections that nobody has accepted yet
    bool link_remap = false;     // at checkpoint: files without a name get one for the restore
    std::string ghost_limit;     // at checkpoint, as CRIU has it: "512M"; empty: CRIU's own
    bool file_locks = true;      // at restore, when there are locks in the images
    // At restore: the runtime alone places the container in cgroups. Off: with it, CRIU fails to restore a
    // container that has cgroups below its own (seen: runc 1.3.6, CRIU 4.2.1), and runc 1.3 needs no help.
    bool own_cgroup = false;

    // Sets one by its name in lpm.toml; false when there is no such option or the value does not suit it.
    [[nodiscard]] bool set(std::string_view name, std::string_view value);
};

// [retention]: what stays of the records.
struct Retention {
    std::uint32_t max_records = 10'000;
    std::uint32_t max_days = 90;
    std::uint64_t max_log_bytes = std::uint64_t{1} << 30;      // all logs together, on the disk
    std::uint64_t max_journal_bytes = std::uint64_t{16} << 20; // of one generation; four are kept
};

inline constexpr Retention keep_all{UINT32_MAX, 36'500, UINT64_MAX, UINT64_MAX};

struct Settings {
    // All pre-checks together, per operation. What was not judged by then is `unknown`.
    std::chrono::milliseconds deadline{1000};
    // [rescue]: whether a container is thawed that a dead caller has left paused, and how long after its end.
    bool rescue = true;
    std::uint32_t rescue_after = 30; // seconds
    // [restore]: a pod may ask by an annotation that a container is restored from an archive of this node at
    // its create, and whether from one of another namespace.
    bool restore_at_create = false;
    bool restore_across_namespaces = false;
    std::vector<std::string> signed_by; // files of public keys; none: no signature is wanted
    // [hooks] total_ms: all life-cycle hooks of a call together.
    std::chrono::milliseconds hook_time{10'000};
    // Where the kubelet writes checkpoint archives; DiskSpace looks at its file system too.
    std::string kubelet_dir = "/var/lib/kubelet";
    // [archives]: where others than the kubelet put archives, as `crictl checkpoint --export` does.
    std::vector<std::string> archive_folders;
    std::string sign_with; // a file of a private key; empty: archives are not signed
    // How many whole archives of a container stay; 0: nothing is removed.
    std::uint32_t keep_archives = 0;
    // [checks]: id of a check -> severity, in the order of the file.
    std::vector<std::pair<std::string, Severity>> severities;
    // Checks that the annotation lpm.my.domain/skip-checks may make warnings of; "*" stands for all.
    std::vector<std::string> skippable;
    Options options;
    Retention retention;
    // Options that the annotation lpm.my.domain/options may set; "*" stands for all.
    std::vector<std::string> settable;
    // What was wrong with the file, each "file:line: key: reason". A bad key loses that key only; a file
    // that is no TOML loses all of it. Never a reason to stop a container.
    std::vector<std::string> problems;
    // [retention] is as it was meant, as far as can be told.
    bool retention_known = true;
    // Why [archives] may be meant otherwise than it is here; empty: it is as it was meant.
    std::string archives_unread;
    std::string restore_unread; // the same of [restore]

    [[nodiscard]] std::optional<Severity> severity_of(std::string_view check) const;
    [[nodiscard]] bool may_skip(std::string_view check) const;
    [[nodiscard]] bool may_set(std::string_view option) const;
};

[[nodiscard]] Settings parse(std::string_view text, const std::string& file);
// Defaults when the file is missing; defaults and a problem when it cannot be read.
[[nodiscard]] Settings read(const std::string& file);

} // namespace lpm::config
