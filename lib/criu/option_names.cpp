// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "criu/options.hpp"
#include "criu/tooling.hpp"

namespace lpm::criu {

// Long options of criu/config.c, of all releases since 3.16. Flags have a form with "no-" as well.
static constexpr std::string_view flags[] = {"allow-uprobes",
                                             "auto-dedup",
                                             "daemon",
                                             "deprecated",
                                             "display-stats",
                                             "evasive-devices",
                                             "experimental",
                                             "extra",
                                             "file-locks",
                                             "force-irmap",
                                             "ghost-fiemap",
                                             "link-remap",
                                             "log-pid",
                                             "mntns-compat-mode",
                                             "page-server",
                                             "relative-timestamps",
                                             "remote",
                                             "restore-detached",
                                             "restore-sibling",
                                             "shell-job",
                                             "skip-file-rwx-check",
                                             "skip-in-flight",
                                             "stream",
                                             "tcp-close",
                                             "tcp-established",
                                             "tls",
                                             "track-mem",
                                             "unprivileged",
                                             "weak-sysctls"};
static constexpr std::string_view others[] = {"action-script",
                                              "address",
                                              "all",
                                              "cgroup-dump-controller",
                                              "cgroup-props",
                                              "cgroup-props-file",
                                              "cgroup-root",
                                              "cgroup-yard",
                                              "close",
                                              "config",
                                              "cpu-cap",
                                              "empty-ns",
                                              "enable-external-masters",
                                              "enable-external-sharing",
                                              "enable-fs",
                                              "exec-cmd",
                                              "ext-mount-map",
                                              "ext-unix-sk",
                                              "external",
                                              "feature",
                                              "file-validation",
                                              "freeze-cgroup",
                                              "ghost-limit",
                                              "help",
                                              "images-dir",
                                              "inherit-fd",
                                              "irmap-scan-path",
                                              "join-ns",
                                              "lazy-pages",
                                              "leave-running",
                                              "leave-stopped",
                                              "libdir",
                                              "log-file",
                                              "lsm-mount-context",
                                              "lsm-profile",
                                              "manage-cgroups",
                                              "ms",
                                              "network-lock",
                                              "no-default-config",
                                              "pidfile",
                                              "port",
                                              "pre-dump-mode",
                                              "prev-images-dir",
                                              "ps-socket",
                                              "root",
                                              "skip-mnt",
                                              "status-fd",
                                              "timeout",
                                              "tls-cacert",
                                              "tls-cacrl",
                                              "tls-cert",
                                              "tls-key",
                                              "tls-no-cn-verify",
                                              "tree",
                                              "verbosity",
                                              "version",
                                              "veth-pair",
                                              "work-dir"};
// What is as new as this may have options that are not among them.
static constexpr std::uint32_t newer = 40300;

static constexpr std::string_view no = "no-";

// Those that begin so, as getopt_long(3) takes the beginning of a name as well; the name itself alone if it
// is one. Of a flag's form with "no-" the flag.
static std::vector<std::string_view> find_names(std::string_view written) {
    std::vector<std::string_view> found;
    bool whole = false;
    const auto look = [&](std::string_view name, std::string_view begin) {
        if (whole || !name.starts_with(begin))
            return;
        whole = name == begin;
        if (whole)
            found.clear();
        found.push_back(name);
    };
    for (const auto name : flags)
        look(name, written);
    for (const auto name : others)
        look(name, written);
    for (const auto name : flags)
        if (written.starts_with(no))
            look(name, written.substr(no.size()));
    return found;
}

std::string_view whole_name(std::string_view written) {
    const auto names = find_names(written);
    return names.size() == 1 ? names.front() : written;
}

std::optional<bool> knows_option(std::string_view written, std::uint32_t version) {
    if (written.contains('"')) // CRIU takes quotes off, and has rules of its own for those within
        return std::nullopt;
    const auto names = find_names(written);
    if (names.empty())
        return version == 0 || version >= newer ? std::nullopt : std::optional(false);
    if (names.size() > 1) // CRIU ends at it, unless it has one of them only
        return std::nullopt;
    if (names.front() != "allow-uprobes")
        return true;
    return version == 0 ? std::nullopt : std::optional(version >= knows_uprobes);
}

bool takes_value(const Setting& setting) {
    // Of criu/config.c. What others may have is not judged here: CRIU takes most of it as it is.
    struct Choice {
        std::string_view name;
        std::array<std::string_view, 3> values;
    };
    static constexpr Choice choices[] = {{"network-lock", {"iptables", "nftables", "skip"}},
                                         {"file-validation", {"buildid", "filesize"}},
                                         {"pre-dump-mode", {"read", "splice"}},
                                         {"empty-ns", {"net"}}};
    if (setting.value.contains('"'))
        return true;
    if (setting.joined && std::ranges::contains(flags, setting.name)) // getopt_long(3) ends at it
        return false;
    const auto choice = std::ranges::find(choices, setting.name, &Choice::name);
    return choice == std::end(choices) ||
           (!setting.value.empty() && std::ranges::contains(choice->values, setting.value));
}

} // namespace lpm::criu
