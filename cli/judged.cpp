// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "judged.hpp"

#include "base/text.hpp"
#include "records.hpp"

namespace lpm::cli {

json::Value value_of_judged(const record::Record& judged) {
    json::Value value = value_of(judged);
    for (const char* member :
         {"schema", "id", "state", "operation", "gate", "times"}) // of a call that was made
        value.erase(member);
    return value;
}

std::string text_of_judged(const record::Record& judged) {
    Description text;
    const bool fine = judged.code.empty();
    text.add("Container", container_text(judged) + " (id " + one_line(judged.container) + ")");
    text.add("A checkpoint", fine ? coloured("would be taken", Colour::green)
                                  : coloured("would be refused", Colour::red) + ": " + judged.code +
                                        (judged.transient ? " (may be over in a moment)" : ""));
    text.add("Why", one_line(judged.message, 4000));
    std::string added;
    for (const auto& word : judged.additions)
        added += (added.empty() ? "" : " ") + one_line(word);
    text.add("lpm would add", added);
    text.add("Checks", passed_text(judged.findings));
    add_others(judged.findings, text);
    for (const auto& note : judged.notes)
        text.add("Note", one_line(note, 1000));
    return text.text();
}

void add_request_options(CLI::App& app, std::vector<std::string>& options) {
    app.add_option("--option", options, "As in [options] of lpm.toml, for this one: tcp=close")
        ->type_name("NAME=VALUE")
        ->take_all()
        ->allow_extra_args(false);
}

Result<record::OptionList> read_options(const std::vector<std::string>& options) {
    record::OptionList list;
    for (const auto& option : options) {
        std::string_view value = option;
        const std::string key(next_part(value, '='));
        if (key.size() == option.size())
            return fail(Errc::invalid, "--option " + one_line(option) + ": must be NAME=VALUE, as tcp=close");
        list.emplace_back(key, std::string(value));
    }
    return list;
}

} // namespace lpm::cli
