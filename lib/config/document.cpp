// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/document.hpp"

#include "config/keys.hpp"

namespace lpm::config {

namespace {

std::string in_quotes(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

// What holds without the file, as the file would say it.
template <class S> std::string default_of(const Key<S>& key) {
    static const S standard; // static: else g++ takes members of other types than S has for uninitialized
    if (key.flag != nullptr && key.words.empty())
        return standard.*key.flag ? "true" : "false";
    if (key.flag != nullptr)
        return in_quotes(standard.*key.flag ? key.yes : key.words[key.words[0] == key.yes ? 1 : 0]);
    if (key.number != nullptr)
        return std::to_string(standard.*key.number);
    if (key.mebibytes != nullptr)
        return std::to_string((standard.*key.mebibytes) >> 20);
    if (key.time != nullptr)
        return std::to_string((standard.*key.time).count());
    if (key.text != nullptr)
        return in_quotes(standard.*key.text);
    if (key.tcp != nullptr)
        return in_quotes(name_of(standard.*key.tcp));
    return key.texts != nullptr ? "[]" : "";
}

template <class S> void add_example(std::string& text, std::span<const Key<S>> keys) {
    std::string_view table;
    for (const auto& key : keys) {
        if (key.table != table)
            text.append("\n[").append(key.table).append("]\n");
        table = key.table;
        text.append("# ").append(key.means).append("\n# (").append(expected(key)).append(")\n#");
        if (key.name != "*")
            text.append(key.name).append(" = ");
        text.append(key.example.empty() ? default_of(key) : std::string(key.example)).append("\n");
    }
}

template <class S> void add_rows(std::string& text, std::span<const Key<S>> keys) {
    for (const auto& key : keys) {
        const std::string standard = default_of(key);
        text.append("| `").append(key.table).append(key.table.empty() ? "" : ".").append(key.name);
        text.append(standard.empty() ? "` | | " : "` | `" + standard + "` | ");
        text.append(expected(key)).append(" | ").append(key.means).append(" |\n");
    }
}

constexpr std::string_view columns = "| key | default | value | meaning |\n|---|---|---|---|\n";

} // namespace

std::string settings_example() {
    std::string text =
        "# /etc/lpm/lpm.toml: settings of a node. What is commented out is what holds without it.\n";
    add_example(text, settings_keys());
    add_example(text, option_keys());
    add_example(text, retention_keys());
    return text;
}

std::string controller_example() {
    std::string text = "# Settings of lpm-controller. What is commented out is what holds without it.\n";
    add_example(text, controller_keys());
    return text;
}

std::string sidecar_example() {
    std::string text = "# Settings of lpm-sidecar. What is commented out is what holds without it.\n";
    add_example(text, sidecar_keys());
    return text;
}

std::string settings_document() {
    std::string text = "# Settings\n\n"
                       "Made from the tables in `lib/config`; do not edit. A key `gate.deadline_ms` is "
                       "`deadline_ms` in the table "
                       "`[gate]`; `*` is\n"
                       "any name. `docs/examples` has the files with every key commented out.\n\n"
                       "## lpm.toml\n"
                       "`/etc/lpm/lpm.toml`, of a node; optional. A key that is not known or has a wrong "
                       "value is ignored and told in "
                       "the\nrecord, and `lpm-gate --settle` removes nothing until it is mended. "
                       "[options.md](options.md) says "
                       "more about the\noptions, [checks.md](checks.md) has the ids of the checks.\n\n";
    text += columns;
    add_rows(text, settings_keys());
    add_rows(text, option_keys());
    add_rows(text, retention_keys());
    text += "\n## controller.toml\n"
            "`/etc/lpm/controller.toml`, of lpm-controller; optional. A key that is not known or has a wrong "
            "value is "
            "an error.\n`lpm-controller --print-config` prints the example file.\n\n";
    text += columns;
    add_rows(text, controller_keys());
    text +=
        "\n## sidecar.toml\n"
        "`/etc/lpm/sidecar.toml`, of lpm-sidecar; optional. A key that is not known or has a wrong value is "
        "an error.\n`lpm-sidecar --print-config` prints the example file.\n\n";
    text += columns;
    add_rows(text, sidecar_keys());
    text += "\n## Life-cycle hooks\n"
            "Files of `/etc/lpm/checkpoint.d` ([lifecycle.md](lifecycle.md)). A key that is not known or has "
            "a wrong "
            "value is an error:\nthe hook is not run.\n\n";
    text += columns;
    add_rows(text, hook_keys());
    return text;
}

} // namespace lpm::config
