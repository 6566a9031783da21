// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// docs/checks.md is made from the table of checks. With LPM_WRITE_DOCS set, this writes it instead.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "check/check.hpp"

using namespace lpm;

static constexpr const char* words_of_early[] = {"", "creation", "verification"};

static std::string guards() {
    std::string text =
        "Where a restore stands in for the create of a new container, these refuse whatever lpm.toml "
        "and the pod's annotations\n"
        "say, and when they cannot know, too:";
    for (const auto& entry : check::table())
        if (entry.guards_create)
            text += " `" + std::string(entry.id) + "`";
    return text + ".\n\n";
}

static std::string document() {
    std::ostringstream out;
    out << "# The pre-checks\n\n"
           "Made from the table in `lib/check/table.cpp`; do not edit. The order is that in which a user "
           "hears of them: the\n"
           "first that blocks is the message, but what lasts comes before what is transient. `block` refuses "
           "the "
           "call, `warn` is noted in the record; both "
           "can be changed\n"
           "for each check in `/etc/lpm/lpm.toml` (`[checks]`). Row numbers are those of the catalogue of "
           "failures that the\n"
           "project keeps. A check that is transient may pass in a moment. One that is marked at creation "
           "needs\n"
           "nothing but config.json, and is judged before the container is there as well "
           "([hooks.md](hooks.md)); one that is marked\n"
           "at verification needs nothing but an archive and its node ([sidecar.md](sidecar.md)). What a "
           "restore "
           "loses, with a check\n"
           "or without, stands in [lost.md](lost.md).\n\n"
        << guards()
        << "| id | at | default | transient | earlier | looks at | remedy | row |\n"
           "|---|---|---|---|---|---|---|---|\n";
    for (const auto& entry : check::table())
        out << "| `" << entry.id << "` | "
            << (entry.at_checkpoint && entry.at_restore ? "both"
                : entry.at_checkpoint                   ? "checkpoint"
                                                        : "restore")
            << " | " << name_of(entry.severity) << " | " << (entry.transient ? "yes" : "") << " | "
            << words_of_early[static_cast<std::size_t>(entry.early)] << " | " << entry.what << " | "
            << entry.remedy << " | " << entry.row << " |\n";
    return out.str();
}

TEST(Document, is_what_the_table_says) {
    const std::string path = std::string(LPM_SOURCE_ROOT) + "/docs/checks.md";
    if (std::getenv("LPM_WRITE_DOCS") != nullptr) // NOLINT(concurrency-mt-unsafe)
        std::ofstream(path) << document();
    std::ifstream file(path);
    std::stringstream have;
    have << file.rdbuf();
    EXPECT_EQ(have.str(), document())
        << "docs/checks.md is stale: LPM_WRITE_DOCS=1 ./dev test unit-release writes it";
}

TEST(Document, says_of_each_refusal_what_was_tried_against_it) {
    std::ifstream file(std::string(LPM_SOURCE_ROOT) + "/docs/false-refusals.md");
    std::stringstream text;
    text << file.rdbuf();
    for (const auto& entry : check::table()) {
        const bool has = text.str().find("\n| `" + std::string(entry.id) + "` |") != std::string::npos;
        EXPECT_EQ(has, entry.severity == config::Severity::block || entry.guards_create) << entry.id;
    }
}
