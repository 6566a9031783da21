// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "output.hpp"
#include "json/json.hpp"

// ContainerCheckpoints as an API server has them, and what people read of them. Texts are one printable line
// each, whoever wrote them; a member that is missing or of another type is an empty text.
namespace lpm::cli::kubectl {

inline constexpr const char* resource = "containercheckpoint.lpm.my.domain";

// One printable line.
[[nodiscard]] std::string text_at(const json::Value& object, std::string_view path);

// The name alone of what the user says, "web-1" or "pod/web-1", as kubectl takes it. Errc::invalid for what
// is no name of Kubernetes, or of another kind.
enum class Kind { pod, checkpoint };
[[nodiscard]] Result<std::string> read_name(std::string_view text, Kind kind);

// What the object has come to.
enum class End { open, completed, refused, failed };
[[nodiscard]] End end_of(const json::Value& object);

[[nodiscard]] std::string name_of(const json::Value& object);
// "containercheckpoint.lpm.my.domain/NAME", as kubectl says it.
[[nodiscard]] std::string title_of(const json::Value& object);
// "Pending: TcpEstablished: a connection is open ...".
[[nodiscard]] std::string progress_text(const json::Value& object);
// Of the end: the reason, what happened, and what to do.
[[nodiscard]] std::string why_text(const json::Value& object);
// "1.5 GiB", of the archive.
[[nodiscard]] std::string size_text(const json::Value& object);
[[nodiscard]] std::string colour_phase(std::string_view phase);

// "45s", "3m20s", "2d": as kubectl shows an age. Nothing for a time that is none, "0s" for one to come.
[[nodiscard]] std::string age_text(std::string_view rfc3339, std::chrono::sys_seconds now);
// "90", "90s", "5m", "1h": at least a second, at most 24 hours.
[[nodiscard]] std::optional<std::chrono::seconds> read_duration(std::string_view text);

// The container that is meant when none is named: the pod's only one, or what its annotation
// kubectl.kubernetes.io/default-container says. Errc::invalid when nothing says which.
[[nodiscard]] Result<std::string> default_container(const json::Value& pod);

// The checks that had something to say.
void add_checks(const json::Value& object, Description& to);
// Where the archive is, how large, and how long it took.
void add_archive(const json::Value& object, Description& to);
void add_times(const json::Value& object, Description& to);
// Of a dry run.
[[nodiscard]] std::string verdict_text(const json::Value& object);
// All of it.
[[nodiscard]] std::string describe(const json::Value& object, std::chrono::sys_seconds now);

} // namespace lpm::cli::kubectl
