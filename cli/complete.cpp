// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "complete.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace lpm::cli {

static bool takes_value(const CLI::Option& option) {
    return option.get_items_expected_max() > 0;
}

static const CLI::Option* find_option(const CLI::App* app, const std::string& name) {
    for (; app != nullptr; app = app->get_parent()) // options of a program may stand behind its commands
        if (const auto* option = app->get_option_no_throw(name); option != nullptr)
            return option;
    return nullptr;
}

static std::vector<const CLI::App*> commands_of(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App*) { return true; });
}

namespace {

// What the words before the last one mean.
class Place {
  public:
    explicit Place(const CLI::App& app) : app_(&app) {}

    void pass(const std::string& word) {
        if (option_ != nullptr && word == "=") // bash makes three words of --output=json
            return;
        if (option_ != nullptr)
            keep(std::exchange(option_, nullptr), word);
        else if (word.starts_with('-') && word != "-")
            pass_option(word);
        else if (const auto* command = find_command(word); command != nullptr)
            app_ = command;
        else
            pass_argument(word);
    }
    [[nodiscard]] const Typed& typed() const { return typed_; }
    [[nodiscard]] const CLI::App& app() const { return *app_; }
    [[nodiscard]] bool has_arguments() const { return arguments_ > 0; }
    // Whose value is missing.
    [[nodiscard]] const CLI::Option* option() const { return option_; }
    [[nodiscard]] const CLI::Option* argument() const {
        std::size_t number = 0;
        for (const auto* one : app_->get_options())
            if (one->get_positional() && number++ == arguments_)
                return one;
        return nullptr;
    }

  private:
    void keep(const CLI::Option* option, const std::string& value) {
        if (option == nullptr)
            return;
        const auto& names = option->get_lnames();
        typed_[option->get_positional() || names.empty() ? option->get_name() : "--" + names.front()] = value;
    }
    void pass_argument(const std::string& word) {
        keep(argument(), word);
        ++arguments_;
    }
    void pass_option(const std::string& word) {
        const auto equals = word.find('=');
        const auto* found = find_option(app_, word.substr(0, equals));
        if (found == nullptr || !takes_value(*found))
            return;
        if (equals == std::string::npos)
            option_ = found;
        else
            keep(found, word.substr(equals + 1));
    }
    [[nodiscard]] const CLI::App* find_command(const std::string& word) const {
        const auto commands = commands_of(*app_);
        const auto found = std::ranges::find(commands, word, &CLI::App::get_name);
        return found == commands.end() ? nullptr : *found;
    }

    const CLI::App* app_;
    const CLI::Option* option_ = nullptr;
    Typed typed_;
    std::size_t arguments_ = 0;
};

} // namespace

// `before`: what stands before the value in the same word.
static void add_values(const CLI::Option& option, const std::string& before, Suggest suggest,
                       const Typed& typed, Completion& to) {
    const std::string kind = option.get_positional() ? option.get_name() : option.get_type_name();
    static constexpr std::string_view files[] = {"FILE", "DIR", "PATH", "ARCHIVE", "A", "B"};
    to.files = to.files || std::ranges::find(files, kind) != std::end(files);
    const std::string words = option.get_type_name();
    if (words.contains('|'))
        for (std::string_view rest = words; !rest.empty();)
            to.words.push_back({before + std::string(next_part(rest, '|')), ""});
    else if (suggest != nullptr)
        for (auto& [word, help] : suggest(kind, typed))
            to.words.push_back({before + word, help});
}

static void add_options(const CLI::App* app, Completion& to) {
    for (; app != nullptr; app = app->get_parent())
        for (const auto* option : app->get_options()) {
            for (const auto& name : option->get_lnames())
                if (name != "help" || app->get_parent() == nullptr)
                    to.words.push_back({"--" + name, option->get_description()});
            for (const auto& name : option->get_snames())
                if (option->get_lnames().empty())
                    to.words.push_back({"-" + name, option->get_description()});
        }
}

Completion complete(const CLI::App& app, const std::vector<std::string>& words, Suggest suggest) {
    Place place(app);
    for (std::size_t i = 0; i + 1 < words.size(); ++i)
        place.pass(words[i]);
    std::string typed = words.empty() ? "" : words.back();
    Completion found;
    if (place.option() != nullptr && typed == "=")
        typed.clear();
    if (place.option() != nullptr) {
        add_values(*place.option(), "", suggest, place.typed(), found);
    } else if (const auto equals = typed.find('='); typed.starts_with("--") && equals != std::string::npos) {
        if (const auto* option = find_option(&place.app(), typed.substr(0, equals)); option != nullptr)
            add_values(*option, typed.substr(0, equals + 1), suggest, place.typed(), found);
    } else if (typed.starts_with('-')) {
        add_options(&place.app(), found);
    } else {
        for (const auto* command :
             place.has_arguments() ? std::vector<const CLI::App*>{} : commands_of(place.app()))
            found.words.push_back({command->get_name(), command->get_description()});
        if (const auto* argument = place.argument(); argument != nullptr)
            add_values(*argument, "", suggest, place.typed(), found);
    }
    std::erase_if(found.words, [&](const Suggestion& one) { return !one.word.starts_with(typed); });
    return found;
}

std::string text_of(const Completion& completion) {
    std::string text;
    for (const auto& [word, help] : completion.words)
        text += one_line(word) + (help.empty() ? "" : "\t" + one_line(help)) + "\n";
    return text + (completion.files ? ":0\n" : ":4\n");
}

} // namespace lpm::cli
