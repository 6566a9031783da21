// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "ask_kubelet.hpp"

#include <cstdlib>
#include <unistd.h>

#include "base/format.hpp"
#include "base/paths.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "doctor/gather.hpp"
#include "json/json.hpp"

namespace lpm::cli {

static constexpr std::size_t longest_verdict = std::size_t{1} << 20;
static constexpr const char* other_ways = "--kubeconfig names one whose user may create nodes/checkpoint; "
                                          "without any, --runtime DIR asks the runtime itself, "
                                          "and kubectl lpm checkpoint the controller";

Result<std::string> find_kubeconfig() {
    const char* named = std::getenv("KUBECONFIG"); // NOLINT(concurrency-mt-unsafe)
    if (named != nullptr && *named != '\0')
        return std::string(named);
    std::string usual = "/etc/kubernetes/admin.conf";
    if (::access(usual.c_str(), R_OK) == 0)
        return usual;
    return fail(Errc::absent,
                "the kubelet wants to know who asks, and this node has no " + usual + ": " + other_ways);
}

// On this node, as it would be reached by itself.
static std::string url_of(const doctor::KubeletState& kubelet, const KubeletCall& call) {
    const bool everywhere =
        kubelet.address.empty() || kubelet.address == "0.0.0.0" || kubelet.address == "::";
    const std::string host = everywhere                      ? "127.0.0.1"
                             : kubelet.address.contains(':') ? "[" + kubelet.address + "]"
                                                             : kubelet.address;
    return lpm::format("https://{}:{}/checkpoint/{}/{}/{}?timeout={}", host, kubelet.port, call.name_space,
                       call.pod, call.container, call.timeout.count());
}

static Result<std::string> read_answer(const json::Value& answer) {
    const auto status = json::integer(answer, "status").value_or(0);
    const std::string body = json::text_or_empty(answer, "body");
    constexpr std::int64_t fine = 200;
    if (status == fine) {
        const auto told = json::parse(body);
        const auto* items = told ? json::find(*told, "items") : nullptr;
        if (items == nullptr || !items->is_array() || items->empty() || !items->front().is_string())
            return fail(Errc::io, "the kubelet does not say where the archive is: " + one_line(body));
        return items->front().get<std::string>();
    }
    const std::string said = lpm::format("the kubelet answers {}: {}", status, one_line(body, 4000));
    constexpr std::int64_t unknown = 401;
    constexpr std::int64_t denied = 403;
    constexpr std::int64_t absent = 404;
    if (status == unknown || status == denied)
        return fail(Errc::unavailable, said + ": " + other_ways);
    if (status == absent && body.contains("Page Not Found"))
        return fail(Errc::unavailable, said + ": lpmctl doctor says of its feature gate (KubeletGate)");
    return fail(Errc::unavailable, said);
}

Result<doctor::KubeletState> find_kubelet() {
    auto kubelet = doctor::gather_kubelet();
    if (!kubelet.runs)
        return fail(Errc::unavailable,
                    std::string("no kubelet runs on this node: --runtime DIR asks the runtime itself"));
    return kubelet;
}

Result<std::string> checkpoint_by_kubelet(const doctor::KubeletState& kubelet, const KubeletCall& call) {
    constexpr std::chrono::seconds least(
        120); // the kubelet raises a shorter time to its runtimeRequestTimeout
    constexpr std::chrono::seconds more(60);
    const auto patience = std::max(call.timeout, least) + more;
    const json::Value request{{"url", url_of(kubelet, call)},
                              {"certificates", kubelet.certificates},
                              {"kubeconfig", call.kubeconfig},
                              {"seconds", patience.count()}};
    TRY_ASSIGN(const Output output, lpm::run({.argv = {paths::ask_kubelet_program},
                                              .timeout = patience + more,
                                              .limit = longest_verdict,
                                              .input = json::write(request)}));
    if (output.late)
        return fail(Errc::io, "the kubelet has not answered in time: nobody knows what became of it");
    const auto answer = json::parse(output.text);
    if (!answer || !answer->is_object())
        return fail(Errc::unavailable, lpm::format("lpm-ask-kubelet ended with status {}: {}", output.status,
                                                   one_line(output.text, 1000)));
    if (const auto error = json::text_or_empty(*answer, "error"); !error.empty())
        return fail(json::is_true(*answer, "sent") ? Errc::io : Errc::unavailable, one_line(error, 1000));
    return read_answer(*answer);
}

} // namespace lpm::cli
