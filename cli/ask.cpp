// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "ask.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/paths.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "crio/crio.hpp"
#include "inspect/crio_files.hpp"
#include "oci/argv.hpp"

namespace lpm::cli {

Result<node::Reply> ask(const std::string& socket, const service::Request& request,
                        std::chrono::seconds time) {
    Fd unanswered;
    auto reply = node::ask_gate(socket, request, Deadline(time), [] { return false; }, unanswered);
    // Root may be lpm-gate where nobody listens.
    if (reply || ::geteuid() != 0 || (reply.error().sys != ENOENT && reply.error().sys != ECONNREFUSED))
        return reply;
    TRY_ASSIGN(Output output, lpm::run({.argv = {paths::gate_program, "--answer"},
                                        .timeout = time,
                                        .limit = service::max_answer,
                                        .input = service::write_request(request)}));
    if (output.late)
        return fail(Errc::unavailable, std::string(paths::gate_program) + " has not answered in time");
    return node::Reply{.text = std::move(output.text), .descriptor = {}};
}

// Ids of containers on this node that begin so.
static std::vector<std::string> ids_of(const std::string& beginning) {
    std::vector<std::string> ids;
    for (const auto& root : crio::state_roots(inspect::read_crio()))
        each_entry(root, [&](int, const dirent& entry) {
            if (oci::valid_id(entry.d_name) && std::string_view(entry.d_name).starts_with(beginning))
                ids.emplace_back(entry.d_name);
            return ids.size() < 100;
        });
    std::ranges::sort(ids);
    ids.erase(std::ranges::unique(ids).begin(), ids.end());
    return ids;
}

Result<inspect::Target> read_target(const std::string& text) {
    std::string_view rest = text;
    const std::string name_space(next_part(rest, '/'));
    if (name_space.size() == text.size()) {
        const auto ids = oci::valid_id(text.c_str()) ? ids_of(text) : std::vector<std::string>();
        const bool whole = std::ranges::find(ids, text) != ids.end();
        if (ids.size() > 1 && !whole)
            return fail(Errc::invalid, "ids of several containers begin with " + text + ": give more of it");
        if (ids.empty())
            return fail(Errc::absent, "no container of this node has an id that begins with " +
                                          one_line(text, 128) + "; by names it is NAMESPACE/POD/CONTAINER");
        return inspect::Target{.id = whole ? text : ids.front()};
    }
    const std::string pod(next_part(rest, '/'));
    const std::string name(rest);
    if (name_space.empty() || pod.empty() || name.empty() || name.contains('/'))
        return fail(Errc::invalid, one_line(text) + ": a container is NAMESPACE/POD/CONTAINER, or its id");
    return inspect::Target{.name_space = name_space, .pod = pod, .name = name};
}

} // namespace lpm::cli
