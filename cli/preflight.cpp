// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <memory>

#include "ask.hpp"
#include "base/text.hpp"
#include "command.hpp"
#include "records.hpp"

namespace lpm::cli {

static json::Value value_of_judged(const record::Record& judged) {
    json::Value value = value_of(judged);
    for (const char* member :
         {"schema", "id", "state", "operation", "gate", "times"}) // of a call that was made
        value.erase(member);
    return value;
}

static std::string text_of(const record::Record& judged) {
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

static Result<int> preflight(const Context& context, const std::string& name,
                             const std::vector<std::string>& options) {
    service::Request request;
    request.verb = service::Verb::preflight;
    TRY_ASSIGN(request.target, read_target(name));
    for (const auto& option : options) {
        std::string_view value = option;
        const std::string key(next_part(value, '='));
        if (key.size() == option.size())
            return fail(Errc::invalid, "--option " + one_line(option) + ": must be NAME=VALUE, as tcp=close");
        request.options.emplace_back(key, std::string(value));
    }
    TRY_ASSIGN(const node::Reply reply, ask(context.gate, request, std::chrono::seconds(20)));
    TRY_ASSIGN(const record::Record judged, service::parse_answer(reply.text));
    if (context.format == Format::table)
        print(text_of(judged));
    else
        print(context.format, value_of_judged(judged));
    return judged.code.empty() ? yes : no;
}

Action add_preflight(CLI::App& app, const Context& context) {
    struct Given {
        std::string container;
        std::vector<std::string> options;
    };
    const auto given = std::make_shared<Given>();
    app.add_option("CONTAINER", given->container, "NAMESPACE/POD/CONTAINER, or the beginning of its id")
        ->type_name("")
        ->required();
    app.add_option("--option", given->options, "As in [options] of lpm.toml, for this one: tcp=close")
        ->type_name("NAME=VALUE")
        ->take_all()
        ->allow_extra_args(false);
    return [&context, given] { return preflight(context, given->container, given->options); };
}

} // namespace lpm::cli
