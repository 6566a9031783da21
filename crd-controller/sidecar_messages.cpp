// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "sidecar_messages.hpp"

#include <algorithm>
#include <climits>
#include <cstdint>

#include "base/text.hpp"

namespace lpm::controller {

static constexpr std::size_t most_checks = 64; // of an object
static constexpr std::size_t longest_message = 1000;

// The object's schema takes no other as a reason.
static std::string read_code(const std::string& code) {
    return code.empty() || is_id(code) ? code : "CodeUnreadable";
}

static std::int64_t read_number(std::uint64_t number) {
    return static_cast<std::int64_t>(std::min<std::uint64_t>(number, INT64_MAX));
}

static std::string read_text(const std::string& text) {
    return one_line(text, longest_message);
}

static std::vector<CheckEntry>
read_checks(const google::protobuf::RepeatedPtrField<node::v1::Check>& checks) {
    std::vector<CheckEntry> read;
    for (const auto& check : checks)
        if (check.severity() != "off" && check.verdict() != "pass" && read.size() < most_checks)
            read.push_back(
                {read_code(check.id()), one_line(check.verdict(), 16), read_text(check.message())});
    return read;
}

static std::string join(const google::protobuf::RepeatedPtrField<std::string>& texts) {
    std::string all;
    for (const auto& text : texts)
        all += (all.empty() ? "" : "; ") + text;
    return read_text(all);
}

NodeVerdict read_verdict(const node::v1::PreflightResponse& from) {
    return {read_code(from.code()), read_text(from.message()), from.transient(), read_checks(from.checks()),
            join(from.notes())};
}

Result<NodeArchive> read_archive(const node::v1::Archive& from) {
    if (!from.path().starts_with('/') || from.path().size() > PATH_MAX)
        return fail(Errc::io, "names no path of an archive");
    return NodeArchive{from.path(),  read_number(from.size()),  from.file_id(),
                       from.state(), read_text(from.message()), from.record()};
}

NodeVerified read_verified(const node::v1::VerifyArchiveResponse& from) {
    return {from.archive().attempt(), from.sha256(), join(from.faults())};
}

NodeRecord read_record(const node::v1::Record& from) {
    NodeRecord to;
    to.id = one_line(from.id(), 64);
    to.state = from.state();
    to.outcome = from.outcome();
    to.code = read_code(from.code());
    to.message = from.message();
    to.transient = from.transient();
    to.checks = read_checks(from.checks());
    if (from.has_stood_still_us())
        to.stood_still_us = read_number(from.stood_still_us());
    // Its time to freeze, and all that it does while frozen.
    const auto& stats = from.stats();
    if (const auto frozen = stats.find("frozen_us"); frozen != stats.end()) {
        const auto freezing = stats.find("freezing_us");
        const std::uint64_t before = freezing == stats.end() ? 0 : freezing->second;
        to.criu_us = read_number(frozen->second > UINT64_MAX - before ? UINT64_MAX : frozen->second + before);
    }
    return to;
}

RestoreRecord read_restore(const node::v1::Record& from) {
    RestoreRecord to;
    to.id = one_line(from.id(), 64);
    to.state = from.state();
    to.outcome = one_line(from.outcome(), 32);
    to.code = read_code(from.code());
    to.message = read_text(from.message());
    if (const auto name = from.container().names().find("name"); name != from.container().names().end())
        to.container = name->second;
    to.container_id = from.container().id();
    to.ended = read_time(from.ended());
    to.object_space = from.object().namespace_();
    to.object_name = from.object().name();
    to.object_uid = from.object().uid();
    return to;
}

bool is_of_pod(const node::v1::Record& record, const std::string& uid) {
    const auto named = record.container().names().find("pod_uid");
    return named != record.container().names().end() && named->second == uid;
}

} // namespace lpm::controller
