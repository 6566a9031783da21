// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// docs/settings.md and docs/examples are made from the tables of keys. With LPM_WRITE_DOCS set, this writes
// them.
#include "config/document.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "config/controller.hpp"
#include "config/settings.hpp"

using namespace lpm;

namespace {

void expect_file(const std::string& name, const std::string& text) {
    const std::string path = std::string(LPM_SOURCE_ROOT) + "/docs/" + name;
    if (std::getenv("LPM_WRITE_DOCS") != nullptr) // NOLINT(concurrency-mt-unsafe)
        std::ofstream(path) << text;
    std::ifstream file(path);
    std::stringstream have;
    have << file.rdbuf();
    EXPECT_EQ(have.str(), text) << name << " is stale: LPM_WRITE_DOCS=1 ./dev test unit-release writes it";
}

// The example with nothing commented out but the comments.
std::string opened(const std::string& example) {
    std::string text;
    for (std::string_view rest = example; !rest.empty();) {
        std::string_view line = next_line(rest);
        EXPECT_LE(line.size(), 120U) << line;
        if (line.starts_with('#') && !line.starts_with("# "))
            line.remove_prefix(1);
        text.append(line).append("\n");
    }
    return text;
}

} // namespace

TEST(ConfigDocument, is_what_the_tables_say) {
    expect_file("settings.md", config::settings_document());
    expect_file("examples/lpm.toml", config::settings_example());
    expect_file("examples/controller.toml", config::controller_example());
    expect_file("examples/sidecar.toml", config::sidecar_example());
}

TEST(ConfigDocument, has_an_example_that_says_the_defaults) {
    const std::string example = config::settings_example();
    EXPECT_TRUE(config::parse(example, "f").problems.empty());
    const auto settings = config::parse(opened(example), "f");
    EXPECT_EQ(settings.problems, std::vector<std::string>{}) << opened(example);
    const config::Settings standard;
    EXPECT_EQ(settings.deadline, standard.deadline);
    EXPECT_EQ(settings.hook_time, standard.hook_time);
    EXPECT_EQ(settings.kubelet_dir, standard.kubelet_dir);
    EXPECT_EQ(settings.skippable, standard.skippable);
    EXPECT_EQ(settings.settable, standard.settable);
    EXPECT_EQ(settings.retention.max_records, standard.retention.max_records);
    EXPECT_EQ(settings.retention.max_days, standard.retention.max_days);
    EXPECT_EQ(settings.retention.max_log_bytes, standard.retention.max_log_bytes);
    EXPECT_EQ(settings.retention.max_journal_bytes, standard.retention.max_journal_bytes);
    EXPECT_EQ(settings.options.tcp, standard.options.tcp);
    EXPECT_EQ(settings.options.skip_in_flight, standard.options.skip_in_flight);
    EXPECT_EQ(settings.options.link_remap, standard.options.link_remap);
    EXPECT_EQ(settings.options.file_locks, standard.options.file_locks);
    EXPECT_EQ(settings.options.own_cgroup, standard.options.own_cgroup);
    EXPECT_EQ(settings.options.ghost_limit, "1M") << "as CRIU has it where nobody sets it";
    EXPECT_EQ(settings.severities.size(), 1U) << "an example";
}
