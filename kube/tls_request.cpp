// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/tls_request.hpp"

#include <array>
#include <memory>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/text.hpp"
#include "kube/tls_handles.hpp"

namespace lpm::kube {

static void free_extensions(STACK_OF(X509_EXTENSION) * list) {
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}
using Extensions = std::unique_ptr<STACK_OF(X509_EXTENSION), Freed<free_extensions>>;

Result<std::string> make_key() {
    const Quiet quiet;
    const KeyPtr key(EVP_EC_gen("P-256"));
    const Bio out(BIO_new(BIO_s_mem()));
    if (!key || !out ||
        PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return fail(Errc::io, "OpenSSL cannot make a key");
    return text_of(out.get());
}

static std::string hexadecimal(std::string_view bytes) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

Result<std::string> key_id(std::string_view pem) {
    const Quiet quiet;
    TRY_ASSIGN(const KeyPtr key, read_key(pem));
    X509_PUBKEY* encoded = nullptr;
    const bool done = X509_PUBKEY_set(&encoded, key.get()) == 1;
    const std::unique_ptr<X509_PUBKEY, Freed<X509_PUBKEY_free>> owner(encoded);
    if (!done)
        return fail(Errc::invalid, "private key: OpenSSL cannot tell its public half");
    return hexadecimal(digest_of(encoded));
}

static bool add_name(X509_REQ* request, const std::string& dns_name) {
    const Extensions extensions(sk_X509_EXTENSION_new_null());
    const Names names = dns_names(dns_name);
    X509_EXTENSION* extension = names ? X509V3_EXT_i2d(NID_subject_alt_name, 0, names.get()) : nullptr;
    if (!extensions || extension == nullptr || sk_X509_EXTENSION_push(extensions.get(), extension) <= 0) {
        X509_EXTENSION_free(extension);
        return false;
    }
    return X509_REQ_add_extensions(request, extensions.get()) == 1;
}

Result<std::string> make_request(std::string_view key_pem, const std::string& common_name,
                                 const std::string& dns_name) {
    const Quiet quiet;
    TRY_ASSIGN(const KeyPtr key, read_key(key_pem));
    const RequestPtr request(X509_REQ_new());
    const Bio out(BIO_new(BIO_s_mem()));
    if (!request || !out || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
        X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(request.get()), NID_commonName, MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.data()),
                                   static_cast<int>(common_name.size()), -1, 0) != 1 ||
        !add_name(request.get(), dns_name) || X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
        X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0 ||
        PEM_write_bio_X509_REQ(out.get(), request.get()) != 1)
        return fail(Errc::invalid, "a request for " + one_line(dns_name, 64) + " cannot be made");
    return text_of(out.get());
}

static std::string bytes_of(const ASN1_STRING* text) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
}

static std::string only_common_name(const X509_NAME* name) {
    if (X509_NAME_entry_count(name) != 1)
        return {};
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, 0);
    if (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) != NID_commonName)
        return {};
    return bytes_of(X509_NAME_ENTRY_get_data(entry));
}

static AlternativeName alternative(const GENERAL_NAME* name) {
    int kind = 0;
    const void* value = GENERAL_NAME_get0_value(name, &kind);
    switch (kind) {
    case GEN_DNS:
        return {"DNS", bytes_of(static_cast<const ASN1_STRING*>(value))};
    case GEN_EMAIL:
        return {"email", bytes_of(static_cast<const ASN1_STRING*>(value))};
    case GEN_URI:
        return {"URI", bytes_of(static_cast<const ASN1_STRING*>(value))};
    case GEN_IPADD:
        return {"IP", {}};
    default:
        return {"other", {}};
    }
}

static std::string object_name(const ASN1_OBJECT* object) {
    std::array<char, 80> text{};
    return OBJ_obj2txt(text.data(), text.size(), object, 0) > 0 ? one_line(text.data(), 80) : "?";
}

static Result<> take_extensions(const X509_REQ* request, RequestFacts& to) {
    for (int i = 0; i < X509_REQ_get_attr_count(request); ++i) {
        const ASN1_OBJECT* kind = X509_ATTRIBUTE_get0_object(X509_REQ_get_attr(request, i));
        if (i > 0 || OBJ_obj2nid(kind) != NID_ext_req)
            to.others.push_back(object_name(kind));
    }
    const Extensions list(X509_REQ_get_extensions(const_cast<X509_REQ*>(request)));
    if (!list && X509_REQ_get_attr_count(request) > 0)
        return fail(Errc::invalid, "request: its extensions cannot be read");
    bool named = false;
    for (int i = 0; i < sk_X509_EXTENSION_num(list.get()); ++i) {
        X509_EXTENSION* extension = sk_X509_EXTENSION_value(list.get(), i);
        const ASN1_OBJECT* kind = X509_EXTENSION_get_object(extension);
        if (OBJ_obj2nid(kind) != NID_subject_alt_name || std::exchange(named, true)) {
            to.others.push_back(object_name(kind));
            continue;
        }
        const Names names(static_cast<GENERAL_NAMES*>(X509V3_EXT_d2i(extension)));
        if (!names)
            return fail(Errc::invalid, "request: its alternative names cannot be read");
        for (int j = 0; j < sk_GENERAL_NAME_num(names.get()); ++j)
            to.names.push_back(alternative(sk_GENERAL_NAME_value(names.get(), j)));
    }
    return {};
}

static std::string kind_of(const EVP_PKEY* key) {
    std::array<char, 80> curve{};
    std::size_t size = 0;
    if (EVP_PKEY_is_a(key, "EC") != 1)
        return EVP_PKEY_get0_type_name(key) != nullptr ? EVP_PKEY_get0_type_name(key) : "unknown";
    int written_out = 1; // the curve's numbers instead of its name: they could be others
    if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &written_out) != 1 ||
        written_out != 0 || EVP_PKEY_get_group_name(key, curve.data(), curve.size(), &size) != 1)
        return "EC without a named curve";
    const char* known = EC_curve_nid2nist(OBJ_txt2nid(curve.data()));
    return known != nullptr ? known : std::string(curve.data(), size);
}

Result<RequestFacts> read_request(std::string_view pem) {
    constexpr std::string_view begin = "-----BEGIN ";
    const Quiet quiet;
    if (pem.size() > longest_request)
        return fail(Errc::invalid, "request: longer than " + std::to_string(longest_request) + " bytes");
    const auto at = pem.find(begin);
    if (at == std::string_view::npos ||
        !pem.substr(at + begin.size()).starts_with("CERTIFICATE REQUEST-----") ||
        pem.find(begin, at + 1) != std::string_view::npos)
        return fail(Errc::invalid, "request: it is not one PEM block CERTIFICATE REQUEST");
    const Bio in = reader_of(pem);
    const RequestPtr request(in ? PEM_read_bio_X509_REQ(in.get(), nullptr, no_passphrase, nullptr) : nullptr);
    EVP_PKEY* key = request ? X509_REQ_get0_pubkey(request.get()) : nullptr;
    if (key == nullptr)
        return fail(Errc::invalid, "request: it, or its key, cannot be read");
    RequestFacts facts{.subject = name_of(X509_REQ_get_subject_name(request.get())),
                       .common_name = only_common_name(X509_REQ_get_subject_name(request.get())),
                       .names = {},
                       .others = {},
                       .key = kind_of(key),
                       .bits = EVP_PKEY_get_bits(key)};
    TRY(take_extensions(request.get(), facts));
    facts.proven = facts.bits <= longest_key && X509_REQ_verify(request.get(), key) == 1;
    return facts;
}

} // namespace lpm::kube
