// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "crio/crio.hpp"
#include "file_change.hpp"

// A drop-in of crio.service, by which systemd has zz-lpm.conf made again before each start of CRI-O: an
// update of CRI-O's package starts it before any trigger of our packages runs, and it does not start with a
// copied key that names what the update has taken away.
namespace lpm::cli {

inline constexpr const char* crio_unit_file = "/etc/systemd/system/crio.service.d/lpm.conf";

// What is to be done so that it is there, or is not (`wanted`); nothing: all is as it should be, or no
// systemd is installed, or CRI-O's files are not in /etc/crio, of which it makes that file. Errc::exists:
// somebody has put another file in its place.
[[nodiscard]] Result<std::optional<FileChange>> plan_crio_unit(const crio::Files& files, bool wanted);

} // namespace lpm::cli
