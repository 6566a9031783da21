// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <memory>

#include "archive_files.hpp"
#include "ask.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "records.hpp"
#include "service/told_images.hpp"

namespace lpm::cli {

static std::string container_text(const json::Value& archive) {
    constexpr std::size_t short_id = 12;
    const std::string pod = json::text_or_empty(archive, "container.names.pod");
    const std::string name = json::text_or_empty(archive, "container.names.name");
    if (!pod.empty())
        return one_line(json::text_or_empty(archive, "container.names.namespace") + "/" + pod + "/" + name);
    return one_line(name.empty() ? json::text_or_empty(archive, "container.id").substr(0, short_id) : name);
}

static Result<int> show_list(const Context& context, std::size_t limit) {
    TRY_ASSIGN(auto files, list_archives(context));
    const std::size_t all = files.size();
    files.resize(std::min(all, limit));
    json::Value archives = json::Value::array();
    Table table{{"ARCHIVE", "SIZE", "WRITTEN (UTC)", "STATE", "CONTAINER", "RECORD"}, {}};
    for (const auto& file : files) {
        const json::Value archive = identity_of(file);
        const std::string written =
            rfc3339({.tv_sec = static_cast<time_t>(file.modified_ms / 1000), .tv_nsec = 0});
        table.rows.push_back({one_line(file.path, 1000), human_size(file.size), short_time(written),
                              one_line(json::text_or_empty(archive, "state"), 100), container_text(archive),
                              one_line(json::text_or_empty(archive, "record"), 100)});
        if (json::text_or_empty(archive, "state") == "unknown")
            std::fprintf(stderr, "lpmctl: %s\n",
                         one_line(json::text_or_empty(archive, "message"), 1000).c_str());
        archives.push_back(archive);
    }
    if (context.format != Format::table)
        print(context.format, json::Value{{"archives", std::move(archives)}});
    else if (files.empty())
        print("no archives");
    else
        print(text_of(table));
    if (files.size() < all)
        std::fprintf(stderr, "lpmctl: and %zu older ones: --limit\n", all - files.size());
    return yes;
}

static void add_size(const json::Value& answer, std::string_view member, std::string_view name,
                     Description& to) {
    // A number of 64 bits is a text in the JSON of Protobuf.
    if (const auto size = to_number<std::uint64_t>(json::text_or_empty(answer, member)); size && *size > 0)
        to.add(name, human_size(*size));
}

static void add_archive(const json::Value& archive, const std::string& path, Description& to) {
    const std::string state = one_line(json::text_or_empty(archive, "state"), 100);
    const std::string message = json::text_or_empty(archive, "message");
    to.add("Archive", one_line(path, 1000));
    to.add("State", coloured(state, colour_of(state)) + (message.empty() ? "" : ": " + one_line(message)));
    add_size(archive, "size", "Size", to);
    to.add("Format", one_line(json::text_or_empty(archive, "format"), 100));
    to.add("Engine", one_line(json::text_or_empty(archive, "engine")));
    to.add("Container", container_text(archive));
    to.add("Id", one_line(json::text_or_empty(archive, "container.id")));
    to.add("Record", one_line(json::text_or_empty(archive, "record"), 100));
    to.add("Attempt", one_line(json::text_or_empty(archive, "attempt"), 100));
    if (const std::string name = json::text_or_empty(archive, "object.name"); !name.empty())
        to.add("For object", one_line(json::text_or_empty(archive, "object.namespace") + "/" + name));
}

static void add_processes(const json::Value& answer, Description& to) {
    const auto& processes = list_of(answer, "processes");
    if (processes.empty())
        return;
    to.add("Processes", std::to_string(processes.size()));
    for (const auto& process : processes) {
        const std::string arguments = joined(json::find(process, "arguments"));
        to.add_line(lpm::format("{:>6}  {:<16} {}", json::natural(process, "pid").value_or(0),
                                one_line(json::text_or_empty(process, "name"), 64),
                                one_line(arguments, 1000)));
        for (const auto& variable : list_of(process, "environment"))
            to.add_line("        " +
                        one_line(variable.is_string() ? variable.get_ref<const std::string&>() : "", 1000));
        for (const auto& open : list_of(process, "descriptors"))
            to.add_line(lpm::format("        {:>4}  {:<10} {}", json::natural(open, "number").value_or(0),
                                    one_line(json::text_or_empty(open, "type"), 20),
                                    one_line(json::text_or_empty(open, "path"), 1000)));
    }
}

static std::string text_of_inside(const json::Value& answer, const std::string& path) {
    Description text;
    add_archive(answer.value("archive", json::Value::object()), path, text);
    text.add("Runtime", one_line(json::text_or_empty(answer, "runtime")));
    text.add("Image", one_line(json::text_or_empty(answer, "image")));
    text.add("Image's digest", one_line(json::text_or_empty(answer, "image_ref")));
    text.add("Created", one_line(json::text_or_empty(answer, "created")));
    text.add("Checkpointed", one_line(json::text_or_empty(answer, "checkpointed")));
    text.add("Pod's address", one_line(json::text_or_empty(answer, "address")));
    add_size(answer, "pages_bytes", "Memory", text);
    add_size(answer, "images_bytes", "All images", text);
    add_size(answer, "rootfs_diff_bytes", "Changed files", text);
    const auto& mounts = list_of(answer, "mounts");
    if (!mounts.empty())
        text.add("Mounts", std::to_string(mounts.size()));
    for (const auto& mount : mounts)
        text.add_line(one_line(json::text_or_empty(mount, "destination")) + "  " +
                      one_line(json::text_or_empty(mount, "type")) + "  " +
                      one_line(json::text_or_empty(mount, "source")));
    add_processes(answer, text);
    for (const auto& left : list_of(answer, "left_out"))
        text.add("Left out", one_line(left.is_string() ? left.get_ref<const std::string&>() : ""));
    return text.text();
}

static Result<int> inspect(const Context& context, const std::string& of, bool environment) {
    TRY_ASSIGN(const std::string path, find_archive(context, of));
    TRY_ASSIGN(json::Value read_one,
               read_archive(path, environment ? "environment" : "inspect", std::chrono::hours(1)));
    json::Value& answer = read_one["answer"];
    answer["archive"]["path"] = path;
    if (context.format == Format::table)
        print(text_of_inside(answer, path));
    else
        print(context.format, answer);
    return json::text_or_empty(answer, "archive.state") == "whole" ? yes : no;
}

// What this node says of a restore; nothing when it could not be asked.
static Result<record::Record> judge_restore(const Context& context, const json::Value& images) {
    service::Request request;
    request.verb = service::Verb::judge_restore;
    TRY_ASSIGN(request.images, service::read_images(images));
    TRY_ASSIGN(const node::Reply reply, ask(context.gate, request, std::chrono::seconds(20)));
    return service::parse_answer(reply.text);
}

static void add_restore(const Result<record::Record>& judged, Description& to) {
    if (!judged) {
        to.add("A restore here",
               coloured("could not be judged", Colour::yellow) + ": " + judged.error().text);
        return;
    }
    to.add("A restore here", judged->code.empty()
                                 ? coloured("nothing is in its way that can be told before", Colour::green)
                                 : coloured("would be refused", Colour::red) + ": " + judged->code);
    to.add("Why", one_line(judged->message, 4000));
    add_others(judged->findings, to);
}

static Result<int> verify(const Context& context, const std::string& of) {
    TRY_ASSIGN(const std::string path, find_archive(context, of));
    TRY_ASSIGN(json::Value read_one, read_archive(path, "verify", std::chrono::hours(24)));
    json::Value& answer = read_one["answer"];
    answer["archive"]["path"] = path;
    std::optional<Result<record::Record>> restore;
    if (const auto* images = json::find(read_one, "images"))
        restore = judge_restore(context, *images);
    const auto& faults = list_of(answer, "faults");
    const bool refused = restore && *restore && !(*restore)->code.empty();
    if (context.format == Format::table) {
        Description text;
        add_archive(answer["archive"], path, text);
        text.add("SHA-256", one_line(json::text_or_empty(answer, "sha256"), 100));
        text.add("Faults", faults.empty() ? "none" : std::to_string(faults.size()));
        for (const auto& fault : faults)
            text.add_line(coloured(one_line(fault.is_string() ? fault.get_ref<const std::string&>() : ""),
                                   Colour::red));
        if (restore)
            add_restore(*restore, text);
        print(text.text());
    } else {
        if (restore && *restore)
            answer["restore"] = value_of(**restore);
        else if (restore)
            answer["not_judged"] = restore->error().text;
        print(context.format, answer);
    }
    return faults.empty() && !refused ? yes : no;
}

Action add_archives(CLI::App& app, const Context& context) {
    const auto limit = std::make_shared<std::size_t>(50);
    app.add_option("--limit", *limit, "At most so many, the newest")
        ->check(CLI::Range(1, 5000).description(""))
        ->type_name("NUMBER")
        ->capture_default_str();
    return [&context, limit] { return show_list(context, *limit); };
}

static constexpr const char* of_what = "Its path, or the id of its record, attempt or object";

Action add_inspect(CLI::App& app, const Context& context) {
    struct Given {
        std::string of;
        bool environment = false;
    };
    const auto given = std::make_shared<Given>();
    app.add_option("ARCHIVE", given->of, of_what)->type_name("")->required();
    app.add_flag("--environment", given->environment,
                 "With the variables of each process: secrets may be among them");
    return [&context, given] { return inspect(context, given->of, given->environment); };
}

Action add_verify(CLI::App& app, const Context& context) {
    const auto of = std::make_shared<std::string>();
    app.add_option("ARCHIVE", *of, of_what)->type_name("")->required();
    return [&context, of] { return verify(context, *of); };
}

} // namespace lpm::cli
