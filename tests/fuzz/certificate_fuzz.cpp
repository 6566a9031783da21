// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/base64.hpp"
#include "kube/tls_chain.hpp"
#include "kube/tls_request.hpp"
#include "signer/judge.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace lpm;

static void check(bool holds) {
    if (!holds)
        std::abort();
}

static std::string pem_of(std::string_view kind, std::string_view der) {
    std::string pem = "-----BEGIN " + std::string(kind) + "-----\n";
    const std::string text = kube::base64(der);
    for (std::size_t at = 0; at < text.size(); at += 64)
        pem += text.substr(at, 64) + "\n";
    return pem + "-----END " + std::string(kind) + "-----\n";
}

// Whatever the judge lets pass asks for that one name, and for nothing else.
static void judge(const std::string& pem) {
    const controller::CertificateRequest request{.name = "r",
                                                 .signer = std::string(controller::sidecar_signer),
                                                 .user = "system:node:node1",
                                                 .groups = {"system:nodes"},
                                                 .usages = {"digital signature", "server auth"},
                                                 .seconds = {},
                                                 .pem = pem};
    if (const auto refusal = controller::judge_request(request)) {
        check(!refusal->reason.empty() && refusal->message.size() < 4096);
        return;
    }
    const auto facts = kube::read_request(pem);
    check(facts && facts->proven && facts->common_name == "lpm-sidecar" && facts->others.empty());
    check(facts->names == std::vector<kube::AlternativeName>{{"DNS", "node1"}});
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    judge(std::string(bytes));
    judge(pem_of("CERTIFICATE REQUEST", bytes));
    for (const auto& pem : {std::string(bytes), pem_of("CERTIFICATE", bytes)})
        if (const auto issued = kube::split_issued(pem))
            check(kube::validity_of(issued->chain).has_value() &&
                  (issued->others.empty() || kube::first_authority(issued->others)));
    return 0;
}
