// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cerrno>
#include <malloc.h>
#include <sys/stat.h>
#include <vector>

#include "base/text.hpp"
#include "convert.hpp"
#include "node/bytes.hpp"
#include "node/checksum.hpp"
#include "node/log.hpp"
#include "read_archive.hpp"
#include "service.hpp"

namespace lpm::sidecar {

using config::Right;
using lpm::node::Level;

// All of them, in the order of their paths: folders are listed in the order of their settings.
static std::vector<const service::ArchiveFile*> sorted(const std::vector<service::ArchiveFolder>& folders) {
    std::vector<const service::ArchiveFile*> files;
    for (const auto& folder : folders)
        for (const auto& file : folder.files)
            files.push_back(&file);
    std::ranges::sort(files, {}, &service::ArchiveFile::path);
    return files;
}

grpc::Status Service::ListArchives(grpc::ServerContext* context, const node::v1::ListArchivesRequest* request,
                                   node::v1::ListArchivesResponse* response) {
    const auto list = [&]() -> Result<> {
        TRY(access_.judge(*context, Right::archives));
        TRY_ASSIGN(const int size, page_size(request->page_size()));
        const auto go_on = ask_of(ended(*context));
        TRY_ASSIGN(const auto folders, archives_.list(ended(*context)));
        for (const auto& folder : folders) {
            node::v1::ArchiveFolder& one = *response->add_folders();
            one.set_path(folder.path);
            one.set_fault(folder.fault);
            one.set_cut_off(folder.cut_off);
        }
        const auto files = sorted(folders);
        auto file = std::ranges::upper_bound(files, request->page_token(), {}, &service::ArchiveFile::path);
        for (; file != files.end() && response->archives_size() < size &&
               response->ByteSizeLong() < longest_answer;
             ++file) {
            TRY(go_on());
            convert(archives_.look(**file, ended(*context)), *response->add_archives());
        }
        if (file != files.end())
            response->set_next_page_token(response->archives().rbegin()->path());
        return {};
    };
    return told("ListArchives", list());
}

Result<> Service::find(const grpc::ServerContext& context, const std::string& attempt,
                       node::v1::Archive& response) {
    if (!record::valid_attempt(attempt))
        return fail(Errc::invalid, "attempt: must be a uid: 1 to 64 letters, digits and -_.");
    TRY_ASSIGN(const auto folders, archives_.list(ended(context)));
    auto files = sorted(folders);
    // The newest first: that is who asks after it.
    std::ranges::sort(files, std::ranges::greater{}, &service::ArchiveFile::modified_ms);
    std::string unread;
    for (const auto& folder : folders)
        if (!folder.fault.empty() || folder.cut_off)
            unread = folder.path;
    const auto go_on = ask_of(ended(context));
    for (const auto* file : files) {
        TRY(go_on());
        const KnownArchive known = archives_.look(*file, ended(context));
        if (known.identity.attempt == attempt) {
            convert(known, response);
            return {};
        }
        if (known.is_undecided())
            unread = file->path;
    }
    if (!unread.empty())
        return fail(Errc::unavailable,
                    one_line(unread) + " could not be read, or is being written: it may have the attempt");
    return fail(Errc::absent, "no archive of this node has the attempt");
}

grpc::Status Service::FindArchive(grpc::ServerContext* context, const node::v1::FindArchiveRequest* request,
                                  node::v1::Archive* response) {
    const auto may = access_.judge(*context, Right::archives);
    return told("FindArchive", may ? find(*context, request->attempt(), *response) : may);
}

grpc::Status Service::InspectArchive(grpc::ServerContext* context,
                                     const node::v1::InspectArchiveRequest* request,
                                     node::v1::InspectArchiveResponse* response) {
    const auto inspect = [&]() -> Result<> {
        TRY(access_.judge(*context, Right::archives));
        if (request->environment())
            TRY(access_.judge(*context, Right::fetch));
        TRY_ASSIGN(const auto turn, archives_.reader(ended(*context)));
        TRY_ASSIGN(const Archives::Opened opened, archives_.open(request->path(), "", ended(*context)));
        const auto go_on = ask_of(ended(*context));
        TRY_ASSIGN(lpm::node::Archive read,
                   inspect_archive(opened.content.get(), request->environment(), go_on, *response));
        convert(known_of(opened.file, std::move(read)), *response->mutable_archive());
        return {};
    };
    const auto done = inspect();
    // Each thread has a heap of its own, which keeps what it was given: they would all grow to the largest
    // archive.
    ::malloc_trim(0);
    if (request->environment())
        lpm::node::log(done ? Level::info : Level::warn,
                       done ? "environment of an archive read" : "environment of an archive not read",
                       {{"client", access_.name_of(*context)},
                        {"path", one_line(request->path(), 500)},
                        {"error", done ? "" : done.error().text}});
    return told("InspectArchive", done);
}

static Result<struct stat> stat_of(int fd) {
    struct stat info{};
    if (::fstat(fd, &info) != 0)
        return fail_errno(errno, "stat");
    return info;
}

// That the file is as it was when it was opened.
static Result<> is_same(int fd, const struct stat& before) {
    TRY_ASSIGN(const struct stat now, stat_of(fd));
    return lpm::node::is_unchanged(before, now)
               ? Result<>()
               : fail(Errc::busy, "the archive was written while it was read: begin again");
}

void Service::judge_restore(const grpc::ServerContext& context, const inspect::ImageFacts& facts,
                            node::v1::VerifyArchiveResponse& response) {
    service::Request request;
    request.verb = service::Verb::judge_restore;
    request.images = facts;
    const auto reply = gate_.ask(request, preflight_time, ended(context));
    const auto judged = reply ? service::parse_answer(reply->text) : std::unexpected(reply.error());
    if (judged)
        convert(*judged, *response.mutable_restore());
    else
        response.set_not_judged(judged.error().text);
}

grpc::Status Service::VerifyArchive(grpc::ServerContext* context,
                                    const node::v1::VerifyArchiveRequest* request,
                                    node::v1::VerifyArchiveResponse* response) {
    const auto verify = [&]() -> Result<> {
        TRY(access_.judge(*context, Right::archives));
        TRY_ASSIGN(const auto turn, archives_.reader(ended(*context)));
        TRY_ASSIGN(const Archives::Opened opened, archives_.open(request->path(), "", ended(*context)));
        TRY_ASSIGN(VerifiedArchive verified,
                   verify_archive(opened.content.get(), ask_of(ended(*context)), *response));
        if (verified.images)
            judge_restore(*context, *verified.images, *response);
        convert(known_of(opened.file, std::move(verified.archive)), *response->mutable_archive());
        return {};
    };
    return told("VerifyArchive", verify());
}

grpc::Status Service::DeleteArchive(grpc::ServerContext* context,
                                    const node::v1::DeleteArchiveRequest* request,
                                    node::v1::DeleteArchiveResponse* response) {
    const auto remove = [&]() -> Result<> {
        TRY(access_.judge(*context, Right::erase));
        TRY_ASSIGN(const service::ArchiveFile file,
                   archives_.remove(request->path(), request->file_id(), ended(*context)));
        response->set_freed_bytes(file.size);
        return {};
    };
    const auto done = remove();
    lpm::node::log(done ? Level::info : Level::warn, done ? "archive deleted" : "archive not deleted",
                   {{"client", access_.name_of(*context)},
                    {"path", one_line(request->path(), 500)},
                    {"error", done ? "" : done.error().text}});
    return told("DeleteArchive", done);
}

Result<> Service::fetch(const grpc::ServerContext& context, const node::v1::FetchArchiveRequest& request,
                        grpc::ServerWriter<node::v1::FetchArchiveResponse>& writer) {
    constexpr std::size_t part_size = std::size_t{256} << 10;
    const auto ended = this->ended(context);
    TRY_ASSIGN(const Archives::Opened opened, archives_.open(request.path(), request.file_id(), ended));
    if (opened.file.writing.value_or(false))
        return fail(Errc::busy, one_line(opened.file.path) + " is being written");
    if (request.offset() > opened.file.size)
        return fail(Errc::invalid, "offset: the archive has " + std::to_string(opened.file.size) + " bytes");
    TRY_ASSIGN(const struct stat before, stat_of(opened.content.get()));
    node::v1::FetchArchiveResponse part;
    part.set_file_id(opened.file.id);
    part.set_size(opened.file.size);
    lpm::node::FileBytes file(opened.content.get());
    (void)file.skip(request.offset());
    std::vector<std::byte> bytes(part_size);
    for (std::uint64_t at = request.offset();;) {
        if (ended())
            return fail(Errc::unavailable, "lpm-sidecar ends: go on from the last offset");
        TRY_ASSIGN(const std::size_t count, file.read(bytes));
        TRY(is_same(opened.content.get(), before));
        part.set_offset(at);
        part.set_data(bytes.data(), count);
        part.set_crc32(lpm::node::crc32(std::span(bytes).first(count)));
        if (!writer.Write(part))
            return fail(Errc::unavailable, "the client left at offset " + std::to_string(at));
        if (count == 0)
            return {};
        at += count;
        part.Clear();
    }
}

grpc::Status Service::FetchArchive(grpc::ServerContext* context, const node::v1::FetchArchiveRequest* request,
                                   grpc::ServerWriter<node::v1::FetchArchiveResponse>* writer) {
    const auto may = access_.judge(*context, Right::fetch);
    const auto done = may ? fetch(*context, *request, *writer) : may;
    lpm::node::log(done ? Level::info : Level::warn, done ? "archive fetched" : "archive not fetched",
                   {{"client", access_.name_of(*context)},
                    {"path", one_line(request->path(), 500)},
                    {"offset", std::to_string(request->offset())},
                    {"error", done ? "" : done.error().text}});
    return told("FetchArchive", done);
}

} // namespace lpm::sidecar
