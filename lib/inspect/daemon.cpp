// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/daemon.hpp"

#include "base/text.hpp"
#include "linux/procfs.hpp"

namespace lpm::inspect {

static constexpr const char* usual_kubelet_dir = "/var/lib/kubelet"; // cmd/kubelet/app/options/options.go

pid_t find_daemon(std::string_view name) {
    const ino_t own_mounts = procfs::read_namespace(0, "mnt").value_or(0);
    return procfs::find_process([&](pid_t pid) {
        const auto status = procfs::read_status(pid);
        return status && status->name == name && status->users.effective == 0 && status->ns_pids.size() < 2 &&
               own_mounts != 0 && procfs::read_namespace(pid, "mnt").value_or(0) == own_mounts;
    });
}

std::optional<std::string> parse_kubelet_dir(std::string_view cmdline) {
    (void)next_part(cmdline, '\0');
    std::optional<std::string> dir;
    while (!cmdline.empty()) {
        std::string_view word = next_part(cmdline, '\0');
        // pflag takes no single dash for a long flag; the last one counts.
        if (word == "--root-dir")
            dir = next_part(cmdline, '\0');
        else if (word.starts_with("--root-dir="))
            dir = word.substr(word.find('=') + 1);
    }
    return dir && dir->starts_with('/') ? dir : std::nullopt;
}

std::optional<std::string> find_kubelet_dir() {
    const pid_t kubelet = find_daemon("kubelet");
    if (kubelet == 0)
        return std::nullopt;
    const auto cmdline = procfs::read_proc(kubelet, "cmdline");
    return cmdline ? parse_kubelet_dir(*cmdline).value_or(usual_kubelet_dir) : std::optional<std::string>();
}

} // namespace lpm::inspect
