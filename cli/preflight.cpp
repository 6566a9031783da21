// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <memory>

#include "ask.hpp"
#include "command.hpp"
#include "judged.hpp"

namespace lpm::cli {

static Result<int> preflight(const Context& context, const std::string& name,
                             const std::vector<std::string>& options) {
    service::Request request;
    request.verb = service::Verb::preflight;
    TRY_ASSIGN(request.target, read_target(name));
    TRY_ASSIGN(request.options, read_options(options));
    TRY_ASSIGN(const node::Reply reply, ask(context.gate, request, std::chrono::seconds(20)));
    TRY_ASSIGN(const record::Record judged, service::parse_answer(reply.text));
    if (context.format == Format::table)
        print(text_of_judged(judged));
    else
        print(context.format, value_of_judged(judged));
    return judged.code.empty() ? yes : no;
}

Action add_preflight(CLI::App& app, const Context& context) {
    struct Given {
        std::string container;
        std::vector<std::string> options;
    };
    const auto given = std::make_shared<Given>();
    app.add_option("CONTAINER", given->container, "NAMESPACE/POD/CONTAINER, or the beginning of its id")
        ->type_name("")
        ->required();
    add_request_options(app, given->options);
    return [&context, given] { return preflight(context, given->container, given->options); };
}

} // namespace lpm::cli
