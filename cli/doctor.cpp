// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <unistd.h>

#include "base/format.hpp"
#include "base/text.hpp"
#include "command.hpp"
#include "doctor/gather.hpp"
#include "doctor/judges.hpp"

namespace lpm::cli {

static json::Value value_of(const std::vector<doctor::Line>& lines) {
    json::Value value{{"lines", json::Value::array()}};
    for (const auto& [id, finding] : lines)
        value["lines"].push_back({{"id", id},
                                  {"state", name_of(finding.state)},
                                  {"found", finding.found},
                                  {"remedy", finding.remedy}});
    return value;
}

static std::string text_of(const std::vector<doctor::Line>& lines) {
    std::string text;
    for (const auto& [id, finding] : lines) {
        const std::string_view word = name_of(finding.state);
        text += coloured(lpm::format("{:<9}", word), colour_of(word)) +
                lpm::format("{:<19}{}\n", id, one_line(finding.found, 2000));
        if (!finding.remedy.empty())
            text += lpm::format("{:<9}{:<19}-> {}\n", "", "", one_line(finding.remedy, 2000));
    }
    text.pop_back();
    return text;
}

Action add_doctor(CLI::App&, const Context& context) {
    return [&context]() -> Result<int> {
        if (::geteuid() != 0)
            return fail(Errc::denied, "doctor looks at what only root may see: run it as root");
        const auto lines = doctor::judge(doctor::gather({.store = context.store, .gate = context.gate}));
        if (context.format == Format::table)
            print(text_of(lines));
        else
            print(context.format, value_of(lines));
        const bool fails = std::ranges::any_of(
            lines, [](const doctor::Line& line) { return line.finding.state == doctor::State::fail; });
        return fails ? no : yes;
    };
}

} // namespace lpm::cli
