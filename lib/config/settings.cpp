// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/settings.hpp"

#include <algorithm>
#include <fcntl.h>

#include "base/file.hpp"
#include "config/read_key.hpp"

namespace lpm::config {

static constexpr std::size_t max_bytes = std::size_t{1} << 20;

static bool set_severity(Settings& settings, std::string_view check, const toml::node& node) {
    const auto* value = node.as_string();
    const auto severity = value == nullptr ? std::nullopt : find_value<Severity>(value->get());
    if (severity)
        settings.severities.emplace_back(std::string(check), *severity);
    return severity.has_value();
}

static constexpr Key<Settings> keys[] = {
    {.table = "gate",
     .name = "deadline_ms",
     .means = "for all checks of a call; what is not judged by then is `unknown`",
     .time = &Settings::deadline,
     .most = 10'000},
    {.table = "gate",
     .name = "kubelet_dir",
     .means = "where the kubelet is, when none runs that tells; DiskSpace looks at its file system too",
     .text = &Settings::kubelet_dir,
     .form = forms::path},

    {.table = "hooks",
     .name = "total_ms",
     .means = "for all life-cycle hooks of a call together",
     .time = &Settings::hook_time,
     .most = 20'000},

    {.table = "checks",
     .name = "*",
     .means = "what a check does when it blocks: `block` refuses, `warn` only records, `off`: it is not run",
     .set = set_severity,
     .expects = R"("block", "warn" or "off")",
     .example = R"(DiskSpace = "warn")"},

    {.table = "archives",
     .name = "folders",
     .means = "folders of archives beside the kubelet's, which is learnt from the kubelet that runs",
     .texts = &Settings::archive_folders,
     .expects = "a list of folders"},
    {.table = "archives",
     .name = "sign_with",
     .means =
         "the file of a private key of ed25519, root's alone, with which the kubelet's archives are signed",
     .text = &Settings::sign_with,
     .form = forms::path_or_nothing,
     .example = R"("/etc/lpm/keys/sign.pem")"},
    {.table = "archives",
     .name = "keep",
     .means = "how many whole archives stay of each container, the newest; 0: nothing is removed",
     .number = &Settings::keep_archives,
     .least = 0,
     .most = 10'000},

    {.table = "rescue",
     .name = "enabled",
     .means = "a container is thawed that a caller paused for a checkpoint and left so when it died",
     .flag = &Settings::rescue},
    {.table = "rescue",
     .name = "after_seconds",
     .means = "how long after the caller was first seen dead",
     .number = &Settings::rescue_after,
     .most = 3600},

    {.table = "restore",
     .name = "at_create",
     .means = "pods may ask for it (docs/restore.md); lpm-gate --probe puts a change in force",
     .flag = &Settings::restore_at_create},
    {.table = "restore",
     .name = "across_namespaces",
     .means = "such a pod may name an archive of another namespace",
     .flag = &Settings::restore_across_namespaces},
    {.table = "restore",
     .name = "signed_by",
     .means = "files of public keys, by one of which the archive must be signed; []: none is asked for",
     .texts = &Settings::signed_by,
     .most = 16,
     .form = forms::path,
     .expects = "a list of at most 16 files",
     .example = R"(["/etc/lpm/keys/node1.pub.pem"])"},

    {.table = "annotations",
     .name = "skip_checks",
     .means = "checks that the annotation lpm.my.domain/skip-checks of a pod may make warnings of",
     .texts = &Settings::skippable,
     .expects = R"(a list of ids of checks, or ["*"])"},
    {.table = "annotations",
     .name = "options",
     .means = "options that the annotation lpm.my.domain/options of a pod may set",
     .texts = &Settings::settable,
     .expects = R"(a list of names of [options], or ["*"])"},
};
static_assert(are_whole<Settings>(keys));

std::span<const Key<Settings>> settings_keys() {
    return keys;
}

static constexpr Key<Retention> retention[] = {
    {.table = "retention",
     .name = "max_records",
     .means = "how many records stay",
     .number = &Retention::max_records,
     .most = 1'000'000},
    {.table = "retention",
     .name = "max_days",
     .means = "their age, in days",
     .number = &Retention::max_days,
     .most = 36'500},
    {.table = "retention",
     .name = "max_log_mib",
     .means = "what all logs together take on the disk, in MiB",
     .mebibytes = &Retention::max_log_bytes,
     .most = 1'048'576},
    {.table = "retention",
     .name = "max_journal_mib",
     .means = "size of one file of the journal, in MiB; then the next one begins, and four are kept",
     .mebibytes = &Retention::max_journal_bytes,
     .most = 1024},
};
static_assert(are_whole<Retention>(retention));

std::span<const Key<Retention>> retention_keys() {
    return retention;
}

std::optional<Severity> Settings::severity_of(std::string_view check) const {
    for (const auto& [id, severity] : severities)
        if (id == check)
            return severity;
    return std::nullopt;
}

static bool lists(const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::any_of(names, [&](const std::string& one) { return one == "*" || one == name; });
}

bool Settings::may_skip(std::string_view check) const {
    return lists(skippable, check);
}

bool Settings::may_set(std::string_view option) const {
    return lists(settable, option);
}

namespace {

// One file, and the settings that it makes.
class Reading {
  public:
    explicit Reading(const std::string& file) : file_(file) {}

    void problem(const toml::source_region& at, std::string_view what) {
        settings.problems.push_back(place(file_, at, what));
    }

    template <class S>
    void read(S& to, std::span<const Key<S>> known, std::string_view table, const toml::key& name,
              const toml::node& node) {
        const std::string full = std::string(table) + "." + std::string(name.str());
        const auto* key = find_key(known, table, name.str());
        if (key == nullptr)
            problem(name.source(), full + ": unknown key; ignored");
        else if (!read_key(to, *key, name.str(), node))
            problem(node.source(), full + ": must be " + expected(*key) + "; ignored");
    }

    // Not all of the table was read: the last problem says why.
    void doubt(std::string_view table) {
        if (table == "retention")
            settings.retention_known = false;
        if (table == "archives")
            settings.archives_unread = settings.problems.back();
        if (table == "restore")
            settings.restore_unread = settings.problems.back();
    }

    void read_member(const toml::key& table, const toml::node& node) {
        const std::size_t before = settings.problems.size();
        if (const auto* entries = node.as_table())
            read_table(table.str(), *entries);
        else
            problem(table.source(), std::string(table.str()) + ": unknown key; ignored");
        if (settings.problems.size() > before)
            doubt(table.str());
        look_for_strays(table, node);
    }

    // In a place where nobody reads it, it would mean that no signature is wanted.
    void look_for_strays(const toml::key& table, const toml::node& node) {
        constexpr std::string_view key = "signed_by";
        const auto* entries = node.as_table();
        if (table.str() != key && (table.str() == "restore" || entries == nullptr || !entries->contains(key)))
            return;
        problem(table.source(), "signed_by belongs into [restore]");
        doubt("restore");
    }

    // A table that is none of these is of another program of ours, which reads the file as well.
    void read_table(std::string_view table, const toml::table& entries) {
        const auto is_ours = [table](const auto& key) { return key.table == table; };
        for (const auto& [name, value] : entries) {
            if (table == "options")
                read_option(name, value);
            else if (table == "retention")
                read(settings.retention, retention_keys(), table, name, value);
            else if (std::ranges::any_of(settings_keys(), is_ours))
                read(settings, settings_keys(), table, name, value);
        }
    }

    // As the annotation of a pod is read: from a text.
    void read_option(const toml::key& name, const toml::node& node) {
        std::string value;
        if (const auto* text = node.as_string())
            value = text->get();
        else if (const auto* truth = node.as_boolean())
            value = truth->get() ? "true" : "false";
        if (!settings.options.set(name.str(), value))
            problem(name.source(), "options." + std::string(name.str()) +
                                       ": there is no such option, or it has no such value; ignored");
    }

    Settings settings;

  private:
    const std::string& file_;
};

} // namespace

Settings parse(std::string_view text, const std::string& file) {
    Reading reading(file);
    const auto parsed = parse_toml(text, file);
    if (!parsed) {
        reading.problem(parsed.error().source(), std::string(parsed.error().description()) +
                                                     "; the whole file is ignored, defaults are in force");
        for (const auto* table : {"retention", "archives", "restore"})
            reading.doubt(table);
        return std::move(reading.settings);
    }
    for (const auto& [table, node] : parsed.table())
        reading.read_member(table, node);
    return std::move(reading.settings);
}

Settings read(const std::string& file) {
    const auto text = read_file(AT_FDCWD, file, max_bytes);
    if (text)
        return parse(*text, file);
    Settings settings;
    if (text.error().sys != ENOENT) {
        settings.problems.push_back(text.error().text + "; defaults are in force");
        settings.retention_known = false;
        settings.archives_unread = settings.restore_unread = settings.problems.back();
    }
    return settings;
}

} // namespace lpm::config
