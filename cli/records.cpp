// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "records.hpp"

#include <algorithm>
#include <cctype>
#include <memory>

#include "base/paths.hpp"
#include "base/text.hpp"
#include "command.hpp"

namespace lpm::cli {

using record::Store;

static std::string name_in(const record::Record& record, std::string_view key) {
    const auto found = std::ranges::find(record.names, key, &std::pair<std::string, std::string>::first);
    return found == record.names.end() ? std::string() : one_line(found->second, 253);
}

std::string container_text(const record::Record& record) {
    constexpr std::size_t short_id = 12;
    const std::string pod = name_in(record, "pod");
    if (pod.empty())
        return one_line(record.container.substr(0, short_id));
    return name_in(record, "namespace") + "/" + pod + "/" + name_in(record, "name");
}

static std::optional<std::uint64_t> microseconds_of(std::string_view rfc3339) {
    const auto time = parse_rfc3339(rfc3339);
    return time ? std::optional(to_milliseconds(*time) * 1000) : std::nullopt;
}

std::optional<std::uint64_t> time_of(const record::Record& record) {
    const auto began = microseconds_of(record.started);
    const auto ended = microseconds_of(record.ended);
    return began && ended && *ended >= *began ? std::optional(*ended - *began) : std::nullopt;
}

std::string short_time(std::string_view rfc3339) {
    constexpr std::size_t date = 10;
    constexpr std::size_t seconds = 19;
    if (rfc3339.size() <= seconds)
        return one_line(rfc3339);
    return one_line(rfc3339.substr(0, date)) + " " + one_line(rfc3339.substr(date + 1, seconds - date - 1));
}

json::Value value_of(const record::Record& record) {
    return json::parse(record::write_record(record)).value_or(json::Value::object());
}

std::string in_capitals(std::string id) {
    std::ranges::transform(id, id.begin(), [](unsigned char c) { return std::toupper(c); });
    return id;
}

std::string passed_text(const std::vector<record::Finding>& findings) {
    const auto passed = std::ranges::count_if(
        findings, [](const record::Finding& finding) { return finding.verdict == record::Verdict::pass; });
    return std::to_string(passed) + " of " + std::to_string(findings.size()) + " passed";
}

void add_others(const std::vector<record::Finding>& findings, Description& to) {
    for (const auto& finding : findings)
        if (finding.verdict != record::Verdict::pass)
            to.add_check(finding.verdict.text(), finding.check, finding.message);
}

Result<Store> open_store(const std::string& path) {
    auto store = Store::open_existing(path);
    if (store)
        return store;
    if (store.error().code == Errc::absent)
        return fail(Errc::absent,
                    "there are no records in " + path +
                        ": nothing was checkpointed or restored through lpm-runc on this node yet");
    if (store.error().code == Errc::denied)
        return fail(Errc::denied, path + " is for root and the group lpm: use sudo");
    return std::unexpected(std::move(store).error().in(path));
}

Result<record::Record> find_record(const Store& store, const std::string& id) {
    const std::string wanted = in_capitals(id);
    if (wanted == "LATEST") {
        TRY_ASSIGN(record::Listing newest, store.list({}, 1, Store::Listed::newest_first));
        if (newest.records.empty())
            return fail(Errc::absent, "there is no record yet");
        return std::move(newest.records.front().record);
    }
    if (!record::valid_id(wanted))
        return fail(Errc::invalid, one_line(id, 100) +
                                       " is no id of a record (26 letters and digits, as lpmctl "
                                       "records shows them), nor latest");
    auto record = store.load(wanted);
    if (!record && record.error().code == Errc::absent)
        return fail(Errc::absent,
                    "there is no record " + wanted + " on this node: lpmctl records lists them");
    return record;
}

std::vector<record::ListedRecord> newest_records(const std::string& path, std::size_t count) {
    const auto store = Store::open_existing(path);
    auto page = store ? store->list({}, count, Store::Listed::newest_first)
                      : Result<record::Listing>(record::Listing{});
    return page ? std::move(page->records) : std::vector<record::ListedRecord>{};
}

std::vector<Suggestion> suggest_records(std::string_view kind, const Typed& /*typed*/) {
    constexpr std::size_t newest = 20;
    static constexpr std::string_view kinds[] = {"ID", "ARCHIVE", "A", "B"};
    if (std::ranges::find(kinds, kind) == std::end(kinds))
        return {};
    const auto records = newest_records(paths::state_dir, newest);
    std::vector<Suggestion> ids;
    if (!records.empty() && kind != "ARCHIVE")
        ids.push_back({"latest", "the newest one"});
    for (const auto& [id, record] : records)
        ids.push_back({id, record ? record->operation.text() + " of " + container_text(*record) : ""});
    return ids;
}

namespace {

struct Wanted {
    std::size_t limit = 20;
    std::string name_space;
    std::string pod;
    std::string container;
    std::string operation;
    std::string outcome;
    std::string attempt;

