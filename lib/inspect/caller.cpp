// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/caller.hpp"

#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

#include "base/process.hpp"
#include "base/text.hpp"
#include "linux/procfs.hpp"

namespace lpm::inspect {

// What /proc tells of ourselves as of another process.
static Caller read_caller(pid_t pid) {
    Caller caller;
    caller.pid = pid;
    if (const auto status = procfs::read_status(pid)) {
        caller.capabilities = status->cap_eff;
        caller.uid = status->users.real;
        caller.gid = status->groups.real;
    }
    caller.network_namespace = procfs::read_namespace(pid, "net").value_or(0);
    caller.ipc_namespace = procfs::read_namespace(pid, "ipc").value_or(0);
    caller.pid_namespace = procfs::read_namespace(pid, "pid").value_or(0);
    return caller;
}

static std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

Caller Caller::self() {
    Caller caller = read_caller(0);
    caller.process_group = ::getpgrp();
    caller.environment = {variable("PATH"), variable("HOME"), variable("CRIU_CONFIG_FILE")};
    return caller;
}

// Nothing when it cannot be told.
static std::optional<std::string> find_root(pid_t pid) {
    std::string root = "/proc/" + std::to_string(pid) + "/root";
    struct stat theirs{};
    struct stat ours{};
    const auto mounts = procfs::read_namespace(pid, "mnt");
    if (!mounts || ::stat((root + "/").c_str(), &theirs) != 0 || ::stat("/", &ours) != 0)
        return std::nullopt;
    const bool same = theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino &&
                      *mounts == procfs::read_namespace(0, "mnt").value_or(0);
    return same ? std::string() : std::move(root);
}

Caller Caller::of_process(pid_t pid) {
    Caller caller = read_caller(pid);
    if (const auto stat = procfs::read_stat(pid))
        caller.process_group = stat->group;
    auto root = find_root(pid);
    const auto variables = procfs::read_proc(pid, "environ");
    if (!root || !variables)
        return caller;
    caller.root = *std::move(root);
    const auto value = [&](std::string_view name) {
        return std::string(procfs::find_variable(*variables, name));
    };
    caller.environment = {value("PATH"), value("HOME"), value("CRIU_CONFIG_FILE")};
    return caller;
}

std::string Caller::find_program(std::string_view name) const {
    if (!environment)
        return {};
    if (root.empty())
        return find_in_path(name, environment->path);
    std::string path;
    std::string_view rest = environment->path;
    while (!rest.empty())
        if (const auto dir = next_part(rest, ':'); dir.starts_with('/'))
            path.append(root).append(dir).append(":");
    const std::string found = find_in_path(name, path);
    return found.empty() ? found : found.substr(root.size());
}

} // namespace lpm::inspect
