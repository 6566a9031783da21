// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "answer.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"
#include "json/json.hpp"

namespace lpm::controller {

using Kind = Answer::Kind;

static constexpr std::size_t longest = 1000;                       // of a message
static constexpr std::size_t longest_body = std::size_t{64} << 10; // that is looked at
static constexpr std::string_view mark = "lpm refused checkpoint of ";

// Phrases of what comes in the kubelet's "checkpointing of NS/POD/CTR failed (...)", the first that fits
// counts.
struct Phrase {
    std::string_view phrase;
    Kind kind;
    std::string_view reason;
    std::string_view advice;
};
static constexpr Phrase phrases[] = {
    {"code = DeadlineExceeded", Kind::unknown, "OutcomeUnknown",
     "the engine may have finished after it: look for the archive on the node before another attempt"},
    {"code = Canceled", Kind::unknown, "OutcomeUnknown",
     "the engine may have finished after it: look for the archive on the node before another attempt"},
    {"Error while dialing", Kind::transient, "EngineUnreachable",
     "the kubelet does not reach its container engine: see that it runs (systemctl status crio)"},
    {"code = Unavailable", Kind::unknown, "OutcomeUnknown",
     "the kubelet lost its container engine: look at both on the node (journalctl -u crio -u kubelet)"},
    {"code = Unimplemented", Kind::refused, "EngineWithoutCheckpoint",
     "the node's container engine has no checkpoints: install CRI-O 1.25 or newer, or containerd 2.0 or "
     "newer"},
    {"checkpoint/restore support not available", Kind::refused, "CriuSupportDisabled",
     "set enable_criu_support = true in [crio.runtime] of a file in /etc/crio/crio.conf.d on the node, see "
     "that criu "
     "is on CRI-O's PATH, and restart CRI-O"},
    {"configured runtime does not support checkpoint/restore", Kind::refused, "RuntimeWithoutCriu",
     "the runtime that CRI-O calls is built without CRIU: install a runc that is built with it, let "
     "/etc/lpm/runtime lead to it (lpmctl runtime set), and runtime_path name /etc/lpm/bin/runc; "
     "lpmctl doctor says on the node which it is"},
    {"requires at least CRIU", Kind::refused, "CriuTooOld",
     "install CRIU 3.16 or newer (better 4.2) on the node"},
    {"CRIU binary not found or too old", Kind::refused, "CriuTooOld",
     "install CRIU 3.16 or newer (better 4.2) on the node"},
    {"cannot pause a paused container", Kind::transient, "ContainerPaused",
     "another checkpoint of it is under way, or one that was cut off has left it frozen: `runc resume` it on "
     "the node"},
    {"failed to pause container", Kind::transient, "PauseFailed", "ask CRI-O's log on the node"},
    // lpm's word for it, behind CRIU's (docs/failures.md).
    {"[ProcessEnded]", Kind::transient, "ProcessEnded", ""},
    // What runc or CRIU say may hold any of the words below.
    {"running \"", Kind::refused, "CheckpointFailed",
     "dump.log and the record are on the node: /var/lib/lpm/logs and /var/lib/lpm/records"},
    {" is not running", Kind::transient, "ContainerNotRunning", "checkpoint a container that runs"},
    {" not found)", Kind::transient, "ContainerNotRunning", "checkpoint a container that runs"},
    {"only containers in RUNNING", Kind::transient, "ContainerNotRunning",
     "checkpoint a container that runs"},
    {"state. only", Kind::transient, "ContainerNotRunning", "checkpoint a container that runs"},
    {"timeout value to be > 0", Kind::refused, "TimeoutInvalid", "set timeoutSeconds to 1 or more"},
};

bool is_id(std::string_view text) {
    return !text.empty() && text.size() <= 64 && text.front() >= 'A' && text.front() <= 'Z' &&
           std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
           });
}

