// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/words.hpp"

// The closed sets of words that a record is made of (docs/records.md).
namespace lpm::record {

enum class State { intent, final };
inline constexpr std::string_view states[] = {"intent", "final"};
constexpr std::span<const std::string_view> words_of(State) {
    return states;
}

// What the journal says of a record.
enum class Change { intent, final, removed };
inline constexpr std::string_view change_words[] = {"intent", "final", "removed"};
constexpr std::span<const std::string_view> words_of(Change) {
    return change_words;
}

enum class Operation { checkpoint, pre_dump, restore, create };
inline constexpr std::string_view operations[] = {"checkpoint", "pre-dump", "restore", "create"};
constexpr std::span<const std::string_view> words_of(Operation) {
    return operations;
}

enum class Outcome { completed, refused, failed, interrupted };
inline constexpr std::string_view outcomes[] = {"completed", "refused", "failed", "interrupted"};
constexpr std::span<const std::string_view> words_of(Outcome) {
    return outcomes;
}

// pass: fine. warn: may fail, or loses something; goes on. block: certain to fail, or to do harm.
// unknown: could not be judged; goes on. covered: would block, but an option in force makes it work.
enum class Verdict { pass, warn, block, unknown, covered };
inline constexpr std::string_view verdicts[] = {"pass", "warn", "block", "unknown", "covered"};
constexpr std::span<const std::string_view> words_of(Verdict) {
    return verdicts;
}

// When a life-cycle hook runs.
enum class HookPoint { pre_checkpoint, post_checkpoint, pre_restore, post_restore };
inline constexpr std::string_view hook_points[] = {"pre-checkpoint", "post-checkpoint", "pre-restore",
                                                   "post-restore"};
constexpr std::span<const std::string_view> words_of(HookPoint) {
    return hook_points;
}

enum class HookOutcome { done, failed, skipped };
inline constexpr std::string_view hook_outcomes[] = {"done", "failed", "skipped"};
constexpr std::span<const std::string_view> words_of(HookOutcome) {
    return hook_outcomes;
}

// One of the values of E; or a word that is none of them, as a newer lpm may write. That equals no value, and
// is written again as it was read. Or nothing, which is left out of the stored form.
template <class E> class Word {
  public:
    Word() = default;
    Word(E value) : value_(value) {}
    [[nodiscard]] static Word read(std::string text) {
        Word word;
        word.value_ = find_value<E>(text);
        if (!word.value_)
            word.other_ = std::move(text);
        return word;
    }

    [[nodiscard]] bool empty() const { return !value_ && other_.empty(); }
    // Nothing when the word is none of the values, or when there is none.
    [[nodiscard]] std::optional<E> value() const { return value_; }
    [[nodiscard]] std::string text() const { return value_ ? std::string(name_of(*value_)) : other_; }
    [[nodiscard]] friend bool operator==(const Word& word, E value) { return word.value_ == value; }

  private:
    std::optional<E> value_;
    std::string other_;
};

} // namespace lpm::record
