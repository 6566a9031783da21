// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "recorder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "check/check.hpp"
#include "linux/procfs.hpp"
#include "report.hpp"

namespace lpm::gate {

// An argv may be megabytes long; a record is for reading.
static constexpr std::size_t max_words = 128;
static constexpr std::size_t max_word = 4096;

record::Record begin_record_of(const Request& request, const Arguments& arguments,
                               record::Operation operation) {
    record::Record record = record::begin_record(operation);
    record.boot_id = request.boot_id;
    record.container = request.subject.id;
    record.root = request.subject.root;
    record.bundle = request.subject.bundle_dir;
    for (int i = 1; i < arguments.argc && record.argv.size() < max_words; ++i)
        record.argv.push_back(one_line(arguments.argv[i], max_word));
    record.image_path = request.subject.image_path;
    record.work_path = request.work_path;
    record.parent_path = request.parent_path;
    record.leave_running = arguments.invocation.on(oci::Option::leave_running);
    record.runtime_path = request.runtime_path;
    record.runtime_kind = oci::name_of(request.subject.kind);
    if (const auto* runtime = request.tooling.runtime(request.subject.runtime_key))
        record.runtime_version = runtime->version;
    record.gate_pid = ::getpid();
    if (const auto self = procfs::read_stat(0))
        record.gate_start = self->start;
    for (const auto& problem : request.settings.problems)
        add_note(record, problem);
    for (const auto& line : check::unknown_ids(request.settings))
        add_note(record, std::string(paths::settings_file) + ": " + line);
    return record;
}

void add_note(record::Record& record, std::string_view text) {
    constexpr std::size_t max_notes = 32;
    if (record.notes.size() < max_notes)
        record.notes.push_back(one_line(text, 1000));
}

Recorder::Recorder(const Request& request, const Arguments& arguments, record::Operation operation,
                   const record::Record* prepared)
    : record_(begin_record_of(request, arguments, operation)) {
    if (prepared != nullptr) {
        record_.attempt = prepared->attempt;
        record_.object = prepared->object;
        record_.hooks = prepared->hooks;
    }
    if (auto store = record::Store::open(paths::state_dir))
        store_ = *std::move(store);
    publish();
}

std::string Recorder::failed_operation() const {
    return "the failed " + record_.operation.text() + " of " + record_.container;
}

void Recorder::note(std::string_view text) {
    add_note(record_, text);
}

void Recorder::tell() const {
    for (const auto& line : lines_)
        add_line(line);
}

void Recorder::publish() {
    // There is no better place to say that the records cannot be written than the records.
    if (store_)
        (void)store_->publish(record_);
}

void Recorder::settle_intent() {
    if (store_)
        (void)store_->settle_intent(record_);
}

Result<Fd> Recorder::make_log_dir() {
    return store_ ? store_->make_log_dir(record_.id) : fail(Errc::unavailable, "there is no store");
}

std::string Recorder::log_dir() const {
    return store_ ? store_->log_dir(record_.id) : std::string();
}

std::string record_of_images(const std::string& dir) {
    const auto text = read_file(AT_FDCWD, dir + "/" + record::manifest_file, 65536);
    if (!text)
        return {};
    const auto manifest = record::parse_manifest(*text);
    return manifest ? manifest->record : std::string();
}

} // namespace lpm::gate
