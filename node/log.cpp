// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/log.hpp"

#include <atomic>
#include <memory>

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "base/text.hpp"
#include "json/json.hpp"

namespace lpm::node {

namespace {

struct Name {
    std::string_view text;
    Level level;
    spdlog::level::level_enum theirs;
};
constexpr Name names[] = {
    {"debug", Level::debug, spdlog::level::debug},
    {"info", Level::info, spdlog::level::info},
    {"warn", Level::warn, spdlog::level::warn},
    {"error", Level::error, spdlog::level::err},
};

const Name& name_of(Level level) {
    for (const Name& name : names)
        if (name.level == level)
            return name;
    return names[3];
}

struct Log {
    spdlog::logger logger;
    std::atomic<bool> json = false;

    Log() : logger("lpm", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
        logger.set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
        logger.set_level(spdlog::level::info);
        // Nobody is left to tell, and spdlog's own handler would write to the same place.
        logger.set_error_handler([](const std::string&) {});
    }
};

// Never destroyed: threads may still log while the program ends.
Log& the_log() {
    static Log& log = *new Log;
    return log;
}

// A terminal obeys DEL and the C1 controls (U+0080 to U+009F) too, and JSON lets them through.
std::string without_controls(std::string_view text) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto c = static_cast<unsigned char>(text[i]);
        const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
        const bool c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;
        if (c != 0x7f && !c1) {
            out += text[i];
            continue;
        }
        if (c1) {
            c = static_cast<unsigned char>(next);
            ++i;
        }
        out.append("\\u00").append(1, digits[c >> 4U]).append(1, digits[c & 0xfU]);
    }
    return out;
}

std::string in_quotes(std::string_view text) {
    return without_controls(json::write(json::Value(std::string(text))));
}

bool is_plain(std::string_view text) {
    for (const char c : text)
        if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\')
            return false;
    return !text.empty();
}

std::string as_text(const Name& level, std::string_view message, std::initializer_list<Field> fields) {
    std::string line = "time=" + rfc3339(now()) + " level=" + std::string(level.text);
    line += " message=" + in_quotes(message);
    for (const auto& [key, value] : fields)
        line.append(" ").append(key).append("=").append(is_plain(value) ? value : in_quotes(value));
    return line;
}

std::string as_json(const Name& level, std::string_view message, std::initializer_list<Field> fields) {
    json::Value line = json::Value::object();
    for (const auto& [key, value] : fields)
        line[std::string(key)] = value;
    line["time"] = rfc3339(now());
    line["level"] = std::string(level.text);
    line["message"] = std::string(message);
    return without_controls(json::write(line));
}

} // namespace

Result<Level> level_of(std::string_view name) {
    for (const Name& known : names)
        if (known.text == name)
            return known.level;
    return fail(Errc::invalid, "log level " + one_line(name, 40) + ": must be debug, info, warn or error");
}

void start_log(Level least, bool json) {
    the_log().json = json;
    the_log().logger.set_level(name_of(least).theirs);
}

void log(Level level, std::string_view message, std::initializer_list<Field> fields) {
    const Name& name = name_of(level);
    Log& log = the_log();
    if (!log.logger.should_log(name.theirs))
        return;
    const std::string line = log.json ? as_json(name, message, fields) : as_text(name, message, fields);
    log.logger.log(name.theirs, spdlog::string_view_t(line));
}

} // namespace lpm::node
