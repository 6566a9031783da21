// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "archive_files.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

#include "ask.hpp"
#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "records.hpp"

namespace lpm::cli {

using service::ArchiveFile;

static constexpr std::size_t longest_answer = std::size_t{16} << 20; // of lpm-read-archive

Result<std::vector<ArchiveFile>> list_archives(const Context& context) {
    service::Request request;
    request.verb = service::Verb::list_archives;
    TRY_ASSIGN(const node::Reply reply, ask(context.gate, request, std::chrono::seconds(20)));
    TRY_ASSIGN(auto folders, service::parse_archives(reply.text));
    std::vector<ArchiveFile> files;
    for (auto& folder : folders) {
        if (!folder.fault.empty())
            std::fprintf(stderr, "lpmctl: %s: %s\n", one_line(folder.path).c_str(),
                         one_line(folder.fault).c_str());
        if (folder.cut_off)
            std::fprintf(stderr, "lpmctl: %s has more archives than are listed\n",
                         one_line(folder.path).c_str());
        std::ranges::move(folder.files, std::back_inserter(files));
    }
    std::ranges::sort(files, std::ranges::greater{}, &ArchiveFile::modified_ms);
    return files;
}

Result<json::Value> read_archive(const std::string& path, const char* what, std::chrono::hours time) {
    // Without waiting for a fifo, and for nobody at the other end of a link.
    TRY_ASSIGN(const Fd archive, open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
    struct stat info{};
    if (::fstat(archive.get(), &info) != 0 || !S_ISREG(info.st_mode))
        return fail(Errc::invalid, one_line(path) + " is no file");
    TRY_ASSIGN(const Output output, lpm::run({.argv = {paths::read_archive_program, what},
                                              .timeout = time,
                                              .limit = longest_answer,
                                              .from = archive.get()}));
    if (output.late || output.text.size() == longest_answer)
        return fail(Errc::unavailable, one_line(path) + " could not be read: lpm-read-archive did not end");
    auto answer = json::parse(output.text, {.bytes = longest_answer, .depth = 16, .values = 1'000'000});
    if (!answer || !answer->is_object())
        return fail(Errc::io, one_line(path) + ": lpm-read-archive ended with status " +
                                  std::to_string(output.status) + ": " + one_line(output.text, 300));
    if (const auto error = json::text_or_empty(*answer, "error.text"); !error.empty())
        return fail(Errc::io, one_line(path) + ": " + one_line(error, 1000));
    if (json::find(*answer, "answer") == nullptr)
        return fail(Errc::io, one_line(path) + ": lpm-read-archive ended with status " +
                                  std::to_string(output.status) + " and without an answer");
    return answer;
}

json::Value identity_of(const ArchiveFile& file) {
    auto read_one = read_archive(file.path, "identity", std::chrono::hours(1));
    json::Value archive = read_one ? std::move((*read_one)["answer"])
                                   : json::Value{{"state", "unknown"}, {"message", read_one.error().text}};
    archive["path"] = file.path;
    archive["pinned"] = file.pinned;
    if (file.writing.value_or(false))
        archive["state"] = "writing";
    return archive;
}

const json::Value& list_of(const json::Value& answer, std::string_view member) {
    static const json::Value none = json::Value::array();
    const json::Value* list = json::find(answer, member);
    return list != nullptr && list->is_array() ? *list : none;
}

std::string joined(const json::Value* list) {
    std::string text;
    if (list != nullptr && list->is_array())
        for (const auto& word : *list)
            if (word.is_string())
                text += (text.empty() ? "" : " ") + one_line(word.get_ref<const std::string&>(), 200);
    return text;
}

Result<std::string> find_archive(const Context& context, const std::string& of) {
    if (of.contains('/'))
        return of;
    const std::string id = in_capitals(of);
    if (!record::valid_id(id) && !record::valid_attempt(of))
        return fail(Errc::invalid,
                    one_line(of) + " is neither a path nor the id of a record, attempt or object");
    TRY_ASSIGN(const auto files, list_archives(context));
    for (const auto& file : files) {
        const json::Value archive = identity_of(file);
        if (json::text_or_empty(archive, "record") == id || json::text_or_empty(archive, "attempt") == of ||
            json::text_or_empty(archive, "object.uid") == of)
            return file.path;
    }
    return fail(Errc::absent, "no archive of this node has the record, attempt or object " + of +
                                  ": lpmctl archives lists them");
}

} // namespace lpm::cli
