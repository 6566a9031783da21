// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "kube/client.hpp"
#include "kube/credentials.hpp"
#include "kube/http.hpp"
#include "output.hpp"
#include "program.hpp"
#include "json/json.hpp"

namespace lpm::cli::kubectl {

// Exit statuses, as of kubectl.
inline constexpr int yes = 0;
inline constexpr int no = 1;
inline constexpr int interrupted = 130;

struct Output {
    Format format = Format::table;
    bool wide = false;
    bool name = false; // only "containercheckpoint.lpm.my.domain/NAME"
    [[nodiscard]] bool is_text() const { return format == Format::table && !name; }
};

// What all commands have.
struct Context {
    std::string name_space;
    std::string context;
    std::string kubeconfig;
    Output output;
};

// For programs: the object, or its name.
void print_object(const Output& output, const json::Value& object);

// The API server, and the namespace that is meant.
class Session {
  public:
    // By --kubeconfig, else $KUBECONFIG, else ~/.kube/config, else as a pod. Errors say what to do.
    [[nodiscard]] static Result<std::unique_ptr<Session>> open(const Context& context);

    [[nodiscard]] kube::Client& client() { return client_; }
    [[nodiscard]] const std::string& space() const { return space_; }
    // Of the ContainerCheckpoints of the namespace, or one of them.
    [[nodiscard]] std::string path(const std::string& name = {}) const;

    // One of them, by what the user calls it.
    [[nodiscard]] Result<json::Value> read(const std::string& name);
    [[nodiscard]] Result<json::Value> create(const json::Value& object);
    [[nodiscard]] Result<json::Value> read_pod(const std::string& name);

    // What the server's refusal means, with what to do. `role`: the ClusterRole of deploy/rbac.yaml that has
    // the right.
    [[nodiscard]] Error explain(Error error, std::string_view role) const;

  private:
    Session(std::unique_ptr<kube::Credentials> credentials, std::string space);

    std::unique_ptr<kube::Credentials> credentials_;
    std::string space_;
    kube::Http http_;
    kube::Client client_;
};

inline constexpr const char* role_view = "lpm-checkpoint-view";
inline constexpr const char* role_create = "lpm-checkpoint-create";

// Names of the cluster, of which it asks the API server; none when that does not answer soon.
[[nodiscard]] std::vector<Suggestion> suggest(std::string_view kind, const Typed& typed);

// The whole command line of kubectl-lpm; the context lives as long as `app`.
[[nodiscard]] Actions add_kubectl_lpm(CLI::App& app, Context& context);

// Each adds its options to `app`, and lives as long as that.
[[nodiscard]] Action add_checkpoint(CLI::App& app, const Context& context);
[[nodiscard]] Action add_preflight(CLI::App& app, const Context& context);
[[nodiscard]] Action add_list(CLI::App& app, const Context& context);
[[nodiscard]] Action add_describe(CLI::App& app, const Context& context);
[[nodiscard]] Action add_logs(CLI::App& app, const Context& context);

} // namespace lpm::cli::kubectl
