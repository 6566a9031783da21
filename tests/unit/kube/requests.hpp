// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace lpm::test {

// What a request for a certificate has in it: also what ours never have.
struct Wanted {
    std::vector<std::pair<std::string, std::string>> subject{{"CN", "lpm-sidecar"}};
    std::vector<std::pair<int, std::string>> extensions{{NID_subject_alt_name, "DNS:node1"}};
    std::string key = "P-256"; // or "RSA:BITS", or "ED25519"
    bool written_out = false;  // the curve by its numbers
    bool by_another = false;   // signed with another key
    std::string password{};    // an attribute that is no extension
};

namespace detail {
template <auto free> struct Free {
    template <class T> void operator()(T* object) const { free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Request = std::unique_ptr<X509_REQ, Free<X509_REQ_free>>;

inline Key key_of(const std::string& kind) {
    if (kind.starts_with("RSA:"))
        return Key(EVP_RSA_gen(static_cast<unsigned>(std::stoi(kind.substr(4)))));
    if (kind == "ED25519")
        return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    return Key(EVP_EC_gen(kind.c_str()));
}

inline const unsigned char* bytes(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.c_str());
}

inline void add_extensions(X509_REQ* request, const Wanted& wanted) {
    STACK_OF(X509_EXTENSION)* list = sk_X509_EXTENSION_new_null();
    for (const auto& [kind, value] : wanted.extensions)
        sk_X509_EXTENSION_push(list, X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()));
    if (!wanted.extensions.empty())
        X509_REQ_add_extensions(request, list);
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}
} // namespace detail

// PEM.
inline std::string request(const Wanted& wanted = {}) {
    const auto key = detail::key_of(wanted.key);
    if (wanted.written_out)
        EVP_PKEY_set_utf8_string_param(key.get(), "encoding", "explicit");
    const auto other = detail::key_of("P-256");
    const detail::Request made(X509_REQ_new());
    for (const auto& [kind, value] : wanted.subject)
        X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(made.get()), kind.c_str(), MBSTRING_UTF8,
                                   detail::bytes(value), -1, -1, 0);
    detail::add_extensions(made.get(), wanted);
    if (!wanted.password.empty())
        X509_REQ_add1_attr_by_txt(made.get(), "challengePassword", MBSTRING_ASC,
                                  detail::bytes(wanted.password), -1);
    X509_REQ_set_pubkey(made.get(), key.get());
    const EVP_MD* digest = wanted.key == "ED25519" && !wanted.by_another ? nullptr : EVP_sha256();
    X509_REQ_sign(made.get(), wanted.by_another ? other.get() : key.get(), digest);
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509_REQ(out, made.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(out, &text);
    std::string pem(text, static_cast<std::size_t>(size));
    BIO_free(out);
    return pem;
}

} // namespace lpm::test
