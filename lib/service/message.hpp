// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/words.hpp"
#include "inspect/engine.hpp"
#include "inspect/images.hpp"
#include "record/preparation.hpp"

// What lpm-gate is asked on /run/lpm/gate.sock, and what it answers: one JSON object each, then the end of
// the stream (docs/sidecar.md). Who asks has no power of its own; who answers has all of it.
namespace lpm::service {

inline constexpr std::size_t max_request = std::size_t{64} << 10; // bytes
inline constexpr std::size_t max_answer = std::size_t{4} << 20;

enum class Verb { preflight, prepare, judge_restore, list_archives, open_archive, delete_archive };
inline constexpr std::string_view verbs[] = {"preflight",     "prepare",      "judge-restore",
                                             "list-archives", "open-archive", "delete-archive"};
constexpr std::span<const std::string_view> words_of(Verb) {
    return verbs;
}

constexpr bool is_of_archives(Verb verb) {
    return verb >= Verb::list_archives;
}

struct Request {
    Verb verb = Verb::preflight;
    // Of one archive: its path as it is listed, and the id of the file that is meant; empty: whichever it is.
    std::string path{};
    std::string file_id{};
    // Of a container.
    inspect::Target target{};
    record::OptionList options{}; // as far as the node allows them
    inspect::ImageFacts images{}; // judge_restore only: of an archive
    // prepare only
    std::string attempt{}; // see record::valid_attempt
    record::ObjectName object{};
    std::chrono::seconds ttl{60}; // how long the preparation is good for
};

// Errc::invalid, with the member that is missing or is not as it must be.
[[nodiscard]] Result<Request> parse_request(std::string_view text);
[[nodiscard]] std::string write_request(const Request& request);

// A checkpoint or restore that was not made: a record without outcome, whose findings, code and message are
// those that the gate would have recorded.
[[nodiscard]] std::string write_answer(const Result<record::Record>& judged);
// The error that was answered, with its code; Errc::io for what is no answer.
[[nodiscard]] Result<record::Record> parse_answer(std::string_view text);

} // namespace lpm::service
