// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/preparation.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/draft.hpp"
#include "base/file.hpp"
#include "linux/boot.hpp"
#include "oci/argv.hpp"
#include "record/stand_still.hpp"
#include "json/json.hpp"

namespace lpm::record {

using json::Value;

static constexpr std::size_t max_preparation = std::size_t{2} << 20; // bytes: a record and a little more
static constexpr std::size_t max_options = 32;
static constexpr std::size_t most_at_once = 100;
static constexpr const char* suffix = ".json";

Result<Preparation> parse_preparation(std::string_view text) {
    TRY_ASSIGN(const Value root, json::parse(text, {.bytes = max_preparation}));
    Preparation preparation;
    const auto until = json::natural(root, "until");
    const Value* record = json::find(root, "record");
    if (!until || record == nullptr)
        return fail(Errc::invalid, "not a preparation");
    preparation.until = *until;
    TRY_ASSIGN(preparation.record, parse_record(json::write(*record)));
    if (const Value* options = json::find(root, "options"); options != nullptr && options->is_object())
        for (const auto& [name, value] : options->items())
            if (value.is_string() && preparation.options.size() < max_options)
                preparation.options.emplace_back(name, value.get_ref<const std::string&>());
    return preparation;
}

std::string write_preparation(const Preparation& preparation) {
    Value options = Value::object();
    for (const auto& [name, value] : preparation.options)
        options[name] = value;
    return "{\"until\":" + std::to_string(preparation.until) + ",\"options\":" + json::write(options) +
           ",\"record\":" + write_record(preparation.record) + "}\n";
}

static std::string folder_of(const std::string& root) {
    return "prepared/" + ContainerName::of(root, "").root_hash;
}

static bool is_good(const Preparation& preparation) {
    return preparation.record.boot_id == boot_id() && boot_time_ns() <= preparation.until;
}

static Result<Preparation> read_at(int folder, const std::string& name) {
    TRY_ASSIGN(const std::string text, read_file(folder, name, max_preparation));
    return parse_preparation(text);
}

Result<> keep_preparation(const std::string& run_dir, const Preparation& preparation) {
    const Record& record = preparation.record;
    TRY_ASSIGN(const Fd run, open_at(AT_FDCWD, run_dir, O_RDONLY | O_DIRECTORY));
    TRY_ASSIGN(const Fd folder, make_dirs(run.get(), folder_of(record.root)));
    const std::string name = record.container + suffix;
    if (const auto before = read_at(folder.get(), name);
        before && is_good(*before) && before->record.attempt != record.attempt)
        return fail(Errc::busy, "another attempt has prepared a checkpoint of this container");
    return replace_file(folder.get(), name, write_preparation(preparation), 0600, Sync::none);
}

static Result<Fd> open_folder(const std::string& run_dir, const std::string& root, const std::string& id) {
    if (!oci::valid_id(id.c_str()))
        return fail(Errc::absent, "not an id of a container");
    return open_at(AT_FDCWD, run_dir + "/" + folder_of(root), O_RDONLY | O_DIRECTORY);
}

static Result<Preparation> read_good(int folder, const std::string& name) {
    TRY_ASSIGN(Preparation preparation, read_at(folder, name));
    if (!is_good(preparation))
        return fail(Errc::unavailable, "it was good until an earlier time");
    return preparation;
}

Result<Preparation> read_preparation(const std::string& run_dir, const std::string& root,
                                     const std::string& id) {
    TRY_ASSIGN(const Fd folder, open_folder(run_dir, root, id));
    return read_good(folder.get(), id + suffix);
}

Result<Preparation> take_preparation(const std::string& run_dir, const std::string& root,
                                     const std::string& id) {
    TRY_ASSIGN(const Fd folder, open_folder(run_dir, root, id));
    const std::string name = id + suffix;
    TRY_ASSIGN(Preparation preparation, read_good(folder.get(), name));
    // Of two that come at the same time one removes it, and that one has it.
    if (::unlinkat(folder.get(), name.c_str(), 0) != 0)
        return fail(Errc::absent, "another call has taken it");
    return preparation;
}

std::vector<Preparation> take_expired(const std::string& run_dir) {
    std::vector<Preparation> expired;
    const auto take = [&](int folder, const std::string& name) {
        auto preparation = read_at(folder, name);
        if ((preparation && is_good(*preparation)) || ::unlinkat(folder, name.c_str(), 0) != 0)
            return;
        if (preparation && preparation->record.boot_id == boot_id())
            expired.push_back(*std::move(preparation));
    };
    each_entry(run_dir + "/prepared", [&](int prepared, const dirent& root) {
        const auto folder = open_at(prepared, root.d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (folder && *root.d_name != '.')
            each_entry(folder->get(), [&](int, const dirent& entry) {
                if (const std::string name = entry.d_name; name.ends_with(suffix))
                    take(folder->get(), name);
                return expired.size() < most_at_once;
            });
        return expired.size() < most_at_once;
    });
    return expired;
}

} // namespace lpm::record
