// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/plugin.hpp"

#include <unistd.h>
#include <utility>
#include <vector>

#include "base/process.hpp"
#include "base/text.hpp"
#include "kube/base64.hpp"
#include "kube/kubeconfig.hpp"
#include "json/json.hpp"

namespace lpm::kube {

using namespace std::chrono_literals;

static constexpr std::size_t longest_output = std::size_t{256} << 10;

// The JSON object that `text` begins with: up to the bracket that closes its first.
static std::string_view object_at(std::string_view text) {
    std::size_t depth = 0;
    bool quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (quoted && c == '\\')
            ++at;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == '{')
            ++depth;
        else if (!quoted && c == '}' && --depth == 0)
            return text.substr(0, at + 1);
    }
    return {};
}

// base/process.hpp gives standard error with standard output, and plugins warn there, some in JSON.
static std::optional<json::Value> find_credential(std::string_view output) {
    constexpr int most = 100; // objects looked at
    for (int looks = 0; looks < most && !output.empty(); ++looks) {
        while (!output.empty() && !trim(output.substr(0, output.find('\n'))).starts_with('{'))
            (void)next_line(output);
        output.remove_prefix(std::min(output.find('{'), output.size()));
        const auto object = object_at(output);
        if (auto value = json::parse(object);
            value && json::text_or_empty(*value, "kind") == "ExecCredential")
            return std::move(*value);
        output.remove_prefix(object.size());
        if (object.empty())
            (void)next_line(output);
    }
    return std::nullopt;
}

static Result<> check(const Credential& credential) {
    if (credential.token.empty() && credential.certificate.empty())
        return fail(Errc::invalid,
                    "its ExecCredential has neither status.token nor status.clientCertificateData");
    if (!credential.token.empty() && !is_visible(credential.token))
        return fail(Errc::invalid, "its status.token has a blank or a line end in it");
    if (credential.certificate.empty() != credential.key.empty())
        return fail(Errc::invalid, "of status.clientCertificateData and clientKeyData it gave only one");
    if (!credential.certificate.empty() && (!is_pem(credential.certificate) || !is_pem(credential.key)))
        return fail(Errc::invalid, "its status.clientCertificateData or clientKeyData is no PEM");
    return {};
}

Result<Credential> parse_exec_credential(std::string_view output, std::string_view version) {
    const auto found = find_credential(output);
    if (!found)
        return fail(Errc::invalid, "it printed no ExecCredential in JSON");
    if (json::text_or_empty(*found, "apiVersion") != version)
        return fail(Errc::invalid,
                    "its ExecCredential is not of " + std::string(version) +
                        ", which it was asked for: make exec.apiVersion the one that it speaks");
    Credential credential{
        .token = json::text_or_empty(*found, "status.token"),
        .certificate = json::text_or_empty(*found, "status.clientCertificateData"),
        .key = json::text_or_empty(*found, "status.clientKeyData"),
        .expires = std::nullopt,
    };
    TRY(check(credential));
    const json::Value* expires = json::find_path(*found, "status.expirationTimestamp");
    if (expires == nullptr || expires->is_null())
        return credential;
    const auto end = parse_rfc3339(json::text_or_empty(*found, "status.expirationTimestamp"));
    if (!end)
        return fail(Errc::invalid, "its status.expirationTimestamp is no time of RFC 3339");
    credential.expires = std::chrono::sys_seconds(std::chrono::seconds(end->tv_sec));
    return credential;
}

static std::string exec_info(const Plugin& plugin, const Access& cluster) {
    json::Value spec{{"interactive", false}};
    if (plugin.cluster_info) {
        json::Value told{{"server", cluster.server}};
        if (!cluster.tls.server_name.empty())
            told["tls-server-name"] = cluster.tls.server_name;
        if (!cluster.tls.ca.empty())
            told["certificate-authority-data"] = base64(cluster.tls.ca);
        if (!cluster.proxy.empty())
            told["proxy-url"] = cluster.proxy;
        spec["cluster"] = std::move(told);
    }
    return json::write(
        {{"apiVersion", plugin.version}, {"kind", "ExecCredential"}, {"spec", std::move(spec)}});
}

// Ours, with what the plugin is to have in place of what we have of the same name.
static std::vector<std::string> environment_of(const Plugin& plugin, const Access& cluster) {
    std::vector<std::string> environment;
    const auto set = [&](const std::string& variable) {
        const auto name = variable.substr(0, variable.find('=') + 1);
        std::erase_if(environment, [&](const auto& other) { return other.starts_with(name); });
        environment.push_back(variable);
    };
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
        environment.emplace_back(*variable);
    for (const auto& variable : plugin.environment)
        set(variable);
    set("KUBERNETES_EXEC_INFO=" + exec_info(plugin, cluster));
    return environment;
}

Result<Credential> ask(const Plugin& plugin, const Access& cluster) {
    const std::string title = "exec plugin " + one_line(plugin.command, 100);
    const std::string by_hand = ": run it by hand, as the user that lpm is here, to see why";
    Job job{.argv = {plugin.command}, .timeout = 60s, .limit = longest_output};
    job.argv.insert(job.argv.end(), plugin.args.begin(), plugin.args.end());
    job.environment = environment_of(plugin, cluster);
    auto output = run(job);
    if (!output && output.error().code == Errc::absent)
        return fail(Errc::absent, title + " is not there: " +
                                      (plugin.hint.empty() ? "install it, or write its whole path"
                                                           : one_line(plugin.hint)));
    if (!output)
        return std::unexpected(std::move(output).error().in(title));
    if (output->late)
        return fail(Errc::unavailable, title + " did not end in a minute" + by_hand);
    // What it has printed is not told: a credential may be in it.
    if (output->status != 0)
        return fail(Errc::unavailable,
                    title + " ended with status " + std::to_string(output->status) + by_hand);
    auto credential = parse_exec_credential(output->text, plugin.version);
    if (!credential)
        return std::unexpected(std::move(credential).error().in(title));
    return credential;
}

} // namespace lpm::kube
