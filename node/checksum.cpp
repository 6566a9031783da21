// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/checksum.hpp"

#include <array>

#include <openssl/evp.h>
#include <zlib.h>

namespace lpm::node {

struct Sha256::State {
    EVP_MD_CTX* context = ::EVP_MD_CTX_new();
    State() { ::EVP_DigestInit_ex(context, ::EVP_sha256(), nullptr); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { ::EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;

void Sha256::add(std::span<const std::byte> bytes) {
    ::EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

std::string Sha256::end() {
    std::array<unsigned char, 32> digest{};
    ::EVP_DigestFinal_ex(state_->context, digest.data(), nullptr);
    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : digest)
        text.append({digits[byte >> 4U], digits[byte & 15U]});
    return text;
}

std::uint32_t crc32(std::span<const std::byte> bytes) {
    return static_cast<std::uint32_t>(
        ::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

} // namespace lpm::node