// "lpm refused checkpoint of ID: MESSAGE [Check]" or "[Check, transient]": docs/failures.md. A message may
// hold brackets of its own, so it is the last pair that looks like a check's.
static std::optional<Answer> read_refusal(std::string_view body) {
    const auto begin = body.find(mark);
    if (begin == std::string_view::npos)
        return std::nullopt;
    std::string_view text = body.substr(begin + mark.size());
    if (const auto line = text.find_first_of("\n\r"); line != std::string_view::npos)
        text = text.substr(0, line);
    const auto colon = text.find(": ");
    if (colon == std::string_view::npos)
        return std::nullopt;
    text.remove_prefix(colon + 2);
    for (auto close = text.rfind(']'); close != std::string_view::npos && close > 0;
         close = text.rfind(']', close - 1)) {
        const auto open = text.rfind('[', close);
        if (open == std::string_view::npos)
            break;
        std::string_view id = text.substr(open + 1, close - open - 1);
        const auto comma = id.find(", ");
        const bool transient = comma != std::string_view::npos && id.substr(comma) == ", transient";
        if (transient)
            id = id.substr(0, comma);
        if (!is_id(id))
            continue;
        Answer answer;
        answer.kind = transient ? Kind::transient : Kind::refused;
        answer.reason = id;
        answer.message = one_line(trim(text.substr(0, open)), longest);
        answer.by_lpm = true;
        return answer;
    }
    return std::nullopt;
}

// Of a long one, the beginning says whose and the end says what.
static std::string shortened(std::string_view text) {
    text = trim(text);
    if (text.size() <= longest)
        return one_line(text, longest);
    return one_line(text.substr(0, longest / 4), longest) + " ... " +
           one_line(text.substr(text.size() - longest / 2), longest);
}

static Answer answer(Kind kind, std::string_view reason, std::string_view said,
                     std::string_view advice = {}) {
    Answer made;
    made.kind = kind;
    made.reason = reason;
    made.message = shortened(said);
    if (!advice.empty())
        made.message += "; " + std::string(advice);
    return made;
}

// What the kubelet's "checkpointing of NS/POD/CTR failed (...)" is about.
static Answer read_failure(std::string_view body) {
    if (auto refusal = read_refusal(body))
        return *std::move(refusal);
    for (const Phrase& one : phrases)
        if (body.contains(one.phrase))
            return answer(one.kind, one.reason, body, one.advice);
    return answer(Kind::refused, "CheckpointFailed", body,
                  "dump.log and the record are on the node: /var/lib/lpm/logs and /var/lib/lpm/records");
}

static Answer read_completed(std::string_view body) {
    const auto value = json::parse(body, {.bytes = longest_body, .depth = 8, .values = 64});
    const json::Value* items = value ? json::find(*value, "items") : nullptr;
    if (items != nullptr && items->is_array() && items->size() == 1 && items->front().is_string()) {
        const auto& path = items->front().get_ref<const std::string&>();
        if (path.starts_with('/') && path.size() <= 4096 && one_line(path, 4096) == path) {
            Answer made;
            made.kind = Kind::completed;
            made.archive = path;
            return made;
        }
    }
    return answer(Kind::unknown, "OutcomeUnknown",
                  "the kubelet says that it worked, but not where: " + std::string(body.substr(0, 200)),
                  "look for the archive on the node, in the kubelet's folder checkpoints");
}

static Answer read_kubelets_404(std::string_view body, const Asked& asked) {
    if (body.contains("pod does not exist"))
        return answer(Kind::transient, "PodNotOnNode",
                      "the kubelet of " + asked.node + " does not know the pod (yet)");
    if (body.contains("container") && body.contains("does not exist"))
        return answer(Kind::refused, "ContainerNotFound", body);
    if (body.contains("timeout parameter"))
        return answer(Kind::refused, "TimeoutInvalid", body);
    return answer(Kind::refused, "CheckpointApiDisabled",
                  "the kubelet of " + asked.node + " has no checkpoint API (" + std::string(trim(body)) + ")",
                  "set featureGates: {ContainerCheckpoint: true} in /var/lib/kubelet/config.yaml (on by "
                  "default from Kubernetes 1.30), leave "
                  "enableDebuggingHandlers on, and restart the kubelet");
}

static Answer read_kubelets_403(std::string_view body, const Asked& asked) {
    return answer(
        Kind::refused, "KubeletForbidden", "the kubelet of " + asked.node + ": " + std::string(trim(body)),
        asked.through_proxy
            ? "through the node proxy that user is the API server's own: bind it to a role that may create "
              "nodes/checkpoint (deploy/rbac-proxy.yaml)"
            : "bind that user to a role that may create nodes/checkpoint (deploy/rbac.yaml)");
}

