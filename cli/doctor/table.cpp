// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/format.hpp"
#include "doctor/judges.hpp"

#include <algorithm>

namespace lpm::doctor {

struct Row {
    std::string_view id;
    Judge* judge;
};
static constexpr Row rows[] = {
    {"Bypass", judge_bypass},
    {"RestoreAtCreate", judge_restore_at_create},
    {"Runtime", judge_runtime},
    {"RuntimeCheckpoint", judge_runtime_checkpoint},
    {"Criu", judge_criu},
    {"CriuVersion", judge_criu_version},
    {"CriuCheck", judge_criu_check},
    {"KnownPairs", judge_known_pairs},
    {"CrioConfiguration", judge_crio_configuration},
    {"CrioHandlers", judge_crio_handlers},
    {"CrioHandlerKeys", judge_crio_handler_keys},
    {"CrioMonitorPath", judge_crio_monitor_path},
    {"CrioCriuSupport", judge_crio_criu_support},
    {"CrioRestart", judge_crio_restart},
    {"CrioAnswer", judge_crio_answer},
    {"CrioContainers", judge_crio_containers},
    {"KubeletGate", judge_kubelet_gate},
    {"KubeletEndpoint", judge_kubelet_endpoint},
    {"DiskSpace", judge_disk_space},
    {"Inotify", judge_inotify},
    {"GateSocket", judge_gate_socket},
    {"SidecarSocket", judge_sidecar_socket},
    {"Certificate", judge_certificate},
    {"Records", judge_records},
    {"Timers", judge_timers},
};

std::vector<std::string_view> ids() {
    std::vector<std::string_view> all;
    for (const auto& row : rows)
        all.push_back(row.id);
    return all;
}

std::vector<Line> judge(const Facts& facts) {
    std::vector<Line> lines;
    for (const auto& [id, judge_row] : rows)
        lines.push_back({id, judge_row(facts)});
    return lines;
}

std::string list_of(const std::vector<std::string>& names) {
    constexpr std::size_t most = 4;
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
        text += (i == 0 ? "" : ", ") + names[i];
    if (names.size() > most)
        text += lpm::format(" and {} more", names.size() - most);
    return text;
}

} // namespace lpm::doctor
