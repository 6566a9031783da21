// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "kube/http.hpp"

// Where the API server is and who we are there.
namespace lpm::kube {

// One view of it, whole: files are read, tokens are valid.
struct Access {
    std::string server; // "https://host:port", maybe with a path; no slash at the end
    Tls tls;
    std::string bearer;
    std::string user;  // "name:password"
    std::string proxy; // the kubeconfig's proxy-url
    std::string space; // namespace that we are in, or that the context names; "default" when nothing says so
};

// A program that prints credentials (`users[].user.exec` of a kubeconfig). It is not run unless allowed.
struct Plugin {
    std::string command; // absolute, or looked for on PATH
    std::vector<std::string> args;
    std::vector<std::string> environment; // "NAME=value", beside ours
    std::string version;                  // client.authentication.k8s.io/v1 or /v1beta1
    std::string hint;                     // installHint
    bool cluster_info = false;            // provideClusterInfo: it is told where the server is
    bool operator==(const Plugin&) const = default;
};

// What a context of a kubeconfig names. Relative paths are relative to `folder`; data are decoded, files are
// not read yet.
struct Kubeconfig {
    std::string server;
    std::string ca;          // PEM
    std::string ca_file;     // when there is no `ca`
    std::string server_name; // tls-server-name
    std::string proxy;       // proxy-url
    std::string certificate; // PEM
    std::string certificate_file;
    std::string key; // PEM
    std::string key_file;
    std::string token;
    std::string token_file; // wins over `token`
    std::string user;       // "name:password"
    std::string space;      // namespace
    std::optional<Plugin> plugin;
};

// `context`: empty for the file's current-context. Errc::invalid, with what to do, for what is no kubeconfig,
// a context, cluster or user that is missing, and what is refused: insecure-skip-tls-verify, a server that is
// not https, auth-provider, as (impersonation), anchors of YAML. Bounded: 1 MiB, 64 levels.
[[nodiscard]] Result<Kubeconfig> parse_kubeconfig(std::string_view text, const std::string& folder,
                                                  std::string_view context);

class Credentials {
  public:
    // A pod's own: KUBERNETES_SERVICE_HOST and _PORT, and token, ca.crt, namespace in `folder`.
    [[nodiscard]] static Result<std::unique_ptr<Credentials>>
    in_cluster(const std::string& folder = "/var/run/secrets/kubernetes.io/serviceaccount");
    // `paths`: one file, or a list with colons as $KUBECONFIG has it: a context, cluster or user is taken
    // from the first file that has it; the first current-context wins.
    [[nodiscard]] static Result<std::unique_ptr<Credentials>>
    kubeconfig(const std::string& paths, const std::string& context, bool allow_plugins);

    Credentials(const Credentials&) = delete;
    Credentials& operator=(const Credentials&) = delete;
    virtual ~Credentials() = default;

    // As it is now: files are read again after 60 s (tokens of pods are rotated, certificates renewed), a
    // plugin is asked again when what it gave has expired. Keeps the last good one when a file cannot be read
    // just now.
    [[nodiscard]] Result<Access> access();
    // After a 401: what is known is not used again; at most once in 5 s, or a wrong token would run a plugin
    // for every request.
    void expire();

  protected:
    Credentials() = default;
    struct Fresh {
        Access access;
        std::chrono::steady_clock::time_point until; // then it is read again
        // Then it is worth nothing, also when there is no newer one.
        std::chrono::steady_clock::time_point end = std::chrono::steady_clock::time_point::max();
    };
    [[nodiscard]] virtual Result<Fresh> read() = 0;
    // What `read` keeps beside files is not to be used again.
    virtual void forget() {}

  private:
    std::mutex mutex_;
    std::optional<Fresh> known_;
    std::chrono::steady_clock::time_point expired_{};
};

} // namespace lpm::kube
