// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "doctor/parse.hpp"

#include "base/text.hpp"
#include "kube/yaml.hpp"
#include "json/json.hpp"

namespace lpm::doctor {

static constexpr std::string_view gate_name = "ContainerCheckpoint";

std::map<std::string, std::string> parse_os_release(std::string_view text) {
    constexpr std::size_t most = 100;
    std::map<std::string, std::string> values;
    while (!text.empty() && values.size() < most) {
        std::string_view value = trim(next_line(text));
        const std::string name(next_part(value, '='));
        if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
            value.back() == value.front())
            value = value.substr(1, value.size() - 2);
        if (!name.empty() && !name.starts_with('#'))
            values[name] = value;
    }
    return values;
}

std::optional<KubernetesVersion> parse_kubernetes_version(std::string_view text) {
    constexpr std::string_view begins = "Kubernetes v";
    if (!text.starts_with(begins))
        return std::nullopt;
    text.remove_prefix(begins.size());
    const auto major = to_number<unsigned>(next_part(text, '.'));
    const auto minor = to_number<unsigned>(text.substr(0, text.find_first_not_of("0123456789")));
    if (!major || !minor)
        return std::nullopt;
    return KubernetesVersion{*major, *minor};
}

static std::optional<bool> truth_of(std::string_view word) {
    return word == "true" ? std::optional(true) : word == "false" ? std::optional(false) : std::nullopt;
}

std::optional<bool> parse_gates(std::string_view flag) {
    std::optional<bool> gate;
    while (!flag.empty()) {
        std::string_view value = trim(next_part(flag, ','));
        if (trim(next_part(value, '=')) == gate_name)
            gate = truth_of(trim(value));
    }
    return gate;
}

Result<KubeletFile> parse_kubelet_file(std::string_view text) {
    TRY_ASSIGN(const kube::yaml::Item root, kube::yaml::parse(text));
    if (root.kind != kube::yaml::Item::Kind::map)
        return fail(Errc::invalid, "it is no map");
    KubeletFile file;
    if (const auto* gates = kube::yaml::find(root, "featureGates"))
        if (const auto* gate = kube::yaml::find(*gates, gate_name)) {
            file.gate = truth_of(gate->text);
            if (!file.gate)
                return fail(Errc::invalid, "ContainerCheckpoint is neither true nor false");
        }
    if (const auto* port = kube::yaml::find(root, "port")) {
        file.port = to_number<std::uint16_t>(port->text);
        if (!file.port)
            return fail(Errc::invalid, "port is no port");
    }
    if (const auto* address = kube::yaml::find(root, "address"))
        file.address = address->text;
    if (const auto* certificate = kube::yaml::find(root, "tlsCertFile"))
        file.certificate = certificate->text;
    return file;
}

Result<CriAnswer> parse_cri_answer(std::string_view text) {
    TRY_ASSIGN(const json::Value value, json::parse(text));
    CriAnswer answer;
    if (const auto why = json::text_or_empty(value, "version.unknown"); !why.empty()) {
        answer.not_asked = why;
        return answer;
    }
    answer.version = json::text_or_empty(value, "version.runtime");
    if (answer.version.empty())
        return fail(Errc::invalid, "lpm-sidecar --ask-cri does not say what it has asked");
    answer.version += " " + json::text_or_empty(value, "version.version");
    answer.checkpoint = json::text_or_empty(value, "checkpoint.answer");
    answer.unknown = json::text_or_empty(value, "checkpoint.unknown");
    if (const auto* handlers = json::find_path(value, "status.crio.handlers");
        handlers != nullptr && handlers->is_object())
        for (const auto& [name, handler] : handlers->items())
            if (const auto path = json::text_or_empty(handler, "runtime_path"); !path.empty())
                answer.handlers[name] = path;
    return answer;
}

Conmon parse_conmon(std::string_view cmdline) {
    Conmon conmon;
    (void)next_part(cmdline, '\0');
    while (!cmdline.empty()) {
        const std::string_view word = next_part(cmdline, '\0');
        if (word == "-r" || word == "--runtime")
            conmon.runtime = next_part(cmdline, '\0');
        else if (word == "-c" || word == "--cid")
            conmon.id = next_part(cmdline, '\0');
        else if (word == "--exit-command")
            conmon.of_podman = true;
    }
    return conmon;
}

} // namespace lpm::doctor
