// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "service/archives.hpp"

#include "service/answer.hpp"

namespace lpm::service {

using json::Value;

static Value value_of(const ArchiveFile& file) {
    Value value{{"path", file.path}, {"id", file.id}, {"size", file.size}, {"modified_ms", file.modified_ms}};
    if (file.pinned)
        value["pinned"] = true;
    if (file.writing)
        value["writing"] = *file.writing;
    return value;
}

static Result<ArchiveFile> file_of(const Value& value) {
    ArchiveFile file;
    file.path = json::text_or_empty(value, "path");
    file.id = json::text_or_empty(value, "id");
    const auto size = json::natural(value, "size");
    const auto modified = json::natural(value, "modified_ms");
    if (file.path.empty() || file.id.empty() || !size || !modified)
        return fail(Errc::io, "lpm-gate's answer has an archive without path, id, size or time");
    file.size = *size;
    file.modified_ms = *modified;
    file.pinned = json::is_true(value, "pinned");
    if (const Value* writing = json::find(value, "writing"); writing != nullptr && writing->is_boolean())
        file.writing = writing->get<bool>();
    return file;
}

std::string write_archives(const Result<std::vector<ArchiveFolder>>& folders) {
    if (!folders)
        return write_error(folders.error());
    Value list = Value::array();
    for (const auto& folder : *folders) {
        Value value{{"path", folder.path}, {"files", Value::array()}};
        if (!folder.fault.empty())
            value["fault"] = folder.fault;
        if (folder.cut_off)
            value["cut_off"] = true;
        for (const auto& file : folder.files)
            value["files"].push_back(value_of(file));
        list.push_back(std::move(value));
    }
    return json::write(Value{{"folders", std::move(list)}});
}

Result<std::vector<ArchiveFolder>> parse_archives(std::string_view answer) {
    TRY_ASSIGN(const Value root, parse_object(answer));
    const Value* list = json::find(root, "folders");
    if (list == nullptr || !list->is_array())
        return fail(Errc::io, "lpm-gate's answer has no folders");
    std::vector<ArchiveFolder> folders;
    for (const Value& value : *list) {
        ArchiveFolder& folder = folders.emplace_back();
        folder.path = json::text_or_empty(value, "path");
        folder.fault = json::text_or_empty(value, "fault");
        folder.cut_off = json::is_true(value, "cut_off");
        const Value* files = json::find(value, "files");
        if (files == nullptr || !files->is_array())
            continue;
        for (const Value& one : *files) {
            TRY_ASSIGN(ArchiveFile file, file_of(one));
            folder.files.push_back(std::move(file));
        }
    }
    return folders;
}

std::string write_archive(const Result<ArchiveFile>& file) {
    return file ? json::write(Value{{"archive", value_of(*file)}}) : write_error(file.error());
}

Result<ArchiveFile> parse_archive(std::string_view answer) {
    TRY_ASSIGN(const Value root, parse_object(answer));
    const Value* archive = json::find(root, "archive");
    if (archive == nullptr)
        return fail(Errc::io, "lpm-gate's answer has no archive");
    return file_of(*archive);
}

} // namespace lpm::service
