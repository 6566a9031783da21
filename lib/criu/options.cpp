// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/options.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <ranges>
#include <sys/stat.h>
#include <utility>

#include "base/file.hpp"
#include "base/text.hpp"

namespace lpm::criu {

static constexpr std::size_t max_config = std::size_t{1} << 20;
static constexpr std::size_t max_settings = 10'000;

// Flags that runc always sends over RPC, set or not: they win over $CRIU_CONFIG_FILE even when absent from
// argv (libcontainer/criu_linux.go).
struct SentFlag {
    oci::Option option;
    std::string_view name;
};
static constexpr SentFlag sent[] = {
    {oci::Option::leave_running, "leave-running"}, {oci::Option::tcp_established, "tcp-established"},
    {oci::Option::ext_unix_sk, "ext-unix-sk"},     {oci::Option::shell_job, "shell-job"},
    {oci::Option::file_locks, "file-locks"},
};
struct NewFlag : SentFlag {
    bool Sources::* is_sent;
};
static constexpr NewFlag sent_by_new[] = {
    {{oci::Option::link_remap, "link-remap"}, &Sources::sends_link_remap},
    {{oci::Option::tcp_skip_in_flight, "skip-in-flight"}, &Sources::sends_skip_in_flight},
};

// Flags of runc that CRIU knows by another name.
static constexpr std::pair<std::string_view, std::string_view> renamed[] = {
    {"tcp-skip-in-flight", "skip-in-flight"},
    {"manage-cgroups-mode", "manage-cgroups"},
};

static std::string_view unquoted(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
        return text.substr(1, text.size() - 2);
    return text;
}

// Only where a word may begin does a comment.
static std::string_view without_comment(std::string_view line) {
    for (auto at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1))
        if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t')
            return line.substr(0, at);
    return line;
}

std::vector<Setting> parse_config(std::string_view text, const std::string& source) {
    std::vector<Setting> settings;
    for (std::size_t number = 1; !text.empty() && settings.size() < max_settings; ++number) {
        std::string_view line = next_line(text);
        line = trim(without_comment(line));
        if (line.empty())
            continue;
        const auto end = line.find_first_of(" \t=");
        auto value = end == std::string_view::npos ? std::string_view{} : trim(line.substr(end + 1));
        if (!value.starts_with('"')) // of more than one word CRIU takes the first
            value = value.substr(0, value.find_first_of(" \t"));
        const auto name = line.substr(0, end);
        const std::string_view whole = whole_name(name);
        const bool off = name.starts_with("no-") && whole != "no-default-config"; // a form that each flag has
        settings.push_back({std::string(whole), off ? "false" : std::string(unquoted(value)), source, number,
                            std::string(name), end != std::string_view::npos && line[end] == '='});
    }
    return settings;
}

static void add_file(const Sources& sources, const std::string& file, std::vector<Setting>& to) {
    if (file.empty())
        return;
    // A pod may name it by an annotation: of a device the open alone does something.
    const auto found = open_at(AT_FDCWD, sources.root + file, O_PATH);
    struct stat st{};
    if (!found || ::fstat(found->get(), &st) != 0 || !S_ISREG(st.st_mode))
        return;
    // A file that is missing or unreadable sets nothing; whether CRIU minds is for CRIU to say.
    if (const auto text = read_file(AT_FDCWD, "/proc/self/fd/" + std::to_string(found->get()), max_config))
        for (auto& setting : parse_config(*text, file))
            to.push_back(std::move(setting));
}

std::string word_of(const Setting& setting) {
    return "--" + setting.name + "=" + setting.value;
}

std::string line_of(const Setting& setting) {
    return setting.value.empty() ? setting.name : setting.name + " " + setting.value;
}

static Setting as_criu_has_it(Setting word) {
    for (const auto& [flag, option] : renamed)
        if (word.name == flag)
            word.name = option;
    return word;
}

EffectiveOptions EffectiveOptions::read(const Sources& sources, const oci::Invocation& invocation) {
    EffectiveOptions options;
    add_file(sources, "/etc/criu/default.conf", options.settings_);
    if (!sources.home.empty())
        add_file(sources, sources.home + "/.criu/default.conf", options.settings_);
    add_file(sources, sources.config_file, options.settings_);
    options.lines_at_ = std::ssize(options.settings_);
    const auto send = [&](const SentFlag& flag) {
        options.settings_.push_back(
            {std::string(flag.name), invocation.on(flag.option) ? "true" : "false", "argv"});
    };
    for (const SentFlag& flag : sent)
        send(flag);
    for (const NewFlag& flag : sent_by_new)
        if (sources.*flag.is_sent)
            send(flag);
    if (const char* mode = invocation.text(oci::Option::manage_cgroups_mode); mode != nullptr)
        options.settings_.push_back({"manage-cgroups", mode, "argv"});
    if (invocation.on(oci::Option::tcp_close)) // crun's, sent only when set
        options.settings_.push_back({"tcp-close", "true", "argv"});
    options.words_at_ = std::ssize(options.settings_);
    if (const char* lock = invocation.text(oci::Option::network_lock); lock != nullptr)
        options.settings_.push_back({"network-lock", lock, "argv"});
    add_file(sources, sources.runtime_config, options.settings_);
    return options;
}

void EffectiveOptions::add(const Additions& additions) {
    // From the end, so that the first place stays where it is.
    auto at = settings_.begin() + words_at_;
    for (const Setting& word : additions.words)
        at = settings_.insert(at, as_criu_has_it(word)) + 1;
    settings_.insert(settings_.begin() + lines_at_, additions.lines.begin(), additions.lines.end());
}

std::optional<Setting> EffectiveOptions::find(std::string_view name) const {
    for (const Setting& setting : settings_ | std::views::reverse)
        if (setting.name == name)
            return setting;
    return std::nullopt;
}

bool EffectiveOptions::on(std::string_view name) const {
    const auto set = find(name);
    return set && set->value != "false" && set->value != "no" && set->value != "off" && set->value != "0";
}

// As criu/config.c parse_size does: a K, M or G anywhere counts, in that order, and in front of it what atol
// takes for a number, which is 0 for none.
std::uint64_t ghost_limit(const EffectiveOptions& options) {
    constexpr std::uint64_t standard = std::uint64_t{1} << 20;
    const auto set = options.find("ghost-limit");
    if (!set || set->value.empty())
        return standard;
    unsigned shift = 0;
    for (const auto& [letter, by] : {std::pair{'G', 30U}, std::pair{'M', 20U}, std::pair{'K', 10U}})
        if (set->value.contains(letter))
            shift = by;
    return static_cast<std::uint64_t>(std::strtol(set->value.c_str(), nullptr, 10)) << shift;
}

} // namespace lpm::criu
