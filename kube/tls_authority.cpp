// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/tls_authority.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/random.hpp"
#include "base/text.hpp"
#include "kube/tls_chain.hpp"
#include "kube/tls_handles.hpp"
#include "kube/tls_request.hpp"

namespace lpm::kube {

using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;

static std::unexpected<Error> cannot(std::string_view what) {
    return fail(Errc::io, "OpenSSL cannot make a certificate: " + std::string(what));
}

static bool set_serial(X509* certificate) {
    const auto bytes = random_bytes<std::array<unsigned char, 16>>();
    const Number number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
    return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

static bool set_time(ASN1_TIME* to, std::chrono::sys_seconds time) {
    return ASN1_TIME_set(to, static_cast<std::time_t>(time.time_since_epoch().count())) != nullptr;
}

// What all have: names, times, key.
static bool fill(X509* to, const std::string& common_name, const X509_NAME* issuer, const Validity& validity,
                 EVP_PKEY* key) {
    X509_NAME* subject = X509_get_subject_name(to);
    return X509_set_version(to, X509_VERSION_3) == 1 && set_serial(to) &&
           X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(common_name.data()),
                                      static_cast<int>(common_name.size()), -1, 0) == 1 &&
           X509_set_issuer_name(to, issuer != nullptr ? issuer : subject) == 1 &&
           set_time(X509_getm_notBefore(to), validity.from) &&
           set_time(X509_getm_notAfter(to), validity.until) && X509_set_pubkey(to, key) == 1;
}

// `value`: constant text of ours, as openssl's own configuration has it. Names from outside never come here.
static bool add(X509* to, X509* issuer, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_nconf_nid(nullptr, &context, kind, value);
    const bool added = extension != nullptr && X509_add_ext(to, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool add_name(X509* to, const std::string& dns_name) {
    const Names names = dns_names(dns_name);
    return names && X509_add1_ext_i2d(to, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

Result<KeyPair> make_authority(const std::string& common_name, const Validity& validity) {
    const Quiet quiet;
    TRY_ASSIGN(std::string key_pem, make_key());
    TRY_ASSIGN(const KeyPtr key, read_key(key_pem));
    const X509Ptr made(X509_new());
    if (!made || !fill(made.get(), common_name, nullptr, validity, key.get()) ||
        !add(made.get(), made.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !add(made.get(), made.get(), NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add(made.get(), made.get(), NID_subject_key_identifier, "hash") ||
        X509_sign(made.get(), key.get(), EVP_sha256()) <= 0)
        return cannot(common_name);
    return KeyPair{write_certificate(made.get()), std::move(key_pem)};
}

static Result<std::string> sign(const KeyPair& authority, EVP_PKEY* key, const Leaf& leaf) {
    TRY_ASSIGN(const X509Ptr issuer, read_first(authority.certificate));
    TRY_ASSIGN(const KeyPtr issuer_key, read_key(authority.key));
    if (X509_check_private_key(issuer.get(), issuer_key.get()) != 1)
        return fail(Errc::invalid, "the authority's key is not that of its first certificate");
    TRY_ASSIGN(const Validity its, validity_of(authority.certificate));
    const Validity validity{leaf.validity.from, std::min(leaf.validity.until, its.until)};
    if (validity.until <= leaf.validity.from)
        return fail(Errc::invalid,
                    "the authority " + name_of(X509_get_subject_name(issuer.get())) + " has expired");
    const X509Ptr made(X509_new());
    if (!made || !fill(made.get(), leaf.common_name, X509_get_subject_name(issuer.get()), validity, key) ||
        !add(made.get(), issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
        !add(made.get(), issuer.get(), NID_key_usage, "critical,digitalSignature") ||
        !add(made.get(), issuer.get(), NID_ext_key_usage,
             leaf.purpose == Purpose::server ? "serverAuth" : "clientAuth") ||
        !add(made.get(), issuer.get(), NID_authority_key_identifier, "keyid:always") ||
        (!leaf.dns_name.empty() && !add_name(made.get(), leaf.dns_name)) ||
        X509_sign(made.get(), issuer_key.get(), EVP_sha256()) <= 0)
        return cannot(one_line(leaf.common_name, 64));
    return write_certificate(made.get());
}

Result<std::string> sign_request(const KeyPair& authority, std::string_view request_pem, const Leaf& leaf) {
    const Quiet quiet;
    const Bio in = reader_of(request_pem);
    const RequestPtr request(in ? PEM_read_bio_X509_REQ(in.get(), nullptr, no_passphrase, nullptr) : nullptr);
    EVP_PKEY* key = request ? X509_REQ_get0_pubkey(request.get()) : nullptr;
    if (key == nullptr)
        return fail(Errc::invalid, "request: it, or its key, cannot be read");
    return sign(authority, key, leaf);
}

Result<std::string> sign_key(const KeyPair& authority, std::string_view key_pem, const Leaf& leaf) {
    const Quiet quiet;
    TRY_ASSIGN(const KeyPtr key, read_key(key_pem));
    return sign(authority, key.get(), leaf);
}

} // namespace lpm::kube
