// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace lpm::json {

// Cuts JSON that comes in pieces into documents, so that a list of 20,000 objects is read without being kept.
// What it hands on is still to be parsed: it looks at quotes and brackets only.
class Splitter {
  public:
    enum class Into {
        documents, // one after the other, as in the stream of a watch
        items,     // of one object: each element of its member "items", and at the end itself without them
    };
    using Sink = std::function<Result<>(std::string_view document)>;
    // `longest`: bytes of one document.
    Splitter(Into into, std::size_t longest, Sink sink);

    // Errc::invalid for what cannot be JSON, is too long or nested too deeply; else what the sink says.
    // Nothing more is taken after that.
    [[nodiscard]] Result<> push(std::string_view bytes);
    // Errc::invalid when a document is not whole.
    [[nodiscard]] Result<> finish();

  private:
    [[nodiscard]] Result<> take(char c);
    [[nodiscard]] Result<> take_quoted(char c);
    [[nodiscard]] Result<> open(char c);
    [[nodiscard]] Result<> close(char c);
    [[nodiscard]] Result<> keep(char c);
    [[nodiscard]] Result<> keep(std::string_view text);
    [[nodiscard]] bool in_items() const { return items_at_ != 0; }

    Into into_;
    std::size_t longest_;
    Sink sink_;
    std::string text_;         // of the document so far
    std::string outer_;        // Into::items: the object around it so far
    std::string brackets_;     // the open ones
    std::string name_;         // the last string of the outermost object, which may be a member's name
    std::size_t items_at_ = 0; // the number of brackets that are open between two elements; 0: not among them
    bool quoted_ = false;
    bool escaped_ = false;
    bool failed_ = false;
};

// Compact JSON without its arrays and objects of that name that others follow: for what is long and nobody
// reads. What is no JSON may become other text that is none.
[[nodiscard]] std::string without(std::string_view text, std::string_view member);

} // namespace lpm::json
