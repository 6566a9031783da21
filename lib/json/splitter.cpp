// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "json/splitter.hpp"

#include <algorithm>
#include <utility>

namespace lpm::json {

static constexpr std::size_t deepest = 64;

Splitter::Splitter(Into into, std::size_t longest, Sink sink)
    : into_(into), longest_(longest), sink_(std::move(sink)) {}

Result<> Splitter::push(std::string_view bytes) {
    if (failed_)
        return fail(Errc::invalid, "json: more after a fault");
    while (!bytes.empty()) {
        const std::size_t plain =
            quoted_ && !escaped_ ? std::min(bytes.find_first_of("\"\\"), bytes.size()) : 0;
        auto taken = plain > 0 ? keep(bytes.substr(0, plain))
                     : quoted_ ? take_quoted(bytes[0])
                               : take(bytes[0]);
        if (!taken) {
            failed_ = true;
            return taken;
        }
        if (plain > 0 && brackets_.size() == 1)
            name_ += bytes.substr(0, plain);
        bytes.remove_prefix(std::max<std::size_t>(plain, 1));
    }
    return {};
}

Result<> Splitter::finish() {
    if (failed_ || !brackets_.empty())
        return fail(Errc::invalid, "json: ends in the middle of a document");
    return {};
}

Result<> Splitter::keep(std::string_view text) {
    std::string& to = in_items() && brackets_.size() == items_at_ ? outer_ : text_;
    if (text_.size() + outer_.size() + text.size() > longest_)
        return fail(Errc::invalid, "json: a document longer than " + std::to_string(longest_) + " bytes");
    to += text;
    return {};
}

Result<> Splitter::keep(char c) {
    return keep(std::string_view(&c, 1));
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

// The end of the array or object that begins at `from`; npos when it has none.
static std::size_t end_of(std::string_view text, std::size_t from) {
    std::size_t depth = 0;
    bool quoted = false;
    for (std::size_t i = from; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '\\')
            ++i;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            ++depth;
        else if (!quoted && (c == '}' || c == ']') && --depth == 0)
            return i + 1;
    }
    return std::string_view::npos;
}

std::string without(std::string_view text, std::string_view member) {
    const std::string begin = "\"" + std::string(member) + "\":";
    std::string rest;
    for (auto at = text.find(begin); at != std::string_view::npos; at = text.find(begin)) {
        const std::size_t value = at + begin.size();
        std::size_t end = value; // of what is looked at
        if ((at == 0 || text[at - 1] != '\\') && value < text.size() &&
            (text[value] == '[' || text[value] == '{'))
            end = end_of(text, value);
        const bool cut = end > value && end < text.size() && text[end] == ','; // else it may stay
        rest += text.substr(0, cut ? at : end);
        text.remove_prefix(std::min(text.size(), cut ? end + 1 : end));
    }
    return rest += text;
}

} // namespace lpm::json
