// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "service/answer.hpp"

#include <algorithm>

#include "service/message.hpp"

namespace lpm::service {

using json::Value;

static constexpr json::Limits answer_limits{.bytes = max_answer, .depth = 16, .values = 100'000};

namespace {
struct Code {
    Errc code;
    std::string_view word;
};
constexpr Code codes[] = {
    {Errc::invalid, "invalid"}, {Errc::denied, "denied"}, {Errc::absent, "absent"},
    {Errc::exists, "exists"},   {Errc::busy, "busy"},     {Errc::unavailable, "unavailable"},
    {Errc::io, "io"},
};
} // namespace

std::string write_error(const Error& error) {
    const auto* code = std::ranges::find(codes, error.code, &Code::code);
    return json::write(Value{{"error", {{"code", code->word}, {"text", error.text}}}});
}

Result<Value> parse_object(std::string_view answer) {
    auto root = json::parse(answer, answer_limits);
    if (!root)
        return fail(Errc::io, "lpm-gate's answer: " + root.error().text);
    if (!root->is_object())
        return fail(Errc::io, "lpm-gate's answer is no object");
    if (json::find(*root, "error") == nullptr)
        return root;
    const auto* code = std::ranges::find(codes, json::text_or_empty(*root, "error.code"), &Code::word);
    if (code == std::end(codes))
        return fail(Errc::io, "lpm-gate's answer has an error that is none");
    return fail(code->code, json::text_or_empty(*root, "error.text"));
}

} // namespace lpm::service
