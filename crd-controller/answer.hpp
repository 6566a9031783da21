// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

// What became of one request to a kubelet. Everything that a kubelet, an engine or an API server says is read
// here.
namespace lpm::controller {

struct Answer {
    enum class Kind {
        completed, // `archive` is there
        refused,   // by lpm or by somebody before it, and another try would hear the same
        transient, // nothing was done, and a moment may cure it
        checked,   // beforehand, and nothing more was wanted
        unknown,   // it may have been done: not to be asked a second time
    };
    Kind kind = Kind::unknown;
    std::string reason{};  // CamelCase, for status.reason and conditions: the id of lpm's check, or ours
    std::string message{}; // one line: what, why and what to do
    std::string archive{}; // absolute path on the node
    bool by_lpm = false;   // `reason` is the id of a check
};

struct Asked {
    std::string node;
    bool through_proxy = false; // the API server's node proxy
};

// Of an HTTP answer. Bodies are those of kubernetes-contract §1.3 and §1.5; what is not known there keeps its
// text.
[[nodiscard]] Answer read_answer(long status, std::string_view body, const Asked& asked);
// Of a request that got none (kube::Http::send's errors).
[[nodiscard]] Answer no_answer(const Error& error, const Asked& asked);

// What a check, or another reason of ours, is called: "TcpEstablished".
[[nodiscard]] bool is_id(std::string_view text);

} // namespace lpm::controller
