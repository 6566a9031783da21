// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "selftest/spec.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/text.hpp"

namespace lpm::selftest {

static json::Value mount(const char* destination, const char* type, const char* source, json::Value options) {
    return {
        {"destination", destination}, {"type", type}, {"source", source}, {"options", std::move(options)}};
}

static json::Value mounts(bool merged) {
    const json::Value bind{"rbind", "rprivate", "ro"};
    json::Value all{
        mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
        mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
        mount("/dev/pts", "devpts", "devpts",
              {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}),
        mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
        mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
        mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
        mount("/usr", "bind", "/usr", bind),
    };
    if (!merged)
        for (const char* folder : {"/bin", "/lib", "/lib64"}) // the last one where the loader is
            if (::access(folder, F_OK) == 0)
                all.push_back(mount(folder, "bind", folder, bind));
    return all;
}

json::Value make_spec(const std::string& rootfs, const std::string& id, bool merged) {
    const json::Value capabilities{"CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_CHOWN"};
    json::Value namespaces = json::Value::array();
    for (const char* type : {"network", "pid", "ipc", "uts", "mount"})
        namespaces.push_back({{"type", type}});
    const json::Value deny{{"allow", false}, {"access", "rwm"}};
    return {
        {"ociVersion", "1.0.2"},
        {"process",
         {{"terminal", false},
          {"user", {{"uid", 0}, {"gid", 0}}},
          {"args", {"/bin/sleep", "600"}},
          {"env", json::Value::array({"PATH=/usr/sbin:/usr/bin:/sbin:/bin"})},
          {"cwd", "/"},
          {"capabilities",
           {{"bounding", capabilities}, {"effective", capabilities}, {"permitted", capabilities}}},
          {"noNewPrivileges", true}}},
        {"root", {{"path", rootfs}, {"readonly", false}}},
        {"hostname", "lpm-selftest"},
        {"mounts", mounts(merged)},
        {"linux",
         {{"cgroupsPath", "/" + id},
          {"namespaces", std::move(namespaces)},
          {"resources", {{"devices", json::Value::array({deny})}}},
          {"maskedPaths", {"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"}},
          {"readonlyPaths", {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}}},
    };
}

std::string last_message(std::string_view log) {
    std::string_view last;
    while (!log.empty())
        if (const auto line = trim(next_line(log)); !line.empty())
            last = line;
    const auto value = json::parse(last);
    const auto message = value ? json::text_or_empty(*value, "msg") : std::string();
    return one_line(message.empty() ? last : message, 2000);
}

std::string end_of(std::string_view log, std::size_t lines) {
    std::vector<std::string> all;
    while (!log.empty())
        if (auto line = one_line(next_line(log)); !line.empty())
            all.push_back(std::move(line));
    std::string text;
    for (std::size_t i = all.size() - std::min(lines, all.size()); i < all.size(); ++i)
        text += (text.empty() ? "" : "\n") + all[i];
    return text;
}

} // namespace lpm::selftest
