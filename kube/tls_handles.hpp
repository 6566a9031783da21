// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/result.hpp"

// For kube/tls*.cpp alone: the owners of what OpenSSL gives, and PEM.
namespace lpm::kube {

template <auto free> struct Freed {
    template <class T> void operator()(T* object) const { free(object); }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, Freed<X509_REQ_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;
inline void free_bytes(unsigned char* bytes) {
    OPENSSL_free(bytes);
}
using Bytes = std::unique_ptr<unsigned char, Freed<free_bytes>>;

inline constexpr std::size_t longest_pem = std::size_t{1} << 20; // bytes

// OpenSSL's own would ask at the terminal, also for a "certificate" that says it is encrypted.
int no_passphrase(char* buffer, int size, int writing, void* data);

// What OpenSSL keeps of errors belongs to the thread: libcurl would take ours for its own.
struct Quiet {
    Quiet() = default;
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;
    ~Quiet();
};

// Reads from `pem`, which must outlive it; nullptr for one that is too long.
[[nodiscard]] Bio reader_of(std::string_view pem);
[[nodiscard]] std::string text_of(BIO* out);

// RFC 2253, in one line.
[[nodiscard]] std::string name_of(const X509_NAME* name);
// SHA-256 of the public key as certificates have it (SubjectPublicKeyInfo); empty when it cannot be encoded.
[[nodiscard]] std::string digest_of(const X509_PUBKEY* key);

// Alternative names: that one, of kind DNS; nullptr when OpenSSL has no room.
[[nodiscard]] Names dns_names(const std::string& name);

// Errc::invalid, all three.
[[nodiscard]] Result<KeyPtr> read_key(std::string_view pem);
[[nodiscard]] Result<X509Ptr> read_first(std::string_view pem);
// All of them, 1 to 32.
[[nodiscard]] Result<std::vector<X509Ptr>> read_certificates(std::string_view pem);

[[nodiscard]] std::string write_certificate(X509* certificate);

} // namespace lpm::kube
