// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/daemon.hpp"

#include "base/text.hpp"
#include "linux/procfs.hpp"

namespace lpm::inspect {

static constexpr const char* usual_kubelet_dir = "/var/lib/kubelet"; // cmd/kubelet/app/options/options.go

static bool is_in_namespace_of_init(pid_t pid, const char* kind) {
    const auto its = procfs::read_namespace(pid, kind);
    const auto nodes = procfs::read_namespace(1, kind);
    return its && nodes && *its == *nodes;
}

// Anybody can start a program of root's (su, through a link) under another name: the file counts, too.
static bool runs_program(pid_t pid, std::string_view name) {
    constexpr std::string_view replaced = " (deleted)"; // by an upgrade
    const auto link = procfs::read_proc_link(pid, "exe");
    std::string_view path = link ? std::string_view(*link) : std::string_view();
    if (path.ends_with(replaced))
        path.remove_suffix(replaced.size());
    return path.substr(path.rfind('/') + 1) == name;
}

static bool is_daemon(pid_t pid, std::string_view name) {
    const auto status = procfs::read_status(pid);
    return status && status->name == name && status->users.effective == 0 && runs_program(pid, name) &&
           is_in_namespace_of_init(pid, "mnt") && is_in_namespace_of_init(pid, "user");
}

pid_t find_daemon(std::string_view name) {
    return procfs::find_process([&](pid_t pid) { return is_daemon(pid, name); });
}

std::vector<pid_t> find_daemons(std::string_view name) {
    constexpr std::size_t most = 10'000;
    std::vector<pid_t> found;
    (void)procfs::find_process([&](pid_t pid) {
        if (is_daemon(pid, name))
            found.push_back(pid);
        return found.size() >= most;
    });
    return found;
}

std::optional<std::string> parse_flag(std::string_view cmdline, std::string_view flag) {
    (void)next_part(cmdline, '\0');
    std::optional<std::string> value;
    while (!cmdline.empty()) {
        std::string_view word = next_part(cmdline, '\0');
        if (!word.starts_with("--") || !word.substr(2).starts_with(flag)) // pflag: a long one has two dashes
            continue;
        word.remove_prefix(2 + flag.size());
        if (word.starts_with('='))
            value = word.substr(1);
        else if (word.empty() && !cmdline.empty())
            value = next_part(cmdline, '\0');
    }
    return value;
}

std::optional<std::string> parse_path_flag(std::string_view cmdline, std::string_view flag) {
    auto path = parse_flag(cmdline, flag);
    return path && path->starts_with('/') ? path : std::nullopt;
}

static std::optional<std::string> cmdline_of_kubelet() {
    const pid_t kubelet = find_daemon("kubelet");
    auto cmdline = kubelet == 0 ? fail(Errc::absent, "") : procfs::read_proc(kubelet, "cmdline");
    return cmdline ? std::optional(*std::move(cmdline)) : std::nullopt;
}

std::optional<std::string> find_kubelet_dir() {
    const auto cmdline = cmdline_of_kubelet();
    if (!cmdline)
        return std::nullopt;
    return parse_path_flag(*cmdline, "root-dir").value_or(usual_kubelet_dir);
}

std::optional<std::string> find_kubeconfig() {
    const auto cmdline = cmdline_of_kubelet();
    return cmdline ? parse_path_flag(*cmdline, "kubeconfig") : std::nullopt;
}

} // namespace lpm::inspect
