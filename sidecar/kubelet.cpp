// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kubelet.hpp"

#include "base/text.hpp"
#include "linux/procfs.hpp"

namespace lpm::sidecar {

std::string kubeconfig_of(std::string_view command_line) {
    std::string found;
    while (!command_line.empty()) {
        auto word = next_part(command_line, '\0');
        word = word.starts_with("--") ? word.substr(2) : word.starts_with('-') ? word.substr(1) : "";
        if (!word.starts_with("kubeconfig"))
            continue;
        word.remove_prefix(std::string_view("kubeconfig").size());
        if (word.starts_with('='))
            found = word.substr(1);
        else if (word.empty())
            found = next_part(command_line, '\0');
    }
    return found.starts_with('/') ? found : std::string(); // the last one counts
}

// A process in a container may be called so, too: its command line is somebody's word, and its paths are not the
// node's. Who answers at the server of a kubeconfig says who our clients are.
static bool is_kubelet(pid_t pid) {
    const auto status = procfs::read_status(pid);
    if (!status || status->name != "kubelet" || status->users.effective != 0)
        return false;
    for (const char* kind : {"mnt", "user"}) {
        const auto its = procfs::read_namespace(pid, kind);
        const auto nodes = procfs::read_namespace(1, kind);
        if (!its || !nodes || *its != *nodes)
            return false;
    }
    return true;
}

std::string find_kubeconfig() {
    std::string found;
    if (const pid_t pid = procfs::find_process(is_kubelet); pid != 0)
        found = kubeconfig_of(procfs::read_proc(pid, "cmdline").value_or(""));
    return found.empty() ? "/etc/kubernetes/kubelet.conf" : found;
}

} // namespace lpm::sidecar
