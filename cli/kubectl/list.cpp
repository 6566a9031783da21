// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cstdio>
#include <memory>
#include <vector>

#include "base/text.hpp"
#include "kube/kinds.hpp"
#include "kubectl/command.hpp"
#include "kubectl/object.hpp"

namespace lpm::cli::kubectl {

namespace {
struct Wanted {
    bool everywhere = false;
    std::string selector;
};
} // namespace

static constexpr std::size_t most = 50'000; // objects that are kept at a time

static Result<std::vector<json::Value>> find(Session& session, const Wanted& wanted) {
    std::string path = wanted.everywhere ? std::string(kube::checkpoints_path) : session.path();
    if (!wanted.selector.empty())
        path = kube::with_query(path, "labelSelector", wanted.selector);
    std::vector<json::Value> objects;
    std::stop_source enough;
    const auto listed = session.client().list(
        path,
        [&](json::Value object) {
            if (objects.size() < most)
                objects.push_back(std::move(object));
            else
                enough.request_stop();
        },
        enough.get_token());
    if (enough.stop_requested())
        return fail(Errc::invalid, "there are more than " + std::to_string(most) +
                                       " ContainerCheckpoints: ask for one namespace (-n) or by label (-l)");
    if (!listed)
        return std::unexpected(session.explain(listed.error(), role_view));
    return objects;
}

static Table table_of(const std::vector<json::Value>& objects, bool everywhere, bool wide) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    Table table{{"NAME", "POD", "CONTAINER", "PHASE", "REASON", "NODE", "SIZE", "AGE"}, {}};
    if (everywhere)
        table.heads.insert(table.heads.begin(), "NAMESPACE");
    if (wide)
        table.heads.insert(table.heads.end(), {"RECORD", "ARCHIVE"});
    for (const auto& object : objects) {
        const auto text = [&](std::string_view path) { return one_line(json::text_or_empty(object, path)); };
        std::vector<std::string> row{name_of(object),
                                     text("spec.podName"),
                                     text("spec.containerName"),
                                     text("status.phase"),
                                     text("status.reason"),
                                     text("status.nodeName"),
                                     size_text(object),
                                     age_text(text("metadata.creationTimestamp"), now)};
        if (everywhere)
            row.insert(row.begin(), text("metadata.namespace"));
        if (wide)
            row.insert(row.end(), {text("status.recordID"), text("status.archivePath")});
        table.rows.push_back(std::move(row));
    }
    return table;
}

static Result<int> list(const Context& context, const Wanted& wanted) {
    TRY_ASSIGN(const auto session, Session::open(context));
    TRY_ASSIGN(auto objects, find(*session, wanted));
    if (context.output.name) {
        for (const auto& object : objects)
            print(title_of(object));
    } else if (context.output.format != Format::table) {
        json::Value items = json::Value::array(); // as `kubectl get -o json` has it
        for (auto& object : objects)
            items.push_back(std::move(object));
        print(context.output.format, {{"apiVersion", "v1"},
                                      {"kind", "List"},
                                      {"metadata", {{"resourceVersion", ""}}},
                                      {"items", items}});
    } else if (objects.empty()) {
        std::fprintf(stderr, "No ContainerCheckpoints found%s.\n",
                     wanted.everywhere ? "" : (" in " + session->space() + " namespace").c_str());
    } else {
        print(text_of(table_of(objects, wanted.everywhere, context.output.wide)));
    }
    return yes;
}

Action add_list(CLI::App& app, const Context& context) {
    const auto wanted = std::make_shared<Wanted>();
    app.add_flag("-A,--all-namespaces", wanted->everywhere, "Of all namespaces");
    app.add_option("-l,--selector", wanted->selector, "By labels, as of kubectl get")->type_name("LABELS");
    return [&context, wanted] { return list(context, *wanted); };
}

} // namespace lpm::cli::kubectl
