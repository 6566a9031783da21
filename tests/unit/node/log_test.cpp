// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/log.hpp"

#include <algorithm>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "json/json.hpp"

using namespace lpm;
using node::Level;

namespace {

template <class Act> std::string logged(const Act& act) {
    testing::internal::CaptureStderr();
    act();
    return testing::internal::GetCapturedStderr();
}

// What follows the time, which is looked at once.
std::string after_time(const std::string& line) {
    return line.substr(std::min(line.size(), line.find(" level=") + 1));
}

} // namespace

TEST(Log, knows_its_levels) {
    EXPECT_EQ(node::level_of("debug").value(), Level::debug);
    EXPECT_EQ(node::level_of("info").value(), Level::info);
    EXPECT_EQ(node::level_of("warn").value(), Level::warn);
    EXPECT_EQ(node::level_of("error").value(), Level::error);
    for (const char* none : {"", "Info", "warning", "trace", "off"}) {
        ASSERT_FALSE(node::level_of(none)) << none;
        EXPECT_EQ(node::level_of(none).error().code, Errc::invalid);
    }
}

TEST(Log, drops_what_is_below_its_level) {
    struct Case {
        Level least;
        std::size_t lines;
    };
    for (const auto& [least, lines] :
         {Case{Level::debug, 4}, Case{Level::info, 3}, Case{Level::warn, 2}, Case{Level::error, 1}}) {
        const auto text = logged([&, limit = least] {
            node::start_log(limit, false);
            for (const auto level : {Level::debug, Level::info, Level::warn, Level::error})
                node::log(level, "x");
        });
        EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(text, '\n')), lines) << text;
    }
}

TEST(Log, quotes_and_escapes_values) {
    struct Case {
        std::string value;
        std::string shown;
    };
    const std::vector<Case> cases = {
        {"web-1", "web-1"},
        {"sha256//a+b/c:[::1]", "sha256//a+b/c:[::1]"},
        {"", R"("")"},
        {"two words", R"("two words")"},
        {R"(a "b")", R"("a \"b\"")"},
        {R"(a\b)", R"("a\\b")"},
        {"a=b", R"("a=b")"},
        {"a\nlevel=error", R"("a\nlevel=error")"},
        {"\x1b[2J\t\r", R"("\u001b[2J\t\r")"},
        {"\x7f", R"("\u007f")"},
        {"\xc2\x9b"
         "2J",
         R"("\u009b2J")"},
        {std::string("a\0b", 3), R"("a\u0000b")"},
        {"K\xc3\xb6ln", "\"K\xc3\xb6ln\""},
        {"\xff", "\"\xef\xbf\xbd\""},
    };
    node::start_log(Level::info, false);
    for (const auto& [value, shown] : cases) {
        const auto text =
            logged([&, what = value] { node::log(Level::warn, "it is so", {{"pod", what}, {"n", "1"}}); });
        EXPECT_TRUE(text.starts_with("time=2")) << text;
        EXPECT_EQ(after_time(text), "level=warn message=\"it is so\" pod=" + shown + " n=1\n");
    }
}

TEST(Log, writes_json_objects) {
    node::start_log(Level::info, true);
    const auto text = logged([] {
        node::log(Level::error, "not \"done\"", {{"pod", "a\nb\x7f"}, {"level", "mine"}, {"size", "5"}});
    });
    ASSERT_TRUE(text.ends_with('\n'));
    EXPECT_EQ(std::ranges::count(text, '\n'), 1);
    EXPECT_EQ(text.find('\x7f'), std::string::npos);
    const auto line = json::parse(trim(text));
    ASSERT_TRUE(line) << line.error().text;
    EXPECT_EQ(json::text_or_empty(*line, "level"), "error") << "a field takes no name of the log's own";
    EXPECT_EQ(json::text_or_empty(*line, "message"), "not \"done\"");
    EXPECT_EQ(json::text_or_empty(*line, "pod"), "a\nb\x7f");
    EXPECT_EQ(json::text_or_empty(*line, "size"), "5");
    EXPECT_EQ(json::text_or_empty(*line, "time").size(), std::string("2026-01-31T12:00:00.123Z").size());
    node::start_log(Level::info, false);
}

TEST(Log, keeps_the_lines_of_many_threads_whole) {
    node::start_log(Level::info, false);
    const auto text = logged([] {
        std::vector<std::jthread> threads(4);
        for (auto& thread : threads)
            thread = std::jthread([] {
                for (int i = 0; i < 50; ++i)
                    node::log(Level::info, "from a thread", {{"key", "value"}});
            });
    });
    std::string_view rest = text;
    int lines = 0;
    for (; !rest.empty(); ++lines)
        EXPECT_EQ(after_time(std::string(next_line(rest))), "level=info message=\"from a thread\" key=value");
    EXPECT_EQ(lines, 200);
}
