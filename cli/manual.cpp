// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "manual.hpp"

namespace lpm::cli {

// "`-n`, `--namespace NAMESPACE`"
static std::string head_of(const CLI::Option& option) {
    if (option.get_positional())
        return "`" + option.get_name() + "`";
    std::string text;
    for (const auto& name : option.get_snames())
        text += (text.empty() ? "`-" : ", `-") + name + "`";
    for (const auto& name : option.get_lnames())
        text += (text.empty() ? "`--" : ", `--") + name + "`";
    if (const std::string value = option.get_type_name(); option.get_items_expected_max() > 0)
        text.insert(text.size() - 1, " " + value);
    return text;
}

// A bar would end a cell of the table.
static std::string in_cell(std::string text) {
    for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
        text.insert(at, 1, '\\');
    return text;
}

static void add_options(const CLI::App& app, std::string& to) {
    std::string rows;
    for (const auto* option : app.get_options()) {
        const std::string value = option->get_default_str();
        if (app.get_parent() == nullptr || option != app.get_help_ptr())
            rows += "| " + in_cell(head_of(*option)) + " | " + in_cell(option->get_description()) +
                    (value.empty() ? "" : " (default: " + value + ")") + " |\n";
    }
    if (!rows.empty())
        to += "\n| option | meaning |\n|---|---|\n" + rows;
}

static std::string line_of(const CLI::App& app) {
    std::string line = app.get_name();
    for (const auto* at = app.get_parent(); at != nullptr; at = at->get_parent())
        line.insert(0, at->get_name() + " ");
    for (const auto* option : app.get_options())
        if (option->get_positional())
            line += " " + option->get_name();
    return line;
}

static void add_commands(const CLI::App& app, std::string& to) {
    for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        to += "\n### " + line_of(*command) + "\n" + command->get_description() + ".\n";
        add_options(*command, to);
        add_commands(*command, to);
    }
}

std::string commands_document(const CLI::App& app) {
    std::string text = "## Options\nMay stand before and behind the command.\n";
    add_options(app, text);
    text += "\n## Commands\n";
    add_commands(app, text);
    return text;
}

} // namespace lpm::cli
