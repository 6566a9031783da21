// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/read_privileges.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace lpm::oci {

// By their numbers (linux/capability.h).
static constexpr std::string_view capabilities[] = {"CAP_CHOWN",
                                                    "CAP_DAC_OVERRIDE",
                                                    "CAP_DAC_READ_SEARCH",
                                                    "CAP_FOWNER",
                                                    "CAP_FSETID",
                                                    "CAP_KILL",
                                                    "CAP_SETGID",
                                                    "CAP_SETUID",
                                                    "CAP_SETPCAP",
                                                    "CAP_LINUX_IMMUTABLE",
                                                    "CAP_NET_BIND_SERVICE",
                                                    "CAP_NET_BROADCAST",
                                                    "CAP_NET_ADMIN",
                                                    "CAP_NET_RAW",
                                                    "CAP_IPC_LOCK",
                                                    "CAP_IPC_OWNER",
                                                    "CAP_SYS_MODULE",
                                                    "CAP_SYS_RAWIO",
                                                    "CAP_SYS_CHROOT",
                                                    "CAP_SYS_PTRACE",
                                                    "CAP_SYS_PACCT",
                                                    "CAP_SYS_ADMIN",
                                                    "CAP_SYS_BOOT",
                                                    "CAP_SYS_NICE",
                                                    "CAP_SYS_RESOURCE",
                                                    "CAP_SYS_TIME",
                                                    "CAP_SYS_TTY_CONFIG",
                                                    "CAP_MKNOD",
                                                    "CAP_LEASE",
                                                    "CAP_AUDIT_WRITE",
                                                    "CAP_AUDIT_CONTROL",
                                                    "CAP_SETFCAP",
                                                    "CAP_MAC_OVERRIDE",
                                                    "CAP_MAC_ADMIN",
                                                    "CAP_SYSLOG",
                                                    "CAP_WAKE_ALARM",
                                                    "CAP_BLOCK_SUSPEND",
                                                    "CAP_AUDIT_READ",
                                                    "CAP_PERFMON",
                                                    "CAP_BPF",
                                                    "CAP_CHECKPOINT_RESTORE"};

std::string capability_name(unsigned number) {
    return number < std::size(capabilities) ? std::string(capabilities[number])
                                            : "capability " + std::to_string(number);
}

// Names that nobody knows grant nothing: the runtime passes over them.
static std::uint64_t read_capabilities(const json::Value& spec, std::string_view kind) {
    std::uint64_t set = 0;
    for (const json::Value& entry : json::list_at(spec, kind)) {
        if (!entry.is_string())
            continue;
        const auto known = std::ranges::find(capabilities, entry.get_ref<const std::string&>());
        if (known != std::end(capabilities))
            set |= std::uint64_t{1} << static_cast<unsigned>(known - std::begin(capabilities));
    }
    return set;
}

static std::string text_of(const json::Value& spec, std::string_view path) {
    const auto* value = json::find_path(spec, path);
    return value == nullptr || value->empty() ? std::string() : json::write(*value);
}

Privileges read_privileges(const json::Value& spec) {
    Privileges granted;
    granted.uid = static_cast<std::uint32_t>(json::natural(spec, "process.user.uid").value_or(0));
    granted.gid = static_cast<std::uint32_t>(json::natural(spec, "process.user.gid").value_or(0));
    for (const json::Value& entry : json::list_at(spec, "process.user.additionalGids"))
        if (entry.is_number_unsigned())
            granted.groups.push_back(entry.get<std::uint32_t>());
    granted.no_new_privileges = json::is_true(spec, "process.noNewPrivileges");
    granted.bounding = read_capabilities(spec, "process.capabilities.bounding");
    // Files can give what is in the bounding set, unless nothing may be gained: then there is no more than
    // the first process has after its execve (capabilities(7)), of which a user other than root keeps little.
    granted.usable = granted.bounding;
    if (granted.no_new_privileges)
        granted.usable &= read_capabilities(spec, "process.capabilities.inheritable") |
                          read_capabilities(spec, granted.uid == 0 ? "process.capabilities.permitted"
                                                                   : "process.capabilities.ambient");
    granted.apparmor_profile = json::text_or_empty(spec, "process.apparmorProfile");
    granted.seccomp = text_of(spec, "linux.seccomp");
    granted.id_mappings = text_of(spec, "linux.uidMappings") + text_of(spec, "linux.gidMappings");
    for (const json::Value& entry : json::list_at(spec, "linux.readonlyPaths"))
        if (entry.is_string())
            granted.read_only_paths.push_back(entry.get_ref<const std::string&>());
    granted.read_only_root = json::is_true(spec, "root.readonly");
    for (const json::Value& entry : json::list_at(spec, "linux.namespaces"))
        granted.namespaces.push_back(json::text_or_empty(entry, "type"));
    return granted;
}

} // namespace lpm::oci
