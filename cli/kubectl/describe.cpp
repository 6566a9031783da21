// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cstdio>
#include <memory>

#include "base/text.hpp"
#include "kubectl/command.hpp"
#include "kubectl/object.hpp"

namespace lpm::cli::kubectl {

static Result<int> show(const Context& context, const std::string& name) {
    TRY_ASSIGN(const auto session, Session::open(context));
    TRY_ASSIGN(const json::Value object, session->read(name));
    if (context.output.is_text())
        print(describe(object, std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())));
    else
        print_object(context.output, object);
    return yes;
}

// Where the whole log lies, as far as the object knows.
static std::string place_text(const json::Value& object) {
    const std::string node = one_line(json::text_or_empty(object, "status.nodeName"));
    const std::string record = one_line(json::text_or_empty(object, "status.recordID"));
    if (record.empty())
        return node.empty() ? "no node was asked"
                            : "the record and CRIU's dump.log, if it came so far, are on node " + node +
                                  ": lpmctl records --outcome failed";
    return "the whole log is on node " + node + ": lpmctl show " + record + " names its files";
}

static Result<int> logs(const Context& context, const std::string& name) {
    TRY_ASSIGN(const auto session, Session::open(context));
    TRY_ASSIGN(const json::Value object, session->read(name));
    if (!context.output.is_text()) {
        print_object(context.output, object);
        return yes;
    }
    const std::string log = json::text_or_empty(object, "status.logExcerpt");
    if (log.empty())
        return fail(Errc::absent, title_of(object) + " has no lines of a log: " + progress_text(object) +
                                      (end_of(object) == End::completed ? "; only a failure has some"
                                                                        : "; " + place_text(object)));
    for (std::string_view rest = log; !rest.empty();)
        print(one_line(next_line(rest), 4096));
    std::fprintf(stderr, "%s\n", place_text(object).c_str());
    return yes;
}

static Action of_one(CLI::App& app, const Context& context,
                     Result<int> (*what)(const Context&, const std::string&)) {
    const auto name = std::make_shared<std::string>();
    app.add_option("CHECKPOINT", *name, "Name of a ContainerCheckpoint")->type_name("")->required();
    return [&context, name, what] { return what(context, *name); };
}

Action add_describe(CLI::App& app, const Context& context) {
    return of_one(app, context, show);
}

Action add_logs(CLI::App& app, const Context& context) {
    return of_one(app, context, logs);
}

} // namespace lpm::cli::kubectl
