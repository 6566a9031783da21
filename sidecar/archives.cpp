// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "archives.hpp"

#include <chrono>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "service/message.hpp"

namespace lpm::sidecar {

using namespace std::chrono_literals;
using lpm::node::ArchiveState;
using service::ArchiveFile;

static constexpr auto gate_time = 20s;

bool KnownArchive::is_being_written() const {
    if (file.writing)
        return *file.writing;
    return state != ArchiveState::whole && file.modified_ms + service::rest_ms > to_milliseconds(now());
}

std::string KnownArchive::state_word() const {
    const bool may_grow = state != ArchiveState::whole && state != ArchiveState::other && is_being_written();
    return may_grow || file.writing.value_or(false) ? "writing" : std::string(name_of(state));
}

bool KnownArchive::is_undecided() const {
    return state == ArchiveState::unknown || !unread.empty() ||
           (identity.record.empty() && is_being_written());
}

KnownArchive known_of(const ArchiveFile& file, lpm::node::Archive&& read) {
    return {.file = file,
            .state = read.state,
            .message = std::move(read.message),
            .format = std::move(read.format),
            .identity = std::move(read.identity),
            .unread = std::move(read.unread)};
}

lpm::node::TarReader::Ask ask_of(Gate::Ended ended) {
    return [ended = std::move(ended)]() -> Result<> {
        if (ended())
            return fail(Errc::unavailable, "nobody waits for it any more");
        return {};
    };
}

Result<std::unique_ptr<Permit>> Archives::reader(const Ended& ended) {
    constexpr auto look_up = 500ms;
    while (!readers_.try_acquire_for(look_up))
        if (ended())
            return fail(Errc::unavailable, "too many archives are read at the same time");
    return std::make_unique<Permit>(readers_);
}

Result<std::vector<service::ArchiveFolder>> Archives::list(const Ended& ended) {
    service::Request request;
    request.verb = service::Verb::list_archives;
    TRY_ASSIGN(const lpm::node::Reply reply, gate_.ask(request, gate_time, ended));
    TRY_ASSIGN(auto folders, of_node(service::parse_archives(reply.text)));
    forget_others(folders);
    return folders;
}

void Archives::forget_others(const std::vector<service::ArchiveFolder>& folders) {
    std::set<std::string_view> listed;
    for (const auto& folder : folders)
        for (const auto& file : folder.files)
            listed.insert(file.path);
    const std::lock_guard lock(mutex_);
    std::erase_if(known_, [&](const auto& one) { return !listed.contains(one.first); });
}

KnownArchive Archives::look(const ArchiveFile& file, const Ended& ended) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto known = known_.find(file.path);
            known != known_.end() && known->second.file.id == file.id) {
            known->second.file = file; // pins and writers come and go
            return known->second;
        }
    }
    const auto turn = reader(ended);
    auto opened = turn ? open(file.path, file.id, ended) : std::unexpected(turn.error());
    auto read =
        opened ? lpm::node::read_archive(opened->content.get(), lpm::node::Depth::identity, ask_of(ended))
               : std::unexpected(opened.error());
    if (!read)
        return {.file = file, .message = read.error().text};
    KnownArchive known = known_of(file, *std::move(read));
    if (file.writing.value_or(false))
        return known;
    const std::lock_guard lock(mutex_);
    return known_.insert_or_assign(file.path, std::move(known)).first->second;
}

static service::Request request_of(service::Verb verb, const std::string& path, const std::string& id) {
    service::Request request;
    request.verb = verb;
    request.path = path;
    request.file_id = id;
    return request;
}

Result<Archives::Opened> Archives::open(const std::string& path, const std::string& id, const Ended& ended) {
    TRY_ASSIGN(lpm::node::Reply reply,
               gate_.ask(request_of(service::Verb::open_archive, path, id), gate_time, ended));
    TRY_ASSIGN(ArchiveFile file, of_node(service::parse_archive(reply.text)));
    if (!reply.descriptor)
        return fail(Errc::io, "lpm-gate has opened an archive and did not hand it over");
    return Opened{std::move(file), std::move(reply.descriptor)};
}

Result<ArchiveFile> Archives::remove(const std::string& path, const std::string& id, const Ended& ended) {
    TRY_ASSIGN(const lpm::node::Reply reply,
               gate_.ask(request_of(service::Verb::delete_archive, path, id), gate_time, ended));
    return of_node(service::parse_archive(reply.text));
}

} // namespace lpm::sidecar
