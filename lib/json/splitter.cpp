// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "json/splitter.hpp"

#include <utility>

namespace lpm::json {

static constexpr std::size_t deepest = 64;

Splitter::Splitter(Into into, std::size_t longest, Sink sink)
    : into_(into), longest_(longest), sink_(std::move(sink)) {}

Result<> Splitter::push(std::string_view bytes) {
    if (failed_)
        return fail(Errc::invalid, "json: more after a fault");
    for (const char c : bytes) {
        auto taken = quoted_ ? take_quoted(c) : take(c);
        if (!taken) {
            failed_ = true;
            return taken;
        }
    }
    return {};
}

Result<> Splitter::finish() {
    if (failed_ || !brackets_.empty())
        return fail(Errc::invalid, "json: ends in the middle of a document");
    return {};
}

Result<> Splitter::keep(char c) {
    std::string& to = in_items() && brackets_.size() == items_at_ ? outer_ : text_;
    if (text_.size() + outer_.size() >= longest_)
        return fail(Errc::invalid, "json: a document longer than " + std::to_string(longest_) + " bytes");
    to.push_back(c);
    return {};
}

Result<> Splitter::take_quoted(char c) {
    if (escaped_)
        escaped_ = false;
    else if (c == '\\')
        escaped_ = true;
    else if (c == '"')
        quoted_ = false;
    if (quoted_ && brackets_.size() == 1)
        name_.push_back(c);
    return keep(c);
}

Result<> Splitter::take(char c) {
    switch (c) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return {};
    case '{':
    case '[':
        return open(c);
    case '}':
    case ']':
        return close(c);
    default:
        break;
    }
    if (brackets_.empty())
        return fail(Errc::invalid, "json: not an object");
    if (in_items() && brackets_.size() == items_at_) {
        if (c != ',')
            return fail(Errc::invalid, "json: not an object among the items");
        return {}; // the outer object gets an empty list
    }
    if (c == '"') {
        quoted_ = true;
        if (brackets_.size() == 1)
            name_.clear();
    }
    return keep(c);
}

Result<> Splitter::open(char c) {
    if (brackets_.size() >= deepest)
        return fail(Errc::invalid, "json: nested deeper than " + std::to_string(deepest));
    if (in_items() && brackets_.size() == items_at_) {
        if (c != '{')
            return fail(Errc::invalid, "json: not an object among the items");
        brackets_.push_back(c);
        return keep(c);
    }
    TRY(keep(c));
    brackets_.push_back(c);
    if (into_ == Into::items && c == '[' && brackets_.size() == 2 && name_ == "items") {
        outer_ = std::exchange(text_, {});
        items_at_ = brackets_.size();
    }
    return {};
}

Result<> Splitter::close(char c) {
    if (brackets_.empty() || brackets_.back() != (c == '}' ? '{' : '['))
        return fail(Errc::invalid, "json: a bracket closes that was not open");
    if (in_items() && brackets_.size() == items_at_) { // the list itself
        text_ = std::exchange(outer_, {}) + c;
        items_at_ = 0;
        name_.clear();
        brackets_.pop_back();
        return {};
    }
    TRY(keep(c));
    brackets_.pop_back();
    const bool element = in_items() && brackets_.size() == items_at_;
    if (!element && !brackets_.empty())
        return {};
    const std::string document = std::exchange(text_, {});
    name_.clear();
    return sink_(document);
}

} // namespace lpm::json
