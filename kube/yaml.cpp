// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/yaml.hpp"

#include <algorithm>
#include <exception>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace lpm::kube::yaml {

static std::string at_line(int line, std::string_view what) {
    return "line " + std::to_string(line) + ": " + std::string(what);
}

namespace {

// Events cannot end the parser's run: after the first that is refused the others are not looked at.
class Builder final : public YAML::EventHandler {
  public:
    explicit Builder(const Limits& limits) : limits_(limits) {}

    void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
        add(mark, Item::Kind::nothing);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
        refuse(mark.line + 1, "an alias (*name) is refused: write out what it stands for");
    }
    void OnAnchor(const YAML::Mark& mark, const std::string& /*name*/) override {
        refuse(mark.line + 1, "an anchor (&name) is refused: write out its value where it is used");
    }
    void OnScalar(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  const std::string& value) override {
        add(mark, Item::Kind::text, value);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                         YAML::EmitterStyle::value /*style*/) override {
        open(mark, Item::Kind::list);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                    YAML::EmitterStyle::value /*style*/) override {
        open(mark, Item::Kind::map);
    }
    void OnMapEnd() override { close(); }

    [[nodiscard]] Result<Item> take() && {
        if (!refused_.empty())
            return fail(Errc::invalid, std::move(refused_));
        return std::move(root_);
    }

  private:
    void refuse(int line, std::string_view why) {
        if (refused_.empty())
            refused_ = at_line(line, why);
    }
    void add(const YAML::Mark& mark, Item::Kind kind, std::string_view text = {}) {
        if (!refused_.empty())
            return;
        if (++values_ > limits_.values)
            return refuse(mark.line + 1, "more than " + std::to_string(limits_.values) + " values");
        put({.kind = kind, .line = mark.line + 1, .text = std::string(text), .keys = {}, .items = {}});
    }
    void put(Item item) {
        if (open_.empty()) {
            root_ = std::move(item);
            return;
        }
        Item& into = open_.back();
        if (into.kind != Item::Kind::map || into.keys.size() > into.items.size())
            into.items.push_back(std::move(item));
        else if (item.kind == Item::Kind::text)
            into.keys.push_back(std::move(item.text));
        else
            refuse(item.line, "a key is no text");
    }
    void open(const YAML::Mark& mark, Item::Kind kind) {
        if (!refused_.empty())
            return;
        if (open_.size() >= limits_.depth)
            return refuse(mark.line + 1, "nested deeper than " + std::to_string(limits_.depth));
        open_.push_back({.kind = kind, .line = mark.line + 1, .text = {}, .keys = {}, .items = {}});
    }
    void close() {
        if (!refused_.empty() || open_.empty())
            return;
        Item item = std::move(open_.back());
        open_.pop_back();
        std::vector<std::string_view> keys(item.keys.begin(), item.keys.end());
        std::ranges::sort(keys);
        if (std::ranges::adjacent_find(keys) != keys.end())
            return refuse(item.line, "the map that begins here has a key twice");
        put(std::move(item));
    }

    Limits limits_;
    Item root_{};
    std::vector<Item> open_;
    std::size_t values_ = 0;
    std::string refused_;
};

} // namespace

Result<Item> parse(std::string_view text, const Limits& limits) {
    if (text.size() > limits.bytes)
        return fail(Errc::invalid, "longer than " + std::to_string(limits.bytes) + " bytes");
    try {
        // yaml-cpp 0.8 takes a quote that is open at the end for closed when a line end is before that; not
        // so when the end is marked.
        std::istringstream stream(std::string(text) + (text.ends_with('\n') ? "...\n" : "\n...\n"));
        YAML::Parser parser(stream);
        Builder builder(limits);
        (void)parser.HandleNextDocument(builder);
        return std::move(builder).take();
    } catch (const YAML::Exception& e) {
        // The first words only: some messages go on with what stands there.
        const auto words = e.msg == YAML::ErrorMsg::DOC_IN_SCALAR
                               ? "a quote is not closed"
                               : std::string_view(e.msg).substr(0, e.msg.find(": "));
        return fail(Errc::invalid, at_line(e.mark.line + 1, "no YAML: " + std::string(words)));
    } catch (const std::exception&) {
        return fail(Errc::invalid, "no YAML");
    }
}

const Item* find(const Item& item, std::string_view key) {
    const auto at = std::ranges::find(item.keys, key);
    if (at == item.keys.end())
        return nullptr;
    const Item& found = item.items[static_cast<std::size_t>(at - item.keys.begin())];
    return found.kind == Item::Kind::nothing ? nullptr : &found;
}

} // namespace lpm::kube::yaml