// What an API server says itself, a Status object: the request did not come to the kubelet, or nobody knows.
static Answer read_status(long status, const std::string& message, const Asked& asked) {
    if (status == 401) // the next try has fresh credentials (Client::send)
        return answer(Kind::transient, "ApiServerUnauthorized",
                      "the API server does not know the controller: " + message);
    if (status == 403)
        return answer(
            Kind::refused, "ProxyForbidden", message,
            "let the controller create nodes/proxy (deploy/rbac-proxy.yaml), or use mode = \"direct\"");
    if (status == 404)
        return answer(Kind::refused, "NodeNotFound", message);
    if (status == 429)
        return answer(Kind::transient, "ApiServerBusy", message);
    if (status == 503 && message.contains("dial tcp")) // no connection, so nothing was sent
        return answer(Kind::transient, "KubeletUnreachable", message,
                      "see that the kubelet of " + asked.node + " runs");
    if (status >= 500 && message.contains("x509: ")) // nor here
        return answer(
            Kind::refused, "KubeletCertificateUntrusted",
            "the API server does not trust the certificate of the kubelet of " + asked.node + ": " + message,
            "let kubelets get certificates of the authority that its --kubelet-certificate-authority names "
            "(serverTLSBootstrap: true, and approve their requests)");
    if (status >= 500)
        return answer(
            Kind::unknown, "OutcomeUnknown", message,
            "the kubelet may have got the request: look for the archive on the node before another attempt");
    return answer(Kind::refused, "ApiServerRefused", message);
}

static Answer read_kubelets(long status, std::string_view body, const Asked& asked) {
    const std::string said = std::to_string(status) + ": " + std::string(trim(body));
    switch (status) {
    case 401:
        return answer(Kind::refused, "KubeletUnauthorized",
                      "the kubelet of " + asked.node + " does not know who asks: " + std::string(trim(body)),
                      "see that its authentication.webhook is on, or that its clientCAFile signs the "
                      "certificate that it is shown");
    case 403:
        return read_kubelets_403(body, asked);
    case 404:
        return read_kubelets_404(body, asked);
    case 429:
        return answer(Kind::transient, "KubeletBusy", said);
    case 500:
        if (body.contains("checkpointing of "))
            return read_failure(body);
        if (body.contains("Authorization error"))
            return answer(Kind::transient, "KubeletAuthorizationFailed", body,
                          "the kubelet could not ask the API server who may do this");
        break;
    default:
        break;
    }
    if (status >= 500 || status == 408)
        return answer(Kind::unknown, "OutcomeUnknown", said,
                      "something between here and the kubelet answered: look for the archive on the node "
                      "before another attempt");
    return answer(Kind::refused, "KubeletAnswerUnexpected", said);
}

Answer read_answer(long status, std::string_view body, const Asked& asked) {
    body = body.substr(0, longest_body);
    if (status >= 200 && status < 300)
        return read_completed(body);
    const auto value = json::parse(body, {.bytes = longest_body, .depth = 16, .values = 1000});
    if (!value || json::text_or_empty(*value, "kind") != "Status")
        return read_kubelets(status, body, asked);
    const std::string message = json::text_or_empty(*value, "message");
    // Kubelets have no such objects of their own, so without an API server between it counts for what it
    // says.
    return asked.through_proxy ? read_status(status, message, asked) : read_kubelets(status, message, asked);
}

Answer no_answer(const Error& error, const Asked& asked) {
    switch (error.code) {
    case Errc::denied:
        return answer(
            Kind::refused, "KubeletCertificateUntrusted",
            "the certificate of the kubelet of " + asked.node + " is not trusted: " + error.text,
            "let kubelets get certificates of the cluster's authority (serverTLSBootstrap: true, and approve "
            "their requests), or name their authority (ca_file) or its key ([kubelet.pins]) in "
            "controller.toml, or set mode = \"proxy\"");
    case Errc::unavailable:
        return answer(Kind::transient, "KubeletUnreachable",
                      "the kubelet of " + asked.node + " is not reached: " + error.text);
    default:
        return answer(
            Kind::unknown, "OutcomeUnknown",
            "no whole answer from the kubelet of " + asked.node + ": " + error.text,
            "it may have finished all the same: look for the archive on the node before another attempt");
    }
}

} // namespace lpm::controller
