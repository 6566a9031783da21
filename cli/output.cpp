// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "output.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "base/format.hpp"
#include "base/text.hpp"

namespace lpm::cli {

bool colours_are_wanted() {
    static const bool wanted = [] {
        const char* no = std::getenv("NO_COLOR");   // NOLINT(concurrency-mt-unsafe)
        const char* terminal = std::getenv("TERM"); // NOLINT(concurrency-mt-unsafe)
        return (no == nullptr || *no == '\0') && ::isatty(STDOUT_FILENO) == 1 && terminal != nullptr &&
               std::string_view(terminal) != "dumb";
    }();
    return wanted;
}

std::string coloured(std::string_view text, Colour colour) {
    static constexpr std::string_view starts[] = {"", "\033[32m", "\033[33m", "\033[31m", "\033[2m"};
    if (colour == Colour::none || text.empty() || !colours_are_wanted())
        return std::string(text);
    return lpm::format("{}{}\033[0m", starts[static_cast<std::size_t>(colour)], text);
}

Colour colour_of(std::string_view word) {
    struct Meaning {
        std::string_view word;
        Colour colour;
    };
    static constexpr Meaning meanings[] = {
        {"completed", Colour::green}, {"pass", Colour::green},     {"whole", Colour::green},
        {"ok", Colour::green},        {"covered", Colour::green},  {"warn", Colour::yellow},
        {"unknown", Colour::yellow},  {"writing", Colour::yellow}, {"interrupted", Colour::red},
        {"block", Colour::red},       {"refused", Colour::red},    {"failed", Colour::red},
        {"fail", Colour::red},        {"truncated", Colour::red},  {"incomplete", Colour::red},
    };
    const auto* found = std::ranges::find(meanings, word, &Meaning::word);
    return found == std::end(meanings) ? Colour::none : found->colour;
}

// Columns on a terminal: bytes that do not continue a character of UTF-8. Names are ASCII but for images'.
static std::size_t width_of(std::string_view text) {
    constexpr unsigned continues = 0x80;
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != continues; }));
}

std::string text_of(const Table& table) {
    constexpr std::size_t gap = 2;
    std::vector<std::size_t> widths;
    widths.reserve(table.heads.size());
    for (const auto& head : table.heads)
        widths.push_back(width_of(head));
    for (const auto& row : table.rows)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    std::string text;
    const auto add = [&](const std::vector<std::string>& cells, bool head) {
        std::string line;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            line += head ? cells[i] : coloured(cells[i], colour_of(cells[i]));
            if (i + 1 < cells.size())
                line.append(widths[i] - width_of(cells[i]) + gap, ' ');
        }
        line.resize(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    };
    add(table.heads, true);
    for (const auto& row : table.rows)
        add(row, false);
    text.pop_back();
    return text;
}

void Description::add(std::string_view name, std::string value) {
    if (!value.empty())
        lines_.push_back({std::string(name) + ":", std::move(value)});
}

void Description::add_line(std::string_view line) {
    lines_.push_back({"", std::string(line)});
}

std::string Description::text() const {
    std::size_t width = 0;
    for (const auto& line : lines_)
        width = std::max(width, line.name.size());
    std::string text;
    for (const auto& [name, value] : lines_)
        text += name.empty() ? "  " + value + "\n" : lpm::format("{:<{}}  {}\n", name, width, value);
    if (!text.empty())
        text.pop_back();
    return text;
}

void Description::add_check(std::string_view verdict, std::string_view check, std::string_view message) {
    add_line(coloured(lpm::format("{:<8}", verdict), colour_of(verdict)) + one_line(check) + ": " +
             one_line(message, 2000));
}

std::string bar_of(std::uint64_t part, std::uint64_t all, std::size_t width) {
    if (part == 0 || all == 0)
        return {};
    const double share = std::min(1.0, static_cast<double>(part) / static_cast<double>(all));
    const auto length = static_cast<std::size_t>(std::lround(share * static_cast<double>(width)));
    return std::string(std::max<std::size_t>(length, 1), '#');
}

