// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/record.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "record/object_texts.hpp"
#include "json/json.hpp"

namespace lpm::record {

using json::Value;

static constexpr std::size_t max_bytes = std::size_t{1} << 20;

// One member of the stored form: where it is and where it goes. Members that are empty are left out.
struct Text {
    std::string_view path;
    std::string Record::* member;
};
static constexpr Text texts[] = {
    {"id", &Record::id},
    {"lpm", &Record::lpm},
    {"container.id", &Record::container},
    {"container.root", &Record::root},
    {"container.bundle", &Record::bundle},
    {"runtime.path", &Record::runtime_path},
    {"runtime.kind", &Record::runtime_kind},
    {"runtime.version", &Record::runtime_version},
    {"criu.path", &Record::criu_path},
    {"criu.version", &Record::criu_version},
    {"invocation.image_path", &Record::image_path},
    {"invocation.work_path", &Record::work_path},
    {"invocation.parent_path", &Record::parent_path},
    {"host.name", &Record::host},
    {"host.boot_id", &Record::boot_id},
    {"host.kernel", &Record::kernel},
    {"host.arch", &Record::arch},
    {"host.cpu", &Record::cpu},
    {"times.started", &Record::started},
    {"times.delegated", &Record::delegated},
    {"times.ended", &Record::ended},
    {"result.code", &Record::code},
    {"result.message", &Record::message},
    {"parent", &Record::parent},
    {"restored_from", &Record::restored_from},
};

struct Flag {
    std::string_view path;
    bool Record::* member;
};
static constexpr Flag flags[] = {
    {"container.frozen", &Record::frozen},
    {"invocation.leave_running", &Record::leave_running},
};

struct List {
    std::string_view path;
    std::vector<std::string> Record::* member;
};
static constexpr List lists[] = {
    {"invocation.argv", &Record::argv},
    {"invocation.additions", &Record::additions},
    {"notes", &Record::notes},
};

static Value& at(Value& root, std::string_view path) {
    Value* value = &root;
    while (!path.empty()) {
        const auto dot = path.find('.');
        value = &(*value)[std::string(path.substr(0, dot))];
        path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
    }
    return *value;
}

template <class E> static void put_word(Value& root, std::string_view path, const Word<E>& word) {
    if (!word.empty())
        at(root, path) = word.text();
}

template <class E> static void read_word(const Value& root, std::string_view path, Word<E>& word) {
    word = Word<E>::read(json::text_or_empty(root, path));
}

static Value findings_to_json(const std::vector<Finding>& findings) {
    Value list = Value::array();
    for (const auto& finding : findings) {
        Value entry{{"id", finding.check},
                    {"severity", finding.severity.text()},
                    {"verdict", finding.verdict.text()}};
        if (!finding.message.empty())
            entry["message"] = finding.message;
        list.push_back(std::move(entry));
    }
    return list;
}

static Value hooks_to_json(const std::vector<HookRun>& hooks) {
    Value list = Value::array();
    for (const auto& hook : hooks) {
        Value entry{{"name", hook.name},
                    {"point", hook.point.text()},
                    {"outcome", hook.outcome.text()},
                    {"time_ms", hook.time_ms}};
        if (!hook.message.empty())
            entry["message"] = hook.message;
        list.push_back(std::move(entry));
    }
    return list;
}

bool valid_attempt(std::string_view uid) {
    constexpr std::size_t longest = 64;
    constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";
    return !uid.empty() && uid.size() <= longest && uid.find_first_not_of(letters) == std::string_view::npos;
}

// What a record has that this lpm does not know is of a newer one, which may read it again.
static void put_over(Value& stored, Value&& ours) {
    if (stored.is_object() && ours.is_object()) {
        for (auto& [name, value] : ours.items())
            put_over(stored[name], std::move(value));
    } else if (stored.is_array() && ours.is_array() && stored.size() == ours.size()) {
        for (std::size_t i = 0; i < ours.size(); ++i)
            put_over(stored[i], std::move(ours[i]));
    } else {
        stored = std::move(ours);
    }
}

static std::string write_whole(const Record& record) {
    Value root{{"schema", record.version}, {"state", name_of(state_of(record))}};
    for (const auto& [path, member] : texts)
        if (!(record.*member).empty())
            at(root, path) = record.*member;
    if (valid_attempt(record.attempt))
        root["attempt"] = record.attempt;
    for (const auto& [name, member] : object_texts)
        if (!(record.object.*member).empty())
            root["object"][std::string(name)] = record.object.*member;
    put_word(root, "operation", record.operation);
    put_word(root, "outcome", record.outcome);
    put_word(root, "invocation.tcp", record.tcp);
    for (const auto& [path, member] : flags)
        at(root, path) = record.*member;
    for (const auto& [path, member] : lists)
        at(root, path) = record.*member;
    if (record.pid > 0)
        at(root, "container.pid") = record.pid;
    if (record.gate_pid > 0)
        root["gate"] = {{"pid", record.gate_pid}, {"start", record.gate_start}};
    for (const auto& [name, value] : record.names)
        root["container"]["names"][name] = value;
    root["checks"] = findings_to_json(record.findings);
    if (!record.hooks.empty())
        root["hooks"] = hooks_to_json(record.hooks);
    if (record.exit_status)
        root["result"]["exit"] = *record.exit_status;
    if (record.transient)
        root["result"]["transient"] = true;
    if (record.signal)
        root["result"]["signal"] = *record.signal;
    for (const auto& [name, value] : record.stats)
        root["stats"][name] = value;
    if (record.image_bytes)
        root["image_bytes"] = *record.image_bytes;
    if (record.stood_still_us)
        root["stood_still_us"] = *record.stood_still_us;
    if (record.stored.empty())
        return json::write(root, 2) + "\n";
    if (auto stored = json::parse(record.stored, {.bytes = max_bytes}); stored && stored->is_object()) {
        put_over(*stored, std::move(root));
        root = *std::move(stored);
    }
    return json::write(root, 2) + "\n";
}

std::string write_record(const Record& record) {
    std::string text = write_whole(record);
    if (text.size() <= max_bytes)
        return text;
    Record shorter = record;
    shorter.stored.clear();
    shorter.names.clear();
    for (auto& finding : shorter.findings)
        finding.message.clear();
    for (auto& hook : shorter.hooks)
        hook.message.clear();
    shorter.argv.clear();
    shorter.notes = {"the record was longer than 1 MiB: its names, words and arguments are left out"};
    shorter.message = one_line(shorter.message, 1000);
    return write_whole(shorter);
}

static void read_findings(const Value& root, Record& record) {
    const auto* list = json::find(root, "checks");
    if (list == nullptr || !list->is_array())
        return;
    for (const auto& entry : *list) {
        auto& finding = record.findings.emplace_back();
        finding.check = json::text_or_empty(entry, "id");
        read_word(entry, "severity", finding.severity);
        read_word(entry, "verdict", finding.verdict);
        finding.message = json::text_or_empty(entry, "message");
    }
}

static void read_hooks(const Value& root, Record& record) {
    const auto* list = json::find(root, "hooks");
    if (list == nullptr || !list->is_array())
        return;
    for (const auto& entry : *list) {
        auto& hook = record.hooks.emplace_back();
        hook.name = json::text_or_empty(entry, "name");
        read_word(entry, "point", hook.point);
        read_word(entry, "outcome", hook.outcome);
        hook.message = json::text_or_empty(entry, "message");
        hook.time_ms = json::natural(entry, "time_ms").value_or(0);
    }
}

static std::optional<int> small_integer(const Value& root, std::string_view path) {
    const auto value = json::integer(root, path);
    return value && *value >= 0 && *value <= 255 ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

Result<Record> parse_record(std::string_view text) {
    TRY_ASSIGN(const Value root, json::parse(text, {.bytes = max_bytes}));
    const auto version = json::integer(root, "schema");
    if (!version || *version < 1)
        return fail(Errc::invalid, "not a record of lpm: no schema version");
    Record record;
    record.version = static_cast<int>(std::min<std::int64_t>(*version, INT32_MAX));
    record.stored = text;
    const auto state = Word<State>::read(json::text_or_empty(root, "state"));
    if (!state.empty() && !state.value() && !is_later(record))
        return fail(Errc::invalid,
                    "record has a state that this lpm does not know: " + one_line(state.text(), 60));
    record.final = state == State::final;
    if (auto attempt = json::text_or_empty(root, "attempt"); valid_attempt(attempt))
        record.attempt = std::move(attempt);
    for (const auto& [name, member] : object_texts)
        record.object.*member = json::text_or_empty(root, "object." + std::string(name));
    for (const auto& [path, member] : texts)
        record.*member = json::text_or_empty(root, path);
    read_word(root, "operation", record.operation);
    read_word(root, "outcome", record.outcome);
    read_word(root, "invocation.tcp", record.tcp);
    for (const auto& [path, member] : flags)
        record.*member = json::is_true(root, path);
    for (const auto& [path, member] : lists)
        if (const auto* list = json::find_path(root, path); list != nullptr && list->is_array())
            for (const auto& entry : *list)
                if (entry.is_string())
                    (record.*member).push_back(entry.get<std::string>());
    record.transient = json::is_true(root, "result.transient");
    record.pid = json::integer(root, "container.pid").value_or(0);
    record.gate_pid = json::integer(root, "gate.pid").value_or(0);
    record.gate_start = json::natural(root, "gate.start").value_or(0);
    if (const auto* names = json::find_path(root, "container.names"); names != nullptr && names->is_object())
        for (const auto& [name, value] : names->items())
            if (value.is_string())
                record.names.emplace_back(name, value.get<std::string>());
    read_findings(root, record);
    read_hooks(root, record);
    record.exit_status = small_integer(root, "result.exit");
    record.signal = small_integer(root, "result.signal");
    if (const auto* stats = json::find(root, "stats"); stats != nullptr && stats->is_object())
        for (const auto& [name, value] : stats->items())
            if (value.is_number_unsigned())
                record.stats.emplace_back(name, value.get<std::uint64_t>());
    record.image_bytes = json::natural(root, "image_bytes");
    record.stood_still_us = json::natural(root, "stood_still_us");
    if (!valid_id(record.id))
        return fail(Errc::invalid, "not a record of lpm: no valid id");
    return record;
}

} // namespace lpm::record
