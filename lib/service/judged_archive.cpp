// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "service/judged_archive.hpp"

#include <utility>

#include "base/text.hpp"
#include "record/record.hpp"
#include "service/answer.hpp"
#include "service/archives.hpp"

namespace lpm::service {

using json::Value;

static constexpr std::size_t longest = 253; // as names of Kubernetes
static constexpr std::size_t longest_message = 300;
static constexpr std::size_t longest_line = 32768; // a path has 4096 bytes, of which JSON may make six each

// Podman's containers have names of their own, which no two have at a time.
bool JudgedArchive::has_identity() const {
    return !name.empty() && (engine == "Podman" || (!engine.empty() && !name_space.empty() && !pod.empty()));
}

namespace {
struct Text {
    std::string_view member;
    std::string JudgedArchive::* to;
};
constexpr Text texts[] = {
    {"engine", &JudgedArchive::engine},   {"namespace", &JudgedArchive::name_space},
    {"pod", &JudgedArchive::pod},         {"name", &JudgedArchive::name},
    {"attempt", &JudgedArchive::attempt},
};
} // namespace

static Value value_of(const JudgedArchive& judged) {
    Value value{{"whole", judged.whole}};
    if (!judged.message.empty())
        value["message"] = one_line(judged.message, longest_message);
    // A part of a name could be another's name.
    for (const auto& [member, to] : texts)
        if (const auto& text = judged.*to; !text.empty() && text.size() <= longest)
            value[std::string(member)] = text;
    if (judged.of_object)
        value["object"] = true;
    return value;
}

static Result<JudgedArchive> judged_of(const Value& value) {
    const Value* whole = json::find(value, "whole");
    if (whole == nullptr || !whole->is_boolean())
        return fail(Errc::io, "lpm-judge's answer does not say whether the archive is whole");
    JudgedArchive judged;
    judged.whole = whole->get<bool>();
    judged.message = one_line(json::text_or_empty(value, "message"), longest_message);
    for (const auto& [member, to] : texts) {
        judged.*to = json::text_or_empty(value, member);
        if ((judged.*to).size() > longest)
            return fail(Errc::io, "lpm-judge's answer has too long a name");
    }
    if (!judged.attempt.empty() && !record::valid_attempt(judged.attempt))
        return fail(Errc::io, "lpm-judge's answer has an attempt that is none");
    judged.of_object = json::is_true(value, "object");
    return judged;
}

std::string write_judged(const Result<JudgedArchive>& judged) {
    return judged ? json::write(value_of(*judged)) : write_error(judged.error());
}

Result<JudgedArchive> parse_judged(std::string_view answer) {
    TRY_ASSIGN(const Value root, parse_object(answer));
    return judged_of(root);
}

std::string write_judged_archives(const JudgedArchives& archives) {
    std::string text;
    for (const auto& [key, judged] : archives) {
        Value value = value_of(judged);
        value["path"] = key.first;
        value["id"] = key.second;
        text += json::write(value) + "\n";
    }
    return text;
}

JudgedArchives parse_judged_archives(std::string_view text) {
    JudgedArchives archives;
    while (!text.empty() && archives.size() < max_archives) {
        const auto line = next_line(text);
        if (line.size() > longest_line)
            continue;
        const auto value = parse_object(line);
        auto judged = value ? judged_of(*value) : std::unexpected(value.error());
        if (judged)
            archives.insert_or_assign(
                {json::text_or_empty(*value, "path"), json::text_or_empty(*value, "id")}, *std::move(judged));
    }
    return archives;
}

} // namespace lpm::service
