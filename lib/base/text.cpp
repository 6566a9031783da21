// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace lpm {

static bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && blank(text.back()))
        text.remove_suffix(1);
    return text;
}

std::string_view next_word(std::string_view& rest) {
    while (!rest.empty() && blank(rest.front()))
        rest.remove_prefix(1);
    std::size_t length = 0;
    while (length < rest.size() && !blank(rest[length]))
        ++length;
    const auto word = rest.substr(0, length);
    rest.remove_prefix(length);
    return word;
}

std::string_view next_line(std::string_view& rest) {
    const auto end = rest.find('\n');
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return line;
}

timespec now() {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time);
    return time;
}

std::string_view next_part(std::string_view& rest, char mark) {
    const auto end = std::min(rest.find(mark), rest.size());
    const auto part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

bool is_below(std::string_view path, std::string_view folder) {
    return path.starts_with(folder) &&
           (folder == "/" || path.size() == folder.size() || path[folder.size()] == '/');
}

std::string rfc3339(timespec time) {
    tm utc{};
    ::gmtime_r(&time.tv_sec, &utc);
    std::array<char, 80> text{};
    const int n = std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ",
                                utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                                utc.tm_sec, time.tv_nsec / 1000000);
    return {text.data(), static_cast<std::size_t>(n)};
}

// Two or four digits at `at`, within a range; -1 for anything else.
static int digits(std::string_view text, std::size_t at, std::size_t count, int least, int most) {
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (i >= text.size() || text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value < least || value > most ? -1 : value;
}

// Seconds east of UTC of "Z" or "+02:00", at the end of a time.
static std::optional<long> offset_of(std::string_view text) {
    if (text == "Z")
        return 0;
    const int hours = digits(text, 1, 2, 0, 23);
    const int minutes = digits(text, 4, 2, 0, 59);
    if (text.size() != 6 || text[3] != ':' || hours < 0 || minutes < 0 || (text[0] != '+' && text[0] != '-'))
        return std::nullopt;
    const long seconds = hours * 3600L + minutes * 60L;
    return text[0] == '-' ? -seconds : seconds;
}

std::optional<timespec> parse_rfc3339(std::string_view text) {
    tm utc{};
    const int year = digits(text, 0, 4, 1, 9999);
    const int month = digits(text, 5, 2, 1, 12);
    utc.tm_mday = digits(text, 8, 2, 1, 31);
    utc.tm_hour = digits(text, 11, 2, 0, 23);
    utc.tm_min = digits(text, 14, 2, 0, 59);
    utc.tm_sec = digits(text, 17, 2, 0, 60);
    if (year < 0 || month < 0 || utc.tm_mday < 0 || utc.tm_hour < 0 || utc.tm_min < 0 || utc.tm_sec < 0 ||
        text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':')
        return std::nullopt;
    using namespace std::chrono;
    if (!year_month_day(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                        day(static_cast<unsigned>(utc.tm_mday)))
             .ok())
        return std::nullopt;
    utc.tm_year = year - 1900;
    utc.tm_mon = month - 1;
    text.remove_prefix(19);
    timespec time{};
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        long unit = 100'000'000;
        for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), unit /= 10)
            time.tv_nsec += unit * (text.front() - '0');
    }
    const auto offset = offset_of(text);
    if (!offset)
        return std::nullopt;
    time.tv_sec = ::timegm(&utc) - *offset;
    return time;
}

std::string human_size(std::uint64_t bytes) {
    static constexpr std::array<const char*, 5> units{"KiB", "MiB", "GiB", "TiB", "PiB"};
    if (bytes < 1024)
        return std::to_string(bytes) + " bytes";
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    std::array<char, 40> text{};
    const int n = std::snprintf(text.data(), text.size(), "%.1f %s", value, units[unit]);
    return {text.data(), static_cast<std::size_t>(n)};
}

namespace {
struct Character {
    char32_t code = 0;
    std::size_t size = 1; // in bytes
    bool valid = false;
};
} // namespace

// The first of `text`, which is not empty, as UTF-8 has it (RFC 3629).
static Character first_character(std::string_view text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned lead = byte(0);
    if (lead < 0x80)
        return {lead, 1, true};
    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < size)
        return {};
    char32_t code = lead & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0U) != 0x80U)
            return {};
        code = code << 6U | (byte(i) & 0x3fU);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < least[size] || code > 0x10ffff || surrogate)
        return {};
    return {code, size, true};
}

// It does something to a terminal, or to the order of what stands there, instead of standing there: controls
// of both sets, marks, embeddings and isolates of bidirectional text, separators of lines.
static bool is_control(char32_t code) {
    const auto within = [code](char32_t from, char32_t to) { return code >= from && code <= to; };
    return code < 0x20 || within(0x7f, 0x9f) || code == 0x61c || within(0x200e, 0x200f) ||
           within(0x2028, 0x202e) || within(0x2066, 0x2069) || code == 0xfeff;
}

std::string to_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const Character next = first_character(text);
        out += next.valid ? text.substr(0, next.size) : "\xef\xbf\xbd";
        text.remove_prefix(next.size);
    }
    return out;
}

std::string one_line(std::string_view text, std::size_t limit) {
    std::string out;
    out.reserve(std::min(text.size(), limit));
    while (!text.empty()) {
        const Character next = first_character(text);
        const bool shown = next.valid && !is_control(next.code);
        if (out.size() + (shown ? next.size : 1) > limit)
            return out + "...";
        if (shown)
            out += text.substr(0, next.size);
        else
            out += next.valid ? ' ' : '?';
        text.remove_prefix(next.size);
    }
    return out;
}

} // namespace lpm
