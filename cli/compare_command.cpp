// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <memory>

#include "archive_files.hpp"
#include "base/text.hpp"
#include "command.hpp"
#include "compare.hpp"
#include "records.hpp"

namespace lpm::cli {

static Result<json::Value> read_inside(const std::string& path) {
    TRY_ASSIGN(json::Value read_one, read_archive(path, "inspect", std::chrono::hours(1)));
    json::Value& answer = read_one["answer"];
    answer["archive"]["path"] = path;
    return std::move(answer);
}

// By a path: the archive, and its record where it is on this node. By an id: the record, and its archive.
static Result<Side> read_side(const Context& context, const std::string& of) {
    Side side;
    auto store = open_store(context.store);
    if (of.contains('/')) {
        TRY_ASSIGN(const json::Value answer, read_inside(of));
        const std::string id = json::text_or_empty(answer, "archive.record");
        if (store && record::valid_id(id))
            if (const auto record = store->load(id))
                side.add(*record);
        side.add(answer);
        return side;
    }
    if (!store)
        return std::unexpected(std::move(store).error());
    TRY_ASSIGN(const record::Record record, find_record(*store, of));
    side.add(record);
    if (const auto path = find_archive(context, record.id)) {
        TRY_ASSIGN(const json::Value answer, read_inside(*path));
        side.add(answer);
    }
    return side;
}

static Result<int> diff(const Context& context, const std::string& one, const std::string& other) {
    TRY_ASSIGN(const Side before, read_side(context, one));
    TRY_ASSIGN(const Side after, read_side(context, other));
    const Changes changes = compare(before, after);
    if (context.format == Format::table)
        print(text_of(before, after, changes));
    else
        print(context.format, value_of(before, after, changes));
    return changes.none() ? yes : no;
}

Action add_diff(CLI::App& app, const Context& context) {
    struct Given {
        std::string one;
        std::string other;
    };
    const auto given = std::make_shared<Given>();
    app.add_option("A", given->one, "Id of a record, or path of an archive")->type_name("")->required();
    app.add_option("B", given->other, "The other one")->type_name("")->required();
    return [&context, given] { return diff(context, given->one, given->other); };
}

} // namespace lpm::cli
