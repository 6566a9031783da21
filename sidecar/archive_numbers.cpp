// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "archive_numbers.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "base/text.hpp"
#include "node/log.hpp"
#include "node/metrics.hpp"

namespace lpm::sidecar {

using namespace std::chrono_literals;

static constexpr auto patience = 2s; // of a scrape
static constexpr double second = 1000;

std::string numbers_of(std::span<const service::ArchiveFolder> folders, std::span<const KnownArchive> seen,
                       std::uint64_t now_ms) {
    lpm::node::Metrics metrics; // of this look only: a folder that is listed no more has no number
    metrics.declare_gauge("lpm_archives", "Archives of checkpoints, by state");
    metrics.declare_gauge("lpm_archive_bytes", "Size of all archives of a folder");
    metrics.declare_gauge("lpm_archive_folder_faults",
                          "1: the folder cannot be read, or has more archives than are listed");
    metrics.declare_gauge("lpm_archive_writing_idle_seconds",
                          "Since the last write to the archive in the state writing that has waited longest");
    metrics.declare_gauge("lpm_archives_seen_timestamp_seconds", "When the archives were looked at");
    std::map<std::string, double> states{{"writing", 0}};
    for (const auto state : lpm::node::archive_states)
        states[std::string(state)] = 0;
    std::uint64_t idle = 0;
    for (const auto& archive : seen) {
        const std::string state = archive.state_word();
        ++states[state];
        if (state == "writing" && archive.file.modified_ms < now_ms)
            idle = std::max(idle, now_ms - archive.file.modified_ms);
    }
    for (const auto& [state, count] : states)
        metrics.set("lpm_archives", {{"state", state}}, count);
    for (const auto& folder : folders) {
        double bytes = 0;
        for (const auto& file : folder.files)
            bytes += static_cast<double>(file.size);
        metrics.set("lpm_archive_bytes", {{"folder", folder.path}}, bytes);
        metrics.set("lpm_archive_folder_faults", {{"folder", folder.path}},
                    !folder.fault.empty() || folder.cut_off ? 1 : 0);
    }
    metrics.set("lpm_archive_writing_idle_seconds", {}, static_cast<double>(idle) / second);
    metrics.set("lpm_archives_seen_timestamp_seconds", {}, static_cast<double>(now_ms) / second);
    return metrics.text();
}

ArchiveNumbers::~ArchiveNumbers() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    if (worker_.joinable())
        worker_.join();
}

std::string ArchiveNumbers::text() {
    std::unique_lock lock(mutex_);
    if (!worker_.joinable())
        worker_ = std::thread([this] { work(); });
    const std::uint64_t wanted = ++asked_;
    changed_.notify_all();
    changed_.wait_for(lock, patience, [&] { return done_ >= wanted || ending_; });
    return text_;
}

bool ArchiveNumbers::is_ending() {
    const std::lock_guard lock(mutex_);
    return ending_;
}

void ArchiveNumbers::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return asked_ > done_ || ending_; });
        if (ending_)
            return;
        const std::uint64_t answered = asked_; // also all those that wait already
        lock.unlock();
        auto seen = look();
        if (!seen)
            lpm::node::log(lpm::node::Level::warn, "archives have no numbers just now",
                           {{"error", seen.error().text}});
        lock.lock();
        if (seen)
            text_ = *std::move(seen);
        done_ = answered;
        changed_.notify_all();
    }
}

Result<std::string> ArchiveNumbers::look() {
    const auto ended = [this] { return is_ending(); };
    TRY_ASSIGN(const auto folders, archives_.list(ended));
    std::vector<KnownArchive> seen;
    for (const auto& folder : folders)
        for (const auto& file : folder.files) {
            if (ended())
                return fail(Errc::unavailable, "lpm-sidecar ends");
            // What is being written is that, whatever it has by now.
            seen.push_back(file.writing.value_or(false) ? KnownArchive{.file = file}
                                                        : archives_.look(file, ended));
        }
    return numbers_of(folders, seen, to_milliseconds(now()));
}

} // namespace lpm::sidecar
