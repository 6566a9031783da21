// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/kubeconfig.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/text.hpp"
#include "kube/base64.hpp"
#include "kube/section.hpp"

namespace lpm::kube {

static bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_visible(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_pem(std::string_view text) {
    return text.contains("-----BEGIN ");
}

bool is_host(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return is_alphanumeric(c) || std::string_view(".-_:").contains(c);
    });
}

bool is_namespace(std::string_view text) {
    return !text.empty() && text.size() <= 63 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

// Why `authority` is none: HOST, HOST:PORT or [ADDRESS]:PORT.
static std::string_view unfit_authority(std::string_view authority) {
    std::string_view rest = authority;
    if (rest.starts_with('[')) {
        rest.remove_prefix(1);
        if (!rest.contains(']') || !is_host(next_part(rest, ']')))
            return "has no address in its brackets: write https://[ADDRESS]:PORT";
        if (rest.empty())
            return {};
        if (!rest.starts_with(':'))
            return "goes on after its brackets without a colon: write https://[ADDRESS]:PORT";
        rest.remove_prefix(1);
    } else {
        if (!is_host(next_part(rest, ':')))
            return "names no host: write https://HOST:PORT";
        if (rest.contains(':'))
            return "has more than one colon: an IPv6 address stands in brackets, https://[ADDRESS]:PORT";
        if (!authority.contains(':'))
            return {};
    }
    return to_number<std::uint16_t>(rest).value_or(0) == 0
               ? "has no port after its colon: write a number, 1 to 65535"
               : std::string_view();
}

static std::string_view unfit_server(std::string_view url) {
    constexpr std::string_view scheme = "https://";
    if (url.empty())
        return "is missing: write https://HOST:PORT";
    if (!url.starts_with(scheme))
        return "is refused: only https:// keeps credentials from being read on the way; write "
               "https://HOST:PORT";
    if (!is_visible(url) || url.find_first_of("?#@\\") != std::string_view::npos)
        return "has a blank, ?, #, @ or \\ in it: write https://HOST:PORT, and credentials under users";
    url.remove_prefix(scheme.size());
    return unfit_authority(url.substr(0, url.find('/')));
}

static Result<> take_server(const Section& cluster, Kubeconfig& to) {
    TRY_ASSIGN(to.server, cluster.text("server"));
    if (const auto why = unfit_server(to.server); !why.empty())
        return cluster.wrong("server", why);
    while (to.server.ends_with('/'))
        to.server.pop_back();
    TRY_ASSIGN(to.server_name, cluster.text("tls-server-name"));
    if (!to.server_name.empty() && !is_host(to.server_name))
        return cluster.wrong("tls-server-name",
                             "is no name of a host: write what the server's certificate has");
    TRY_ASSIGN(to.proxy, cluster.text("proxy-url"));
    constexpr std::array<std::string_view, 3> schemes{"http://", "https://", "socks5://"};
    const bool known =
        std::ranges::any_of(schemes, [&](auto scheme) { return to.proxy.starts_with(scheme); });
    if (!to.proxy.empty() && (!known || !is_visible(to.proxy)))
        return cluster.wrong("proxy-url", "is none: write http://, https:// or socks5:// and HOST:PORT");
    return {};
}

static Result<> take_cluster(const Section& cluster, Kubeconfig& to) {
    TRY(take_server(cluster, to));
    TRY_ASSIGN(const std::string insecure, cluster.text("insecure-skip-tls-verify"));
    // All that YAML 1.1 calls false; whatever else it may be, kubectl could take it for true.
    constexpr std::array<std::string_view, 10> no{"",   "false", "False", "FALSE", "no",
                                                  "No", "NO",    "off",   "Off",   "OFF"};
    if (!std::ranges::contains(no, insecure))
        return cluster.wrong(
            "insecure-skip-tls-verify",
            "is refused: whoever answers in the server's place would get the credentials; remove "
            "it and give the server's authority as certificate-authority-data");
    TRY_ASSIGN(to.ca, cluster.pem("certificate-authority-data"));
    if (to.ca.empty()) {
        TRY_ASSIGN(to.ca_file, cluster.path("certificate-authority"));
    }
    return {};
}

static Result<> take_certificate(const Section& user, Kubeconfig& to) {
    TRY_ASSIGN(to.certificate, user.pem("client-certificate-data"));
    if (to.certificate.empty()) {
        TRY_ASSIGN(to.certificate_file, user.path("client-certificate"));
    }
    TRY_ASSIGN(to.key, user.pem("client-key-data"));
    if (to.key.empty()) {
        TRY_ASSIGN(to.key_file, user.path("client-key"));
    }
    const bool certificate = !to.certificate.empty() || !to.certificate_file.empty();
    const bool key = !to.key.empty() || !to.key_file.empty();
    if (certificate && !key)
        return user.wrong("client-certificate", "has no key: add client-key or client-key-data");
    if (key && !certificate)
        return user.wrong("client-key",
                          "has no certificate: add client-certificate or client-certificate-data");
    return {};
}

static Result<> take_token(const Section& user, Kubeconfig& to) {
    TRY_ASSIGN(to.token, user.text("token"));
    if (!to.token.empty() && !is_visible(to.token))
        return user.wrong("token", "has a blank or a line end in it: write it in one line");
    TRY_ASSIGN(to.token_file, user.path("tokenFile"));
    TRY_ASSIGN(const std::string name, user.text("username"));
    TRY_ASSIGN(const std::string password, user.text("password"));
    if (name.empty() && password.empty())
        return {};
    if (name.empty() || name.contains(':'))
        return user.wrong("username", "is empty or has a colon in it, which would end it: write another");
    if (!to.token.empty() || !to.token_file.empty())
        return user.wrong("username",
                          "is there beside a token, and one request can show only one: remove either");
    to.user = name + ":" + password;
    return {};
}

static Result<std::vector<std::string>> environment_of(const Section& exec) {
    std::vector<std::string> environment;
    TRY_ASSIGN(const auto entries, exec.sections("env"));
    for (const auto& entry : entries) {
        TRY_ASSIGN(const std::string name, entry.text("name"));
        TRY_ASSIGN(const std::string value, entry.text("value"));
        if (name.empty() || name.contains('='))
            return exec.wrong("env", "has a variable without a name, or with = in it: write name and value");
        environment.push_back(std::string(name).append("=").append(value));
    }
    return environment;
}

static Result<Plugin> plugin_of(const Section& exec) {
    Plugin plugin;
    TRY_ASSIGN(plugin.command, exec.text("command"));
    if (plugin.command.empty())
        return exec.wrong("command", "is missing: write the program that gives the credentials");
    if (plugin.command.contains('/')) {
        TRY_ASSIGN(plugin.command, exec.path("command"));
    }
    TRY_ASSIGN(plugin.version, exec.text("apiVersion"));
    constexpr std::array<std::string_view, 2> known{"client.authentication.k8s.io/v1",
                                                    "client.authentication.k8s.io/v1beta1"};
    if (!std::ranges::contains(known, plugin.version))
        return exec.wrong("apiVersion",
                          "is not client.authentication.k8s.io/v1 or /v1beta1: write the one that the "
                          "plugin speaks, or update it");
    TRY_ASSIGN(const std::string mode, exec.text("interactiveMode"));
    if (mode == "Always")
        return exec.wrong("interactiveMode",
                          "is Always, but lpm has nobody to ask: use a plugin that asks nobody");
    TRY_ASSIGN(plugin.args, exec.texts("args"));
    TRY_ASSIGN(plugin.environment, environment_of(exec));
    TRY_ASSIGN(plugin.hint, exec.text("installHint"));
    TRY_ASSIGN(const std::string info, exec.text("provideClusterInfo"));
    plugin.cluster_info = info == "true";
    return plugin;
}

static Result<> take_user(const Section& user, Kubeconfig& to) {
    constexpr std::array<std::string_view, 4> impersonation{"as", "as-uid", "as-groups", "as-user-extra"};
    for (const auto key : impersonation)
        if (user.has(key))
            return user.wrong(key,
                              "is refused: lpm acts as nobody else; give this user the rights that it needs");
    if (user.has("auth-provider"))
        return user.wrong("auth-provider",
                          "is refused: Kubernetes 1.26 gave it up; use exec, tokenFile or a client "
                          "certificate");
    TRY(take_certificate(user, to));
    TRY(take_token(user, to));
    if (user.has("exec")) {
        TRY_ASSIGN(const Section exec, user.section("exec"));
        TRY_ASSIGN(to.plugin, plugin_of(exec));
    }
    return {};
}

Result<Kubeconfig> merge_kubeconfigs(std::span<const KubeconfigFile> files, std::string_view context) {
    TRY_ASSIGN(const Documents documents, Documents::parse(files));
    std::string name(context);
    if (name.empty()) {
        TRY_ASSIGN(name, documents.current_context());
    }
    TRY_ASSIGN(const Section chosen, documents.find("context", name));
    Kubeconfig config;
    TRY_ASSIGN(config.space, chosen.text("namespace"));
    if (!config.space.empty() && !is_namespace(config.space))
        return chosen.wrong("namespace",
                            "is no name of a namespace: small letters, digits and -, 63 at most");
    TRY_ASSIGN(const std::string cluster_name, chosen.text("cluster"));
    TRY_ASSIGN(const std::string user_name, chosen.text("user"));
    if (cluster_name.empty() || user_name.empty())
        return chosen.wrong(cluster_name.empty() ? "cluster" : "user", "is missing: a context names one");
    TRY_ASSIGN(const Section cluster, documents.find("cluster", cluster_name));
    TRY(take_cluster(cluster, config));
    TRY_ASSIGN(const Section user, documents.find("user", user_name));
    TRY(take_user(user, config));
    return config;
}

Result<Kubeconfig> parse_kubeconfig(std::string_view text, const std::string& folder,
                                    std::string_view context) {
    const KubeconfigFile file{std::string(text), folder, {}};
    return merge_kubeconfigs({&file, 1}, context);
}

} // namespace lpm::kube
