// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.hpp"

// What people and programs read of a command.
namespace lpm::cli {

enum class Format { table, json, yaml };

// Colours, for a terminal only, and not when NO_COLOR is set (no-color.org).
enum class Colour { none, green, yellow, red, dim };
[[nodiscard]] bool colours_are_wanted();
[[nodiscard]] std::string coloured(std::string_view text, Colour colour);
// Of words that say how something went: outcomes, verdicts, states.
[[nodiscard]] Colour colour_of(std::string_view word);

// Columns as wide as they must be, but the last; heads in capitals, as kubectl has them.
struct Table {
    std::vector<std::string> heads;
    std::vector<std::vector<std::string>> rows;
};
[[nodiscard]] std::string text_of(const Table& table);

// "Name:       value" lines, aligned; those without a value are left out.
class Description {
  public:
    void add(std::string_view name, std::string value);
    // An indented line below the last one.
    void add_line(std::string_view line);
    // The same, of a check that had something to say.
    void add_check(std::string_view verdict, std::string_view check, std::string_view message);
    [[nodiscard]] std::string text() const;

  private:
    struct Line {
        std::string name;
        std::string value;
    };
    std::vector<Line> lines_;
};

// A part of the time that something took.
struct Phase {
    std::string_view name;
    std::uint64_t microseconds = 0;
};
// "Time:", and a line with a bar for each phase that took any. Nothing when none did.
void add_phases(std::uint64_t all_microseconds, std::vector<Phase> phases, Description& to);

// "########": as long a part of `width` columns as `part` is of `all`; one at least for what is not 0.
[[nodiscard]] std::string bar_of(std::uint64_t part, std::uint64_t all, std::size_t width);
// "412 ms", "1.3 s", "3 min 20 s", of microseconds.
[[nodiscard]] std::string human_time(std::uint64_t microseconds);

// With nothing in it that a terminal would obey. `indent` < 0: one line.
[[nodiscard]] std::string write_json(const json::Value& value, int indent = -1);
[[nodiscard]] std::string write_yaml(const json::Value& value);

// To standard output, with a line end.
void print(std::string_view text);
// As JSON or YAML, as `format` says.
void print(Format format, const json::Value& value);

} // namespace lpm::cli
