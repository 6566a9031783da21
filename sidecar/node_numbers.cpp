// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node_numbers.hpp"

namespace lpm::sidecar {

std::string numbers_of(const criu::Tooling& tooling) {
    node::Metrics metrics;
    metrics.declare_gauge("lpm_probed", "1: lpm-gate --probe has run since the boot");
    metrics.declare_gauge("lpm_runtimes",
                          "Container runtimes that lpm-runc can become, as the probe has found them");
    metrics.declare_gauge("lpm_runtime_info", "1: this one is there");
    metrics.declare_gauge("lpm_criu_info", "1: it has dumped a sleeping process; 0: it could not");
    metrics.set("lpm_probed", {}, tooling.boot_id.empty() ? 0 : 1);
    if (!tooling.boot_id.empty())
        metrics.set("lpm_runtimes", {}, static_cast<double>(tooling.runtimes.size()));
    for (const auto& runtime : tooling.runtimes)
        metrics.set("lpm_runtime_info",
                    {{"path", runtime.path},
                     {"kind", std::string(oci::name_of(runtime.kind))},
                     {"version", runtime.version}},
                    1);
    for (const auto& criu : tooling.crius)
        if (criu.dump_failure)
            metrics.set("lpm_criu_info", {{"path", criu.path}, {"version", criu::version_text(criu.version)}},
                        criu.dump_failure->empty() ? 1 : 0);
    return metrics.text();
}

static constexpr const char* ended = "lpm_operations_total";
static constexpr const char* reasons = "lpm_operation_reasons_total";

RecordNumbers::RecordNumbers(const std::string& store) : path_(store), journal_(store) {
    metrics_.declare_counter(ended, "Checkpoints and restores that have ended");
    metrics_.declare_counter(reasons, "Those that were refused, or have failed, by their reasons");
    for (const auto operation : record::words_of(record::Operation{}))
        for (const auto outcome :
             record::words_of(record::Outcome{})) // or nobody sees the first one as an increase
            metrics_.count(ended, {{"operation", std::string(operation)}, {"outcome", std::string(outcome)}},
                           0);
    metrics_.declare_gauge("lpm_records_readable", "0: the records of this node cannot be read");
    if (const auto end = journal_.end())
        position_ = *end;
}

bool RecordNumbers::is_new(const record::JournalEntry& entry) {
    constexpr std::size_t most = 10'000;
    if (entry.state != record::Change::final || entry.time < since_ || !counted_.insert(entry.id).second)
        return false;
    if (counted_.size() > most)
        counted_.erase(counted_.begin());
    return true;
}

void RecordNumbers::count(const record::Store& store, const record::JournalEntry& entry) {
    if (!is_new(entry))
        return;
    node::Metrics::Labels labels{{"operation", entry.operation.text()}, {"outcome", entry.outcome.text()}};
    metrics_.count(ended, labels);
    if (entry.outcome == record::Outcome::completed)
        return;
    const auto record = store.load(entry.id); // which may be gone by now
    labels["code"] = record ? record->code : "";
    metrics_.count(reasons, labels);
}

Result<> RecordNumbers::read_on() {
    constexpr std::size_t at_once = 1000;
    constexpr int most = 10; // batches for one question; the next one goes on
    TRY_ASSIGN(const auto store, record::Store::open_existing(path_));
    if (!position_) {
        TRY_ASSIGN(position_, journal_.end());
    }
    for (int batches = 0; batches < most; ++batches) {
        auto batch = journal_.read_from(*position_, at_once);
        if (!batch && batch.error().code == Errc::absent) { // four generations have gone by
            TRY_ASSIGN(position_, journal_.begin());
            continue;
        }
        if (!batch)
            return std::unexpected(std::move(batch).error());
        for (const auto& entry : batch->entries)
            count(store, entry);
        if (batch->next == *position_)
            return {};
        position_ = batch->next;
    }
    return {};
}

std::string RecordNumbers::text() {
    const std::scoped_lock lock(mutex_);
    metrics_.set("lpm_records_readable", {}, read_on() ? 1 : 0);
    return metrics_.text();
}

} // namespace lpm::sidecar
