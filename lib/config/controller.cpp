// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/controller.hpp"

#include <algorithm>

#include "config/strict.hpp"

namespace lpm::config {

namespace {

constexpr std::size_t most_pins = 16; // of a node

// An empty list is refused: it could be meant as "any key" and as "no key".
bool set_pins(Controller& to, std::string_view node_name, const toml::node& node) {
    const auto* list = node.as_array();
    if (list == nullptr || list->empty() || list->size() > most_pins || !is_subdomain(node_name))
        return false;
    auto& pins = to.pins[std::string(node_name)];
    return std::ranges::all_of(*list, [&](const toml::node& pin) {
        const auto* text = pin.as_string();
        if (text != nullptr)
            pins.push_back(text->get());
        return text != nullptr && is_pin(text->get());
    });
}

constexpr Form paths{is_line, "a path in ASCII, or several with ':' between them"};
constexpr std::string_view phases[] = {"Completed", "Succeeded"};
constexpr std::string_view modes[] = {"direct", "proxy"};
constexpr std::string_view levels[] = {"debug", "info", "warn", "error"};
constexpr std::string_view formats[] = {"text", "json"};

constexpr Key<Controller> keys[] = {
    {.table = "api",
     .name = "kubeconfig",
     .means = "where the API server is; empty: as $KUBECONFIG says, else that of the cluster we run in",
     .text = &Controller::kubeconfig,
     .form = paths},
    {.table = "api",
     .name = "context",
     .means = "of the kubeconfig; empty: its current one",
     .text = &Controller::context,
     .form = forms::line},
    {.table = "api",
     .name = "allow_exec",
     .means = "programs that a kubeconfig names for credentials may be run",
     .flag = &Controller::allow_exec},
    {.table = "api",
     .name = "environment_proxy",
     .means = "HTTPS_PROXY and NO_PROXY count; else the kubeconfig's proxy-url only",
     .flag = &Controller::environment_proxy},

    {.table = "controller",
     .name = "namespace",
     .means = "of the Lease and of the service account; empty: the pod's own, else lpm-system",
     .text = &Controller::name_space,
     .form = forms::namespace_or_nothing},
    {.table = "controller",
     .name = "lease",
     .means = "the Lease that one controller of several holds",
     .text = &Controller::lease,
     .form = forms::object_name},
    {.table = "controller",
     .name = "success_phase",
     .means = "the phase of an object whose checkpoint was made",
     .text = &Controller::success_phase,
     .words = phases},
    {.table = "controller",
     .name = "workers",
     .means = "objects that are looked at at the same time",
     .number = &Controller::workers,
     .most = 64},
    {.table = "controller",
     .name = "per_node",
     .means = "checkpoints under way on one node",
     .number = &Controller::per_node,
     .most = 64},
    {.table = "controller",
     .name = "in_all",
     .means = "checkpoints under way",
     .number = &Controller::in_all,
     .most = 1024},
    {.table = "controller",
     .name = "keep_per_container",
     .means = "finished objects of a container that stay when there are newer ones; 0: all",
     .number = &Controller::keep_per_container,
     .least = 0,
     .most = 10'000},

    {.table = "kubelet",
     .name = "mode",
     .means = "kubelets are asked directly, or through the API server's node proxy",
     .flag = &Controller::through_proxy,
     .words = modes,
     .yes = "proxy"},
    {.table = "kubelet",
     .name = "ca_file",
     .means = "who signs the kubelets' certificates; empty: the API server's CA",
     .text = &Controller::ca_file,
     .form = forms::path_or_nothing},
    {.table = "kubelet",
     .name = "token_file",
     .means = "a token that kubelets are shown instead of one of service_account",
     .text = &Controller::token_file,
     .form = forms::path_or_nothing},
    {.table = "kubelet",
     .name = "certificate_file",
     .means = "a certificate that kubelets are shown instead of a token",
     .text = &Controller::certificate_file,
     .form = forms::path_or_nothing},
    {.table = "kubelet",
     .name = "key_file",
     .means = "its private key",
     .text = &Controller::key_file,
     .form = forms::path_or_nothing},
    {.table = "kubelet",
     .name = "service_account",
     .means = "whose token kubelets are shown; the API server is asked for it",
     .text = &Controller::service_account,
     .form = forms::object_name},

    {.table = "signer",
     .name = "enabled",
     .means = "nodes get certificates for their sidecars; the authorities are in a Secret that it makes",
     .flag = &Controller::signer},
    {.table = "signer",
     .name = "hours",
     .means = "how long a certificate is good for; nodes renew it at two thirds of that",
     .number = &Controller::certificate_hours,
     .most = 8760},

    {.table = "sidecar",
     .name = "enabled",
     .means = "lpm-sidecar of the pod's node is asked; by a certificate of the signer's, or by these files",
     .flag = &Controller::ask_sidecar},
    {.table = "sidecar",
     .name = "port",
     .means = "where it listens on the node's InternalIP",
     .number = &Controller::sidecar_port,
     .most = 65535},
    {.table = "sidecar",
     .name = "ca_file",
     .means = "who signs the sidecars' certificates, which must have the node's name",
     .text = &Controller::sidecar_ca_file,
     .form = forms::path_or_nothing},
    {.table = "sidecar",
     .name = "certificate_file",
     .means = "what sidecars are shown; read again when it changes",
     .text = &Controller::sidecar_certificate_file,
     .form = forms::path_or_nothing},
    {.table = "sidecar",
     .name = "key_file",
     .means = "its private key",
     .text = &Controller::sidecar_key_file,
     .form = forms::path_or_nothing},
    {.table = "sidecar",
     .name = "verify_seconds",
     .means = "how long a node may read a new archive for its digest and a look at its images; 0: not at all",
     .number = &Controller::verify_seconds,
     .least = 0,
     .most = 3600},

    {.table = "log",
     .name = "level",
     .means = "the least that is logged",
     .text = &Controller::log_level,
     .words = levels},
    {.table = "log",
     .name = "format",
     .means = "lines of key=value, or JSON objects",
     .flag = &Controller::log_json,
     .words = formats,
     .yes = "json"},

    {.table = "listen",
     .name = "health",
     .means = "where /healthz and /readyz are",
     .text = &Controller::health,
     .form = forms::address},
    {.table = "listen",
     .name = "metrics",
     .means = "where /metrics is; may be the same",
     .text = &Controller::metrics,
     .form = forms::address},

    {.table = "kubelet.pins",
     .name = "*",
     .means = "the public keys, one of which a node's kubelet must have; it needs no CA then",
     .set = set_pins,
     .expects = R"(for the name of a node, a list of 1 to 16 texts "sha256//" and 44 characters of base64)",
     .example = R"("node-1" = ["sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="])"},
};
static_assert(are_whole<Controller>(keys));

// What no key can tell alone.
void judge_together(StrictReading<Controller>& reading, const toml::table& table) {
    const auto kubelet = table["kubelet"];
    const auto has = [&](std::string_view key) {
        return kubelet[key].node() != nullptr && kubelet[key].value_or(std::string_view("?")) != "";
    };
    const auto if_both = [&](std::string_view key, bool other, std::string_view what) {
        if (has(key) && other)
            reading.problem(kubelet[key].node()->source(), "kubelet." + std::string(key), what);
    };
    if_both("certificate_file", !has("key_file"), "needs kubelet.key_file");
    if_both("key_file", !has("certificate_file"), "needs kubelet.certificate_file");
    if_both("token_file", has("certificate_file"), "excludes kubelet.certificate_file");
    const auto sidecar = table["sidecar"];
    if (!sidecar["enabled"].value_or(false))
        return;
    constexpr const char* files[] = {"ca_file", "certificate_file", "key_file"};
    const auto missing = [&](const char* key) { return sidecar[key].value_or(std::string_view()) == ""; };
    // Who signs the sidecars' certificates signs its own.
    if (table["signer"]["enabled"].value_or(false) && std::ranges::all_of(files, missing))
        return;
    for (const char* key : files)
        if (missing(key))
            reading.problem(sidecar["enabled"].node()->source(), "sidecar.enabled",
                            std::string("needs sidecar.") + key +
                                ", or signer.enabled and none of its files");
}

} // namespace

std::span<const Key<Controller>> controller_keys() {
    return keys;
}

Result<Controller> parse_controller(std::string_view text, const std::string& file) {
    return read_strictly(controller_keys(), text, file, judge_together);
}

} // namespace lpm::config
