// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "note.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "oci/argv.hpp"
#include "record/store.hpp"

namespace lpm::hook {

static constexpr std::size_t max_bytes = std::size_t{1} << 20;

static Result<std::string> file_name(const std::string& id) {
    if (!oci::valid_id(id.c_str()))
        return fail(Errc::invalid, "its id has other characters than letters, digits and _+.-");
    return id + ".json";
}

static Result<Fd> open_dir() {
    TRY_ASSIGN(const Fd root, open_at(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY));
    return make_dirs(root.get(), paths::hook_dir);
}

Note::Note(const oci::HookState& state, std::string_view asked, const config::Settings& settings)
    : record_(record::begin_record(record::Operation::create)) {
    constexpr std::size_t max_notes = 32;
    record_.final = true;
    record_.container = state.id;
    record_.bundle = state.bundle;
    record_.pid = state.pid;
    record_.notes.push_back(std::string(oci::checkpointable) + ": " + one_line(asked, 60));
    for (const auto& problem : settings.problems)
        if (record_.notes.size() < max_notes)
            record_.notes.push_back(one_line(problem, 1000));
}

void Note::add(const oci::Bundle& bundle, std::vector<record::Finding>&& findings) {
    for (const auto& [name, value] : bundle.names)
        record_.names.emplace_back(name, one_line(value));
    record_.findings = std::move(findings);
}

void Note::end(record::Outcome outcome, std::string_view code, std::string_view message) {
    record_.outcome = outcome;
    record_.code = code;
    record_.message = message;
    record_.ended = rfc3339(now());
}

Result<> Note::write(std::string_view code, std::string_view message) {
    end(record::Outcome::completed, code, message);
    TRY_ASSIGN(const std::string name, file_name(record_.container));
    TRY_ASSIGN(const Fd dir, open_dir());
    // Nothing in /run outlives a power cut.
    return replace_file(dir.get(), name, record::write_record(record_), 0600, Sync::none);
}

void Note::record_refusal(std::string_view code, std::string_view message) {
    end(record::Outcome::refused, code, message);
    if (auto store = record::Store::open(paths::state_dir))
        (void)store->publish(record_);
}

Result<> remove_note(const oci::HookState& state) {
    if (::access(paths::hook_dir, F_OK) != 0)
        return {}; // nothing was ever noted, and nothing is made for it
    TRY_ASSIGN(const std::string name, file_name(state.id));
    TRY_ASSIGN(const Fd dir, open_dir());
    const auto text = read_file(dir.get(), name, max_bytes);
    if (!text && text.error().sys == ENOENT)
        return {};
    if (text)
        if (const auto record = record::parse_record(*text); record && record->bundle != state.bundle)
            return {};
    // What cannot be read is nobody's note.
    if (::unlinkat(dir.get(), name.c_str(), 0) != 0 && errno != ENOENT)
        return fail_errno(errno, name);
    return {};
}

} // namespace lpm::hook
