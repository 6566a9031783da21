// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "drop_in.hpp"

#include <cstdlib>

#include "base/paths.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "crio/drop_in_file.hpp"

namespace lpm::cli {

std::string NodeConfig::path() const {
    return crio::drop_in_path(files.folder);
}

Result<std::string> NodeConfig::make(std::vector<std::string> names) const {
    return crio::make_drop_in(others,
                              {.handlers = std::move(names),
                               .runtime_path = paths::handler_program,
                               .built_in = built_in,
                               .implementation = real.kind == oci::RuntimeKind::crun ? "crun" : "runc"},
                              path());
}

static std::string ask_built_in() {
    constexpr std::chrono::seconds patience{10};
    const auto said = lpm::run({"crio", "--version"}, patience);
    return said && said->status == 0 ? crio::built_in_handler(said->text) : std::string();
}

Result<NodeConfig> read_node_config(const crio::Files& files) {
    NodeConfig node{.files = files,
                    .with = crio::read_configuration(files),
                    .others = crio::read_configuration(files, crio::drop_in_name),
                    .drop_in = {},
                    .handlers = {},
                    .built_in = {},
                    .real = real_runtime()};
    TRY_ASSIGN(node.drop_in, crio::read_drop_in(files.folder));
    if (node.drop_in)
        if (const auto file = config::parse_crio_file(*node.drop_in, node.path()))
            for (const auto& handler : file->handlers)
                node.handlers.push_back(handler.name);
    if (node.others.default_runtime.empty())
        node.built_in = ask_built_in();
    return node;
}

// Without a path CRI-O takes the program of the handler's name on its PATH, which we guess to be ours.
static std::string program_of(const std::string& handler, const std::string& runtime_path) {
    if (!runtime_path.empty())
        return runtime_path;
    const char* path = std::getenv("PATH"); // NOLINT(concurrency-mt-unsafe)
    const auto found = find_in_path(handler, path == nullptr ? "" : path);
    return found.empty() ? handler : found;
}

std::optional<Implementation> implementation_in(const NodeConfig& node,
                                                const crio::Configuration& configuration,
                                                const std::string& handler) {
    const auto* set = configuration.handler(handler);
    if (set == nullptr && handler != crio::default_handler(configuration, node.built_in))
        return std::nullopt;
    const std::string program = program_of(handler, set == nullptr ? "" : set->runtime_path);
    return is_lpm(program) ? node.real : implementation_of(program);
}

Result<std::string> check_containers(const NodeConfig& node, const std::string& handler,
                                     const std::optional<Implementation>& next) {
    const auto now = implementation_in(node, node.with, handler);
    if (!now || (next && now->is_like(*next)))
        return std::string();
    const auto* set = node.with.handler(handler);
    const auto live = live_text(set == nullptr || set->runtime_root.empty()
                                    ? std::vector<std::string>{"/run/runc", "/run/crun"}
                                    : std::vector{set->runtime_root});
    const std::string change = "handler " + one_line(handler, 100) +
                               (next ? " runs " + now->text() + " and would run " + next->text() +
                                           ", which does not know its containers"
                                     : " would be gone");
    if (live.empty())
        return "Before that start end all pods of it: " + change;
    return fail(Errc::busy,
                change + ", and " + live +
                    (next ? ": drain the node first, or give lpm a handler of its own by lpmctl node "
                            "enable --runtime-class lpm"
                          : ": end its pods first"));
}

} // namespace lpm::cli
