// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <string_view>

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

std::optional<bool> knows_option(std::string_view written, std::uint32_t version) {
    constexpr std::string_view no = "no-";
    if (written.contains('"')) // CRIU takes quotes off, and has rules of its own for those within
        return std::nullopt;
    // getopt_long(3) takes the beginning of a name as well.
    const auto begins = [](std::string_view name) {
        return [name](std::string_view known) { return known.starts_with(name); };
    };
    const std::string_view flag = written.starts_with(no) ? written.substr(no.size()) : written;
    const bool is_flag = std::ranges::any_of(flags, begins(flag));
    if (!is_flag && std::ranges::none_of(others, begins(written)))
        return version == 0 || version >= newer ? std::nullopt : std::optional(false);
    if (flag != "allow-uprobes")
        return true;
    return version == 0 ? std::nullopt : std::optional(version >= knows_uprobes);
}

} // namespace lpm::criu
