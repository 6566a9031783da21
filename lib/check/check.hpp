// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "inspect/facts.hpp"
#include "record/record.hpp"

// The pre-checks: one table, walked by the gate, the documentation and the tests.
namespace lpm::check {

using inspect::Facts;
using inspect::Found;
using inspect::Holder;
using inspect::Item;
using inspect::KernelVersion;
using inspect::LostFiles;
using inspect::parse_kernel_version;
using inspect::Space;
using inspect::Stage;
using inspect::StdioFile;
using inspect::Workload;
using record::Verdict;

struct [[nodiscard]] Judgement {
    Verdict verdict = Verdict::pass;
    std::string message;       // what and why, with the object named; one line
    std::string_view remedy{}; // when the check's own does not fit
};

using Judge = Judgement(const Facts&);

// Who judges it before the call. create: lpm-hook, as config.json alone decides it. verify: lpm-sidecar, of
// an archive and the node that it is on, which alone decide it.
enum class Early { no, create, verify };

struct Check {
    std::string_view id; // stable, never reused: the same in lpm.toml, records and messages
    bool at_checkpoint;
    bool at_restore;
    config::Severity severity; // default: the most that a finding may do
    bool transient;            // may be over in a moment: worth another try
    std::string_view row;      // of the catalogue of failures
    std::string_view what;     // for docs: what it looks at
    std::string_view remedy;   // what the user can do
    Judge* judge;
    Early early = Early::no;
    std::string_view before{}; // an id that it had, and that lpm.toml and annotations may still have
    // Where a restore stands in for a create it blocks, whatever lpm.toml and annotations say, and so does
    // what is not known: a new pod has been admitted with what its config.json says, and with no more.
    bool guards_create = false;
};
[[nodiscard]] std::span<const Check> table();

struct Outcome {
    std::vector<record::Finding> findings; // one per check that ran, in table order
    std::string code;                      // id of the first check that blocks; empty when none does
    std::string message;                   // its message and remedy, for the user
    bool transient = false;                // all that blocks may be over in a moment
};

// Judges every check of the stage that the settings do not turn off. A severity of `warn` makes a block a
// warning. After the deadline the rest is unknown.
[[nodiscard]] Outcome run(const Facts& facts, const config::Settings& settings, const Deadline& deadline);

// Leaves out the findings that only a container can have.
void keep_verified(std::vector<record::Finding>& findings);

// Ids in [checks] that name no check, as "checks.Id: ..." lines.
[[nodiscard]] std::vector<std::string> unknown_ids(const config::Settings& settings);

} // namespace lpm::check
