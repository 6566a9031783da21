// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Texts of other programs that lpmctl doctor reads, and the kubelet's file that node enable --kubelet
// changes.
#include "doctor/parse.hpp"
#include "kubelet_gate.hpp"

#include <cstdint>
#include <cstdlib>

using namespace lpm;

static void expect(bool holds) {
    if (!holds)
        std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    expect(doctor::parse_os_release(text).size() <= 100);
    (void)doctor::parse_kubernetes_version(text);
    (void)doctor::parse_gates(text);
    if (const auto file = doctor::parse_kubelet_file(text); file && file->port)
        expect(*file->port <= 65535);
    if (const auto set = cli::set_gate(std::string(text)); set) // once it is on there is nothing left to do
        expect(cli::set_gate(*set) == *set && doctor::parse_kubelet_file(*set)->gate == true);
    if (const auto answer = doctor::parse_cri_answer(text))
        expect(!answer->not_asked.empty() || !answer->version.empty());
    expect(doctor::parse_conmon(text).runtime.size() <= size);
    return 0;
}
