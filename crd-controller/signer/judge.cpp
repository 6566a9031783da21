// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "signer/judge.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "kube/tls_request.hpp"

namespace lpm::controller {

static std::optional<Refusal> judge_asker(const CertificateRequest& request) {
    if (request.node().empty())
        return Refusal{"NotANode",
                       "only a node may ask, as system:node:NAME of the group system:nodes; this is of " +
                           one_line(request.user, 100)};
    std::vector<std::string> usages = request.usages;
    std::ranges::sort(usages);
    if (usages == std::vector<std::string>{"digital signature", "server auth"})
        return std::nullopt;
    std::string said;
    for (const std::string& usage : usages)
        said += (said.empty() ? "" : ", ") + one_line(usage, 40);
    return Refusal{"UsagesNotAllowed",
                   "usages must be digital signature and server auth, and no other; these are: " +
                       one_line(said)};
}

static std::optional<Refusal> judge_key(const kube::RequestFacts& facts) {
    constexpr int least_bits = 2048;
    const bool curve = facts.key == "P-256" || facts.key == "P-384";
    const bool rsa = facts.key == "RSA" && facts.bits >= least_bits && facts.bits <= kube::longest_key;
    if (!curve && !rsa)
        return Refusal{"KeyNotAllowed",
                       "the key must be EC P-256 or P-384, or RSA of 2048 to 8192 bits; this one is " +
                           one_line(facts.key, 40) + " of " + std::to_string(facts.bits)};
    if (!facts.proven)
        return Refusal{"NotSignedByItsKey", "the request's signature is not that of its key"};
    return std::nullopt;
}

static std::string listed(const std::vector<kube::AlternativeName>& names) {
    std::string text;
    for (const auto& [kind, value] : names)
        text += (text.empty() ? "" : ", ") + kind + (value.empty() ? "" : ":" + one_line(value, 80));
    return text.empty() ? "none" : one_line(text);
}

static std::optional<Refusal> judge_content(const kube::RequestFacts& facts, const std::string& node) {
    if (facts.common_name != sidecar_subject)
        return Refusal{"SubjectNotAllowed", "the subject must be CN=" + std::string(sidecar_subject) +
                                                "; this is " + facts.subject};
    if (facts.names != std::vector<kube::AlternativeName>{{"DNS", node}})
        return Refusal{"NamesNotAllowed",
                       "the alternative names must be DNS:" + node +
                           ", the node that asks, and no other; these are: " + listed(facts.names)};
    if (!facts.others.empty())
        return Refusal{"ExtensionsNotAllowed",
                       "it may ask for no extension but the alternative names; this asks for " +
                           one_line(facts.others.front(), 80)};
    return std::nullopt;
}

std::optional<Refusal> judge_request(const CertificateRequest& request) {
    if (auto refusal = judge_asker(request))
        return refusal;
    const auto facts = kube::read_request(request.pem);
    if (!facts)
        return Refusal{"Unreadable", facts.error().text};
    if (auto refusal = judge_key(*facts))
        return refusal;
    return judge_content(*facts, request.node());
}

} // namespace lpm::controller
