// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "compare.hpp"

#include <algorithm>
#include <set>

#include "archive_files.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "output.hpp"
#include "records.hpp"

namespace lpm::cli {

static void put(std::map<std::string, json::Value>& facts, const char* name, std::string value) {
    if (!value.empty())
        facts[name] = std::move(value);
}

// Of a runtime's command line: paths and ids are others each time.
static std::vector<std::string> flags_of(const std::vector<std::string>& argv) {
    std::vector<std::string> flags;
    for (const auto& word : argv)
        if (word.starts_with("--") && word != "--")
            flags.push_back(word.substr(0, word.find('=')));
    return flags;
}

void Side::add(const record::Record& from) {
    record = from.id;
    put(facts, "operation", from.operation.text());
    put(facts, "outcome", from.outcome.text());
    put(facts, "reason", from.code);
    put(facts, "container", container_text(from));
    put(facts, "container_id", from.container);
    put(facts, "node", from.host);
    put(facts, "kernel", from.kernel);
    put(facts, "arch", from.arch);
    put(facts, "cpu", from.cpu);
    put(facts, "lpm", from.lpm);
    put(facts, "runtime", from.runtime_kind + " " + from.runtime_version);
    put(facts, "criu", from.criu_version);
    put(facts, "tcp", from.tcp.text());
    if (from.image_bytes)
        facts["images_bytes"] = *from.image_bytes;
    for (const auto& [name, value] : from.names)
        if (name == "image" || name == "image_ref")
            facts[name] = value;
    lists["flags"] = flags_of(from.argv);
    lists["additions"] = from.additions;
    lists["notes"] = from.notes;
    for (const auto& finding : from.findings)
        lists["checks"].push_back(finding.check + ": " + finding.verdict.text());
    for (const auto& hook : from.hooks)
        lists["hooks"].push_back(hook.point.text() + " " + hook.name + ": " + hook.outcome.text());
}

static std::string socket_text(const json::Value& open) {
    std::string text;
    for (const char* member : {"socket.protocol", "socket.state"})
        if (const auto word = json::text_or_empty(open, member); !word.empty())
            text += " " + word;
    return text;
}

static void add_process(const json::Value& process, std::map<std::string, std::vector<std::string>>& lists) {
    const std::string name =
        lpm::format("{} {}", json::natural(process, "pid").value_or(0), json::text_or_empty(process, "name"));
    lists["processes"].push_back(name + " " + joined(json::find(process, "arguments")));
    for (const auto& open : list_of(process, "descriptors"))
        lists["descriptors"].push_back(lpm::format(
            "{}: {} {} {}{}", name, json::natural(open, "number").value_or(0),
            json::text_or_empty(open, "type"), json::text_or_empty(open, "path"), socket_text(open)));
}

void Side::add(const json::Value& inside) {
    archive = json::text_or_empty(inside, "archive.path");
    for (const char* name : {"pages_bytes", "images_bytes", "gpu_pages_bytes", "rootfs_diff_bytes"})
        if (const auto* value = json::find(inside, name); value != nullptr && value->is_string())
            if (const auto number = to_number<std::uint64_t>(value->get_ref<const std::string&>()))
                facts[name] = *number;
    put(facts, "state", json::text_or_empty(inside, "archive.state"));
    put(facts, "engine", json::text_or_empty(inside, "archive.engine"));
    put(facts, "address", json::text_or_empty(inside, "address"));
    put(facts, "image", json::text_or_empty(inside, "image"));
    put(facts, "image_ref", json::text_or_empty(inside, "image_ref"));
    for (const char* name : {"processes", "descriptors", "mounts"})
        lists[name] = {};
    for (const auto& process : list_of(inside, "processes"))
        add_process(process, lists);
    for (const auto& mount : list_of(inside, "mounts"))
        lists["mounts"].push_back(json::text_or_empty(mount, "destination") + " " +
                                  json::text_or_empty(mount, "type") + " " +
                                  json::text_or_empty(mount, "source"));
}

// What is in `one` more often than in `other`, in its order.
static std::vector<std::string> missing(const std::vector<std::string>& one,
                                        const std::vector<std::string>& other) {
    std::multiset<std::string_view> have(other.begin(), other.end());
    std::vector<std::string> rest;
    for (const auto& text : one)
        if (const auto found = have.find(text); found != have.end())
            have.erase(found);
        else
            rest.push_back(text);
    return rest;
}

Changes compare(const Side& before, const Side& after) {
    Changes changes;
    std::set<std::string> names;
    for (const auto* side : {&before, &after})
        for (const auto& [name, value] : side->facts)
            names.insert(name);
    const auto fact_of = [](const Side& side, const std::string& name) {
        const auto found = side.facts.find(name);
        return found == side.facts.end() ? json::Value() : found->second;
    };
    for (const auto& name : names)
        if (auto one = fact_of(before, name), other = fact_of(after, name); one != other)
            changes.facts.push_back({name, std::move(one), std::move(other)});
    for (const auto& [name, list] : before.lists) {
        const auto other = after.lists.find(name);
        if (other == after.lists.end())
            changes.left_out.push_back(name);
        else if (auto gone = missing(list, other->second), added = missing(other->second, list);
                 !gone.empty() || !added.empty())
            changes.lists.push_back({name, std::move(gone), std::move(added)});
    }
    for (const auto& [name, list] : after.lists)
        if (!before.lists.contains(name))
            changes.left_out.push_back(name);
    return changes;
}

static std::string title_of(std::string name) {
    if (name.ends_with("_bytes"))
        name.resize(name.size() - std::string_view("_bytes").size());
    std::ranges::replace(name, '_', ' ');
    return name;
}

static std::string cell_of(const std::string& name, const json::Value& value) {
    if (value.is_null())
        return "-";
    if (value.is_string())
        return one_line(value.get_ref<const std::string&>(), 100);
    const auto number = value.get<std::uint64_t>();
    return name.ends_with("_bytes") ? human_size(number) : std::to_string(number);
}

static std::string place_of(const Side& side) {
    return side.archive.empty() ? "none" : one_line(side.archive, 1000);
}

std::string text_of(const Side& before, const Side& after, const Changes& changes) {
    Table table{{"", "A", "B"},
                {{"record", before.record.empty() ? "none" : before.record,
                  after.record.empty() ? "none" : after.record},
                 {"archive", place_of(before), place_of(after)}}};
    for (const auto& [name, one, other] : changes.facts)
        table.rows.push_back({title_of(name), cell_of(name, one), cell_of(name, other)});
    std::string text = text_of(table);
    for (const auto& [name, gone, added] : changes.lists) {
        text += lpm::format("\n\n{}: {} gone, {} added", title_of(name), gone.size(), added.size());
        for (const auto& one : gone)
            text += "\n" + coloured("- " + one_line(one, 1000), Colour::red);
        for (const auto& one : added)
            text += "\n" + coloured("+ " + one_line(one, 1000), Colour::green);
    }
    if (changes.none())
        text += "\n\nnothing that is compared differs";
    for (const auto& name : changes.left_out)
        text += "\n" + title_of(name) + ": not compared, only one of them is known";
    return text;
}

json::Value value_of(const Side& before, const Side& after, const Changes& changes) {
    const auto head_of = [](const Side& side) {
        return json::Value{{"record", side.record}, {"archive", side.archive}};
    };
    json::Value facts = json::Value::array();
    for (const auto& [name, one, other] : changes.facts)
        facts.push_back({{"name", name}, {"a", one}, {"b", other}});
    json::Value lists = json::Value::array();
    for (const auto& [name, gone, added] : changes.lists)
        lists.push_back({{"name", name}, {"gone", gone}, {"added", added}});
    return {{"a", head_of(before)},
            {"b", head_of(after)},
            {"facts", std::move(facts)},
            {"lists", std::move(lists)},
            {"left_out", changes.left_out}};
}

} // namespace lpm::cli
