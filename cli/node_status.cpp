// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node_status.hpp"

#include <algorithm>
#include <unistd.h>

#include "base/paths.hpp"
#include "base/text.hpp"
#include "drop_in.hpp"

namespace lpm::cli {

namespace {
struct Row {
    std::string name;
    std::string path;    // empty: the program of its name
    std::string through; // "lpm" or "not"
    std::string runs;    // the real runtime
    bool chosen = false; // the default handler
};
} // namespace

static std::vector<Row> rows_of(const NodeConfig& node) {
    const std::string chosen = crio::default_handler(node.with, node.built_in);
    std::vector<std::string> names;
    names.reserve(node.with.handlers.size() + 1);
    for (const auto& handler : node.with.handlers)
        names.push_back(handler.name);
    if (!chosen.empty() && node.with.handler(chosen) == nullptr)
        names.push_back(chosen);
    std::ranges::sort(names);
    std::vector<Row> rows;
    for (const auto& name : names) {
        const auto* set = node.with.handler(name);
        // One that inherits has the path of the default one, whatever it names itself.
        const auto* from = set != nullptr && set->inherit_default_runtime ? node.with.handler(chosen) : set;
        const std::string path = from == nullptr ? "" : from->runtime_path;
        const std::string& program = from == set ? name : chosen;
        const auto runs = implementation_in(node, node.with, program);
        rows.push_back({name, path, !path.empty() && is_lpm(path) ? "lpm" : "not",
                        runs ? runs->text() : "unknown", name == chosen});
    }
    return rows;
}

// Of the drop-in: "none", "edited" by hand, "blocked" (it cannot be made as things are), "stale" or "fresh".
static std::string state_of(const NodeConfig& node, std::string& why) {
    if (!node.drop_in)
        return "none";
    if (node.is_edited())
        return "edited";
    const auto should = node.make(node.handlers);
    if (!should)
        why = should.error().text;
    return !should ? "blocked" : *should == *node.drop_in ? "fresh" : "stale";
}

static void print_text(const NodeConfig& node, const std::vector<Row>& rows, const std::string& state,
                       const std::string& why, bool bypassed) {
    Table table{{"HANDLER", "THROUGH", "RUNS", "RUNTIME_PATH"}, {}};
    for (const auto& row : rows)
        table.rows.push_back({one_line(row.name, 100) + (row.chosen ? " (default)" : ""), row.through,
                              row.runs, row.path.empty() ? "not set" : one_line(row.path)});
    print(rows.empty() ? "no handler is known: no file sets one, and crio --version does not answer"
                       : text_of(table));
    Description text;
    text.add("Drop-in", state == "none" ? "none: lpmctl node enable" : node.path() + ": " + state);
    text.add("Why", one_line(why, 2000));
    text.add("Bypass", bypassed ? "on: lpm does nothing (lpmctl node bypass off)" : "off");
    text.add("lpm-runc runs", node.real.text());
    for (const auto& problem : node.with.problems)
        text.add("Problem", one_line(problem, 2000) + ": CRI-O does not start with it");
    text.add("Note", "files say so: CRI-O runs what they said when it started");
    print("\n" + text.text());
}

static json::Value value_of(const NodeConfig& node, const std::vector<Row>& rows, const std::string& state,
                            const std::string& why, bool bypassed) {
    json::Value handlers = json::Value::array();
    for (const auto& row : rows)
        handlers.push_back({{"name", row.name},
                            {"runtimePath", row.path},
                            {"throughLpm", row.through == "lpm"},
                            {"runs", row.runs},
                            {"default", row.chosen}});
    return {{"handlers", std::move(handlers)},
            {"dropIn", {{"path", node.path()}, {"state", state}, {"why", why}}},
            {"bypass", bypassed},
            {"runtime",
             {{"link", paths::configured_runtime},
              {"path", node.real.path},
              {"kind", oci::name_of(node.real.kind)},
              {"version", node.real.version}}},
            {"problems", node.with.problems}};
}

Result<int> node_status(const Context& context, const crio::Files& files) {
    TRY_ASSIGN(const NodeConfig node, read_node_config(files));
    const auto rows = rows_of(node);
    std::string why;
    const std::string state = state_of(node, why);
    const bool bypassed = ::access(paths::bypass_file, F_OK) == 0;
    if (context.format == Format::table)
        print_text(node, rows, state, why, bypassed);
    else
        print(context.format, value_of(node, rows, state, why, bypassed));
    const bool through = std::ranges::contains(rows, std::string("lpm"), &Row::through);
    const bool as_it_should = state == "none" || state == "fresh";
    return through && as_it_should && !bypassed && node.with.problems.empty() && !node.real.path.empty() ? yes
                                                                                                         : no;
}

} // namespace lpm::cli
