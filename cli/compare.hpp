// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <map>
#include <string>
#include <vector>

#include "record/record.hpp"
#include "json/json.hpp"

// Two checkpoints beside each other.
namespace lpm::cli {

// One of them, as far as it is known: what a record says, what an archive has inside.
struct Side {
    std::string record;                       // id; empty: none is there
    std::string archive;                      // path; empty: none is there
    std::map<std::string, json::Value> facts; // texts and numbers, by name; "..._bytes" are sizes
    std::map<std::string, std::vector<std::string>> lists;

    void add(const record::Record& from);
    // InspectArchiveResponse of node.proto.
    void add(const json::Value& inside);
};

struct FactChange {
    std::string name;
    json::Value before; // null: not known
    json::Value after;
};
struct ListChange {
    std::string name;
    std::vector<std::string> gone;
    std::vector<std::string> added;
};
struct Changes {
    std::vector<FactChange> facts;
    std::vector<ListChange> lists;
    std::vector<std::string> left_out; // lists that only one side has
    [[nodiscard]] bool none() const { return facts.empty() && lists.empty(); }
};
[[nodiscard]] Changes compare(const Side& before, const Side& after);

[[nodiscard]] std::string text_of(const Side& before, const Side& after, const Changes& changes);
[[nodiscard]] json::Value value_of(const Side& before, const Side& after, const Changes& changes);

} // namespace lpm::cli
