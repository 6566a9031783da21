// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

#include "output.hpp"
#include "program.hpp"

namespace lpm::cli {

// Exit statuses, as of grep and diff: what was asked for is so, or is not, or could not be found out.
inline constexpr int yes = 0;
inline constexpr int no = 1;
inline constexpr int trouble = 2;

// What all commands have.
struct Context {
    Format format = Format::table;
    std::string store; // of the records
    std::string gate;  // socket of lpm-gate
};

// The whole command line of lpmctl; the context lives as long as `app`.
[[nodiscard]] Actions add_lpmctl(CLI::App& app, Context& context);

// Each adds its options to `app`, and lives as long as that.
[[nodiscard]] Action add_archives(CLI::App& app, const Context& context);
[[nodiscard]] Action add_checkpoint(CLI::App& app, const Context& context);
[[nodiscard]] Action add_diff(CLI::App& app, const Context& context);
[[nodiscard]] Action add_inspect(CLI::App& app, const Context& context);
[[nodiscard]] Action add_verify(CLI::App& app, const Context& context);
[[nodiscard]] Action add_records(CLI::App& app, const Context& context);
[[nodiscard]] Action add_show(CLI::App& app, const Context& context);
[[nodiscard]] Action add_watch(CLI::App& app, const Context& context);
[[nodiscard]] Action add_doctor(CLI::App& app, const Context& context);
[[nodiscard]] Action add_selftest(CLI::App& app, const Context& context);
[[nodiscard]] Action add_preflight(CLI::App& app, const Context& context);
[[nodiscard]] Action add_node(CLI::App& app, const Context& context);
[[nodiscard]] Action add_runtime(CLI::App& app, const Context& context);

} // namespace lpm::cli
