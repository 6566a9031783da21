// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <memory>

#include "base/dir.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "command.hpp"
#include "records.hpp"

namespace lpm::cli {

static std::string words_of(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : " ") + one_line(word, 4096);
    return text;
}

static std::string program_text(const record::Record& record) {
    std::string text = one_line(record.runtime_path);
    if (!record.runtime_version.empty())
        text += " (" + record.runtime_kind + " " + record.runtime_version + ")";
    if (!record.criu_path.empty())
        text += ", CRIU " + record.criu_version + " at " + one_line(record.criu_path);
    return text;
}

static std::string object_text(const record::Record& record) {
    if (record.object.name.empty())
        return {};
    return one_line(record.object.name_space + "/" + record.object.name) + " (uid " +
           one_line(record.object.uid) + ")";
}

static std::uint64_t between(std::string_view from, std::string_view to) {
    const auto began = parse_rfc3339(from);
    const auto ended = parse_rfc3339(to);
    if (!began || !ended || to_milliseconds(*ended) < to_milliseconds(*began))
        return 0;
    return (to_milliseconds(*ended) - to_milliseconds(*began)) * 1000;
}

// Of the call, and CRIU's own figures (images/stats.proto) as a part of the runtime's.
static std::vector<Phase> phases_of(const record::Record& record) {
    std::vector<Phase> phases;
    phases.push_back({"checks and hooks", between(record.started, record.delegated)});
    phases.push_back({"runtime and CRIU", between(record.delegated, record.ended)});
    for (const auto& [name, value] : record.stats)
        if (std::string_view stat = name; stat.ends_with("_us")) {
            stat.remove_suffix(3);
            phases.push_back({stat, value});
        }
    if (record.stood_still_us)
        phases.push_back({"stood still, pause to resume", *record.stood_still_us});
    return phases;
}

static void add_checks(const record::Record& record, Description& to) {
    if (record.findings.empty())
        return;
    to.add("Checks", passed_text(record.findings));
    add_others(record.findings, to);
}

static void add_hooks(const record::Record& record, Description& to) {
    if (!record.hooks.empty())
        to.add("Hooks", std::to_string(record.hooks.size()));
    for (const auto& hook : record.hooks)
        to.add_line(lpm::format("{:<8}{} {} {}{}", hook.outcome.text(), hook.point.text(),
                                one_line(hook.name), human_time(hook.time_ms * 1000),
                                hook.message.empty() ? "" : ": " + one_line(hook.message, 2000)));
}

static void add_logs(const std::string& folder, Description& to) {
    std::vector<std::string> names;
    each_entry(folder, [&](int, const dirent& entry) {
        if (entry.d_name[0] != '.')
            names.push_back(one_line(entry.d_name));
        return names.size() < 100;
    });
    if (names.empty())
        return;
    std::ranges::sort(names);
    to.add("Logs", folder);
    for (const auto& name : names)
        to.add_line(name);
}

static std::string ending_text(const record::Record& record) {
    if (record.exit_status)
        return "exit status " + std::to_string(*record.exit_status);
    return record.signal ? "signal " + std::to_string(*record.signal) : std::string();
}

static std::string text_of_record(const record::Record& record, const std::string& logs) {
    Description text;
    const std::string outcome = record.final ? record.outcome.text() : "goes on, or its process was killed";
    text.add("Record", record.id);
    text.add("Operation", record.operation.text());
    text.add("Outcome", coloured(outcome, colour_of(outcome)));
    if (!record.code.empty())
        text.add("Reason", record.code + (record.transient ? " (may be over in a moment)" : ""));
    text.add("Message", one_line(record.message, 4000));
    text.add("Container", container_text(record));
    text.add("Id", one_line(record.container));
    for (const auto& [name, value] : record.names)
        if (name == "image")
            text.add("Image", one_line(value));
    text.add("For object", object_text(record));
    text.add("Attempt", record.attempt);
    text.add("Started", record.started);
    text.add("Node", one_line(record.host) + ", Linux " + one_line(record.kernel) + ", " + record.arch);
    text.add("Runtime", program_text(record));
    text.add("Command", words_of(record.argv));
    text.add("lpm added", words_of(record.additions));
    text.add("Runtime's end", ending_text(record));
    text.add("Images", one_line(record.image_path));
    if (record.image_bytes)
        text.add("Size", human_size(*record.image_bytes));
    text.add("Taken by", record.restored_from);
    text.add("On top of", record.parent);
    add_phases(time_of(record).value_or(0), phases_of(record), text);
    add_checks(record, text);
    add_hooks(record, text);
    if (!record.notes.empty())
        text.add("Notes", std::to_string(record.notes.size()));
    for (const auto& note : record.notes)
        text.add_line(one_line(note, 1000));
    add_logs(logs, text);
    return text.text();
}

static Result<int> show(const Context& context, const std::string& id) {
    TRY_ASSIGN(const record::Store store, open_store(context.store));
    TRY_ASSIGN(const record::Record record, find_record(store, id));
    if (context.format == Format::table) {
        print(text_of_record(record, store.log_dir(record.id)));
        return yes;
    }
    print(context.format, value_of(record));
    return yes;
}

Action add_show(CLI::App& app, const Context& context) {
    const auto id = std::make_shared<std::string>();
    app.add_option("ID", *id, "Of a record, or: latest")->type_name("")->required();
    return [&context, id] { return show(context, *id); };
}

} // namespace lpm::cli
