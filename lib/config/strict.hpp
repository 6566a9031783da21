// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/text.hpp"
#include "config/read_key.hpp"

// Files of settings in which a fault ends the program: a key that is not known, or whose value does not suit
// it. For this folder only.
namespace lpm::config {

template <class S> class StrictReading {
  public:
    explicit StrictReading(std::span<const Key<S>> keys) : keys_(keys) {}

    void table(const std::string& name, const toml::table& table) {
        for (const auto& [key, node] : table) {
            const std::string full = (name.empty() ? "" : name + ".") + std::string(key.str());
            if (is_table(full) && !key.str().contains('.')) {
                if (const auto* inner = node.as_table())
                    this->table(full, *inner);
                else
                    problem(node.source(), full, "must be a table");
                continue;
            }
            const auto* known = find_key(keys_, name, key.str());
            if (known == nullptr)
                problem(key.source(), full, "unknown key");
            else if (!read_key(read_, *known, key.str(), node))
                problem(node.source(), full, "must be " + expected(*known));
        }
    }

    void problem(const toml::source_region& at, std::string_view key, std::string_view what) {
        problems_.push_back({at, one_line(key, 120) + ": " + std::string(what)});
    }

    // Every problem in the order of the file, one a line.
    [[nodiscard]] Result<S> end(const std::string& file) {
        std::ranges::stable_sort(problems_, {}, [](const Problem& one) { return one.at.begin; });
        std::string text;
        for (const auto& [at, what] : problems_)
            text += (text.empty() ? "" : "\n") + place(file, at, what);
        if (!text.empty())
            return fail(Errc::invalid, std::move(text));
        return std::move(read_);
    }

  private:
    struct Problem {
        toml::source_region at;
        std::string text;
    };
    [[nodiscard]] bool is_table(std::string_view name) const {
        return std::ranges::contains(keys_, name, &Key<S>::table);
    }

    std::span<const Key<S>> keys_;
    S read_;
    std::vector<Problem> problems_;
};

// `together` looks at what no key can tell alone: together(reading, table).
template <class S, class Together>
Result<S> read_strictly(std::span<const Key<S>> keys, std::string_view text, const std::string& file,
                        Together together) {
    const auto parsed = parse_toml(text, file);
    if (!parsed)
        return fail(Errc::invalid,
                    place(file, parsed.error().source(), one_line(parsed.error().description())));
    StrictReading<S> reading(keys);
    reading.table("", parsed.table());
    together(reading, parsed.table());
    return reading.end(file);
}

} // namespace lpm::config