    [[nodiscard]] bool has(const record::Record& record) const {
        const auto is = [](const std::string& want, std::string_view have) {
            return want.empty() || want == have;
        };
        return is(name_space, name_in(record, "namespace")) && is(pod, name_in(record, "pod")) &&
               (is(container, name_in(record, "name")) || record.container.starts_with(container)) &&
               is(operation, record.operation.text()) && is(outcome, record.outcome.text()) &&
               is(attempt, record.attempt);
    }
};

struct Found {
    std::vector<record::Record> records; // the newest first
    std::vector<std::string> faults;
};

} // namespace

static Result<Found> find(const Store& store, const Wanted& wanted) {
    constexpr std::size_t most_at_once = 200;
    Found found;
    std::string after;
    do {
        const std::size_t left = wanted.limit - found.records.size();
        TRY_ASSIGN(record::Listing page,
                   store.list(after, std::min(left, most_at_once), Store::Listed::newest_first));
        for (auto& [id, record] : page.records) {
            if (!record)
                found.faults.push_back("record " + id + ": " + record.error().text);
            else if (wanted.has(*record))
                found.records.push_back(*std::move(record));
        }
        std::ranges::move(page.faults, std::back_inserter(found.faults));
        after = page.next;
    } while (!after.empty() && found.records.size() < wanted.limit);
    return found;
}

static Table table_of(const std::vector<record::Record>& records) {
    Table table{{"ID", "STARTED (UTC)", "OPERATION", "OUTCOME", "TOOK", "CONTAINER", "CODE"}, {}};
    for (const auto& record : records) {
        const auto time = time_of(record);
        table.rows.push_back({record.id, short_time(record.started), record.operation.text(),
                              record.final ? record.outcome.text() : "goes on", time ? human_time(*time) : "",
                              container_text(record), record.code});
    }
    return table;
}

static Result<int> list(const Context& context, const Wanted& wanted) {
    TRY_ASSIGN(const Store store, open_store(context.store));
    TRY_ASSIGN(const Found found, find(store, wanted));
    if (context.format != Format::table) {
        json::Value list = json::Value::array();
        for (const auto& record : found.records)
            list.push_back(value_of(record));
        print(context.format, json::Value{{"records", std::move(list)}, {"faults", found.faults}});
        return yes;
    }
    if (found.records.empty())
        print("no records");
    else
        print(text_of(table_of(found.records)));
    for (const auto& fault : found.faults)
        std::fprintf(stderr, "lpmctl: cannot be read: %s\n", one_line(fault, 1000).c_str());
    return yes;
}

Action add_records(CLI::App& app, const Context& context) {
    const auto wanted = std::make_shared<Wanted>();
    app.add_option("--limit", wanted->limit, "At most so many, the newest")
        ->check(CLI::Range(1, 100'000).description(""))
        ->type_name("NUMBER")
        ->capture_default_str();
    app.add_option("-n,--namespace", wanted->name_space, "Of pods in this namespace")->type_name("NAMESPACE");
    app.add_option("--pod", wanted->pod, "Of this pod")->type_name("POD");
    app.add_option("-c,--container", wanted->container, "Of the container of this name, or id")
        ->type_name("NAME");
    take_one_of(app.add_option("--operation", wanted->operation, "Of this kind"),
                {"checkpoint", "pre-dump", "restore", "create"});
    take_one_of(app.add_option("--outcome", wanted->outcome, "That ended so"),
                {"completed", "refused", "failed", "interrupted"});
    app.add_option("--attempt", wanted->attempt, "Of the controller's attempt with this uid")
        ->type_name("UID");
    return [&context, wanted] { return list(context, *wanted); };
}

} // namespace lpm::cli