std::string human_time(std::uint64_t microseconds) {
    constexpr std::uint64_t millisecond = 1000;
    constexpr std::uint64_t second = 1'000'000;
    if (microseconds < millisecond)
        return lpm::format("{} us", microseconds);
    if (microseconds < 10 * millisecond)
        return lpm::format("{:.1f} ms", static_cast<double>(microseconds) / 1e3);
    if (microseconds < second)
        return lpm::format("{} ms", microseconds / millisecond);
    if (microseconds < 60 * second)
        return lpm::format("{:.1f} s", static_cast<double>(microseconds) / 1e6);
    return lpm::format("{} min {} s", microseconds / (60 * second), microseconds / second % 60);
}

void add_phases(std::uint64_t all_microseconds, std::vector<Phase> phases, Description& to) {
    constexpr std::size_t width = 40;
    std::erase_if(phases, [](const Phase& phase) { return phase.microseconds == 0; });
    if (phases.empty())
        return;
    const std::uint64_t longest = std::ranges::max(phases, {}, &Phase::microseconds).microseconds;
    to.add("Time", human_time(all_microseconds));
    for (const auto& [name, microseconds] : phases) {
        std::string label(name);
        std::ranges::replace(label, '_', ' ');
        to.add_line(lpm::format("{:<28}  {:>8}  {}", label, human_time(microseconds),
                                bar_of(microseconds, longest, width)));
    }
}

// A terminal obeys U+007F to U+009F as well, which JSON lets through.
static std::string without_controls(const std::string& text) {
    constexpr char lead = '\xC2'; // of U+0080 to U+00BF
    constexpr unsigned char first = 0x80;
    constexpr unsigned char last = 0x9F;
    constexpr unsigned char rubout = 0x7F;
    std::string safe;
    safe.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
        if (text[i] == lead && next >= first && next <= last) {
            safe += lpm::format("\\u{:04x}", next);
            ++i;
        } else if (static_cast<unsigned char>(text[i]) == rubout) {
            safe += "\\u007f";
        } else {
            safe += text[i];
        }
    }
    return safe;
}

std::string write_json(const json::Value& value, int indent) {
    return without_controls(json::write(value, indent));
}

// Names of members as YAML takes them without quotes.
static std::string key_of(const std::string& name) {
    static constexpr std::string_view words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
    const bool plain = !name.empty() && std::ranges::all_of(name, [](char c) {
        return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    });
    return plain && std::ranges::find(words, name) == std::end(words) ? name : write_json(json::Value(name));
}

// A text is written as JSON has it, which YAML takes: no word is mistaken for a number or a truth.
static void add_yaml(const json::Value& value, std::size_t depth, std::string& to) {
    const std::string indent(2 * depth, ' ');
    const auto add_member = [&](const std::string& head, const json::Value& member) {
        const bool nested = (member.is_object() || member.is_array()) && !member.empty();
        to += indent + head;
        if (!nested) {
            to += " " + write_json(member) + "\n";
        } else {
            to += "\n";
            add_yaml(member, depth + 1, to);
        }
    };
    if (value.is_object())
        for (const auto& [name, member] : value.items())
            add_member(key_of(name) + ":", member);
    else if (value.is_array())
        for (const auto& member : value)
            add_member("-", member);
    else
        to += indent + write_json(value) + "\n";
}

std::string write_yaml(const json::Value& value) {
    std::string text;
    add_yaml(value, 0, text);
    if ((value.is_object() || value.is_array()) && value.empty())
        text = write_json(value) + "\n";
    return text;
}

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
}

void print(Format format, const json::Value& value) {
    const std::string text = format == Format::yaml ? write_yaml(value) : write_json(value, 2) + "\n";
    std::fwrite(text.data(), 1, text.size(), stdout);
}

} // namespace lpm::cli
