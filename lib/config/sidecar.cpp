// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/sidecar.hpp"

#include <algorithm>

#include "config/strict.hpp"

namespace lpm::config {

namespace {

bool set_client(Sidecar& to, std::string_view name, const toml::node& node) {
    const auto* list = node.as_array();
    if (list == nullptr || name.empty() || name.size() > 64) // ub-common-name of RFC 5280
        return false;
    auto& may = to.clients[std::string(name)];
    return std::ranges::all_of(*list, [&](const toml::node& word) {
        const auto* text = word.as_string();
        const auto right = text == nullptr ? std::nullopt : find_value<Right>(text->get());
        if (right)
            may.push_back(*right);
        return right.has_value();
    });
}

constexpr std::string_view levels[] = {"debug", "info", "warn", "error"};
constexpr std::string_view formats[] = {"text", "json"};
constexpr Form address_or_nothing{
    [](std::string_view text) { return text.empty() || forms::address.fits(text); },
    R"(like "127.0.0.1:9442", "[::1]:9442" or, for all addresses, ":9442"; or nothing)"};

constexpr Key<Sidecar> keys[] = {
    {.table = "listen",
     .name = "tls",
     .means = "for clients of other machines, by mutual TLS; empty: there are none",
     .text = &Sidecar::tls,
     .form = address_or_nothing},
    {.table = "listen",
     .name = "metrics",
     .means = "where /metrics is, without TLS: keep it on loopback; empty: GetMetrics alone has the numbers",
     .text = &Sidecar::metrics,
     .form = address_or_nothing},

    {.table = "tls",
     .name = "certificate_file",
     .means = "what clients are shown; read again when it changes",
     .text = &Sidecar::certificate_file,
     .form = forms::path_or_nothing},
    {.table = "tls",
     .name = "key_file",
     .means = "its key",
     .text = &Sidecar::key_file,
     .form = forms::path_or_nothing},
    {.table = "tls",
     .name = "client_ca_file",
     .means = "whose certificates clients must show",
     .text = &Sidecar::client_ca_file,
     .form = forms::path_or_nothing},

    {.table = "clients",
     .name = "*",
     .means = "what a client may do, by the common name of its certificate; others may do nothing",
     .set = set_client,
     .expects =
         R"(for a name of 1 to 64 letters, a list of "info", "records", "preflight", "prepare", "archives", "delete", "fetch", "metrics")",
     .example = R"(lpm-controller = ["preflight", "prepare", "records", "archives", "delete"])"},

    {.table = "enroll",
     .name = "kubeconfig",
     .means = "with which a certificate is asked for; empty: as the kubelet that runs has it, else kubeadm's "
              "place",
     .text = &Sidecar::enroll_kubeconfig,
     .form = forms::path_or_nothing},
    {.table = "enroll",
     .name = "wait_seconds",
     .means = "how long a run waits for the certificate; the next one goes on",
     .number = &Sidecar::enroll_wait_seconds,
     .most = 600},

    {.table = "log",
     .name = "level",
     .means = "the least that is logged",
     .text = &Sidecar::log_level,
     .words = levels},
    {.table = "log",
     .name = "format",
     .means = "text or JSON objects, one a line",
     .flag = &Sidecar::log_json,
     .words = formats,
     .yes = "json"},
};
static_assert(are_whole<Sidecar>(keys));

// Who listens needs all three, or nobody could come, or anybody.
void judge_together(StrictReading<Sidecar>& reading, const toml::table& table) {
    const auto* tls = table["listen"]["tls"].node();
    if (tls == nullptr || table["listen"]["tls"].value_or(std::string_view()) == "")
        return;
    for (const char* key : {"certificate_file", "key_file", "client_ca_file"})
        if (table["tls"][key].value_or(std::string_view()) == "")
            reading.problem(tls->source(), "listen.tls", std::string("needs tls.") + key);
}

} // namespace

std::span<const Key<Sidecar>> sidecar_keys() {
    return keys;
}

Result<Sidecar> parse_sidecar(std::string_view text, const std::string& file) {
    return read_strictly(sidecar_keys(), text, file, judge_together);
}

} // namespace lpm::config
