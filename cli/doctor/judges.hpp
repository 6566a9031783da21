// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/words.hpp"
#include "doctor/facts.hpp"

// What the facts mean. A judge looks at them and at nothing else.
namespace lpm::doctor {

enum class State { ok, warn, fail, unknown };
inline constexpr std::string_view states[] = {"ok", "warn", "fail", "unknown"};
constexpr std::span<const std::string_view> words_of(State) {
    return states;
}

struct Finding {
    State state = State::ok;
    std::string found;
    std::string remedy{}; // empty only when all is well
};

using Judge = Finding(const Facts& facts);

struct Line {
    std::string_view id;
    Finding finding;
};

// Each id once, in the order in which they are best mended.
[[nodiscard]] std::vector<std::string_view> ids();
[[nodiscard]] std::vector<Line> judge(const Facts& facts);

inline constexpr std::string_view restart = "systemctl restart crio";
// How this distribution gives a CRIU that is good.
[[nodiscard]] std::string how_to_get_criu(const NodeState& node);
// "a, b and 3 more".
[[nodiscard]] std::string list_of(const std::vector<std::string>& names);

// judge_runtime.cpp
Judge judge_runtime;
Judge judge_runtime_checkpoint;
// judge_criu.cpp
Judge judge_criu;
Judge judge_criu_version;
Judge judge_criu_check;
Judge judge_known_pairs;
// judge_crio.cpp
Judge judge_crio_configuration;
Judge judge_crio_handlers;
Judge judge_crio_handler_keys;
Judge judge_crio_monitor_path;
Judge judge_crio_criu_support;
// judge_crio_process.cpp
Judge judge_crio_restart;
Judge judge_crio_answer;
Judge judge_crio_containers;
// judge_kubelet.cpp
Judge judge_kubelet_gate;
Judge judge_kubelet_endpoint;
// judge_node.cpp
Judge judge_bypass;
Judge judge_restore_at_create;
Judge judge_disk_space;
Judge judge_inotify;
Judge judge_gate_socket;
Judge judge_sidecar_socket;
Judge judge_certificate;
Judge judge_records;
Judge judge_timers;

} // namespace lpm::doctor
