// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cstdlib>
#include <unistd.h>

#include "base/paths.hpp"
#include "base/text.hpp"
#include "config/forms.hpp"
#include "kube/kinds.hpp"
#include "kubectl/command.hpp"
#include "kubectl/object.hpp"

namespace lpm::cli::kubectl {

void print_object(const Output& output, const json::Value& object) {
    if (output.name)
        print(title_of(object));
    else
        print(output.format, object);
}

static std::string environment(const char* name) {
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe)
    return value == nullptr ? std::string() : value;
}

static Result<std::unique_ptr<kube::Credentials>> find_credentials(const Context& context) {
    std::string paths = context.kubeconfig;
    if (paths.empty())
        paths = environment("KUBECONFIG");
    if (paths.empty()) {
        const std::string home = environment("HOME") + "/.kube/config";
        if (::access(home.c_str(), F_OK) != 0 && !environment("KUBERNETES_SERVICE_HOST").empty())
            return kube::Credentials::in_cluster();
        paths = home;
    }
    return kube::Credentials::kubeconfig(paths, context.context, true);
}

Session::Session(std::unique_ptr<kube::Credentials> credentials, std::string space)
    : credentials_(std::move(credentials)), space_(std::move(space)),
      http_(std::string("kubectl-lpm/") + paths::version, true), client_(http_, *credentials_) {}

Result<std::unique_ptr<Session>> Session::open(const Context& context) {
    auto found = find_credentials(context);
    if (!found && found.error().code == Errc::absent)
        return std::unexpected(
            Error{Errc::absent, 0, found.error().text + ": name the file with --kubeconfig or $KUBECONFIG"});
    TRY_ASSIGN(auto credentials, std::move(found));
    std::string space = context.name_space;
    if (space.empty()) {
        TRY_ASSIGN(const kube::Access access, credentials->access());
        space = access.space;
    }
    if (!config::is_name(space, 63, false))
        return fail(Errc::invalid, "namespace " + one_line(space, 100) +
                                       " is none: small letters, digits and -, 63 at most");
    return std::unique_ptr<Session>(new Session(std::move(credentials), std::move(space)));
}

std::string Session::path(const std::string& name) const {
    std::string_view all = kube::checkpoints_path;
    const auto kind = all.rfind('/');
    return std::string(all.substr(0, kind)) + "/namespaces/" + space_ + std::string(all.substr(kind)) +
           (name.empty() ? "" : "/" + name);
}

Result<json::Value> Session::read(const std::string& text) {
    TRY_ASSIGN(const std::string name, read_name(text, Kind::checkpoint));
    auto object = client_.get(path(name));
    if (!object)
        return std::unexpected(explain(std::move(object).error(), role_view));
    return object;
}

Result<json::Value> Session::create(const json::Value& object) {
    auto made = client_.create_and_read(kube::with_query(path(), "fieldValidation", "Strict"), object);
    if (!made)
        return std::unexpected(explain(std::move(made).error(), role_create));
    return made;
}

Result<json::Value> Session::read_pod(const std::string& name) {
    auto pod = client_.get("/api/v1/namespaces/" + space_ + "/pods/" + name);
    if (!pod && pod.error().code == Errc::denied)
        return fail(Errc::denied, pod.error().text + "; without that right, name the container with -c");
    if (!pod && pod.error().code == Errc::absent)
        return fail(Errc::absent, pod.error().text + " in namespace " + space_ + ": kubectl get pods -n " +
                                      space_ + " lists those that there are");
    return pod;
}

Error Session::explain(Error error, std::string_view role) const {
    const std::string said = error.text;
    if (error.code == Errc::absent && said.contains("containercheckpoints.lpm.my.domain \""))
        error.text +=
            " in namespace " + space_ + ": kubectl lpm list -n " + space_ + " lists those that there are";
    else if (error.code == Errc::exists)
        error.text += " in namespace " + space_ + ": give another --name";
    else if (error.code == Errc::absent && said.contains("namespaces \""))
        error.text += ": kubectl get namespaces lists those that there are";
    else if (error.code == Errc::absent)
        error.text = "this cluster has no ContainerCheckpoints (" + std::string(trim(said)) +
                     "): lpm is not installed; its administrator does that with: kubectl apply -k deploy";
    else if (error.code == Errc::denied && said.starts_with("401"))
        error.text += ": the server does not take this user's credentials; log in again, or see "
                      "kubectl auth whoami";
    else if (error.code == Errc::denied && said.contains("resource \"containercheckpoints\""))
        error.text += "; who administers the namespace gives the right: kubectl create rolebinding lpm-NAME "
                      "-n " +
                      space_ + " --clusterrole=" + std::string(role) + " --user=NAME";
    return error;
}

} // namespace lpm::cli::kubectl
