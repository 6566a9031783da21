// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "cri_facts.hpp"

using namespace lpm;

static void check(bool holds) {
    if (!holds)
        std::abort();
}

// Nothing but printable lines, of a length that a person can read.
static void check_texts(const json::Value& value) {
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        check(text.size() < 1000 && std::ranges::none_of(text, [](unsigned char c) { return c < ' '; }));
    }
    if (value.is_structured())
        for (const auto& [name, inner] : value.items()) {
            check_texts(json::Value(name));
            check_texts(inner);
        }
}

static void check_answer(const json::Value& facts) {
    check(facts.is_object() && !facts.empty());
    check_texts(facts);
}

// The first byte chooses the code of a status whose text the others are; they are answers as well.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const grpc::Status how{static_cast<grpc::StatusCode>(data[0] % 17), bytes};
    const json::Value checkpoint = sidecar::checkpoint_facts(how);
    check_answer(checkpoint);
    check(sidecar::is_unknown(checkpoint) != checkpoint.contains("answer"));
    ::runtime::v1::VersionResponse version;
    if (version.ParseFromString(bytes))
        check_answer(sidecar::version_facts(grpc::Status::OK, version));
    ::runtime::v1::StatusResponse status;
    if (status.ParseFromString(bytes))
        check_answer(sidecar::status_facts(grpc::Status::OK, status));
    // What the text of a configuration may be, without having to find the frame around it first.
    status.Clear();
    (*status.mutable_info())["config"] = bytes;
    check_answer(sidecar::status_facts(grpc::Status::OK, status));
    return 0;
}
