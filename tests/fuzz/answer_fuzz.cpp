// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "answer.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;
using namespace lpm::controller;

// The first byte chooses the status.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static constexpr long statuses[] = {200, 401, 403, 404, 405, 429, 500, 502, 503, 504};
    if (size == 0)
        return 0;
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Answer answer =
        read_answer(statuses[data[0] % std::size(statuses)], body, {"node", (data[0] & 0x80) != 0});
    if ((answer.kind == Answer::Kind::completed) != answer.archive.starts_with('/'))
        std::abort();
    if (answer.kind != Answer::Kind::completed && (answer.reason.empty() || answer.message.size() > 4000))
        std::abort();
    if (answer.message.find('\n') != std::string::npos)
        std::abort();
    return 0;
}
