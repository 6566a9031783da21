// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/tls_chain.hpp"

#include <algorithm>
#include <ctime>
#include <memory>

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "kube/tls_handles.hpp"

namespace lpm::kube {

static Result<std::chrono::sys_seconds> time_of(const ASN1_TIME* time) {
    tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return fail(Errc::invalid, "certificate: its validity has no times");
    return std::chrono::sys_seconds(std::chrono::seconds(timegm(&parts)));
}

Result<Validity> validity_of(std::string_view pem) {
    const Quiet quiet;
    TRY_ASSIGN(const X509Ptr certificate, read_first(pem));
    TRY_ASSIGN(const auto from, time_of(X509_get0_notBefore(certificate.get())));
    TRY_ASSIGN(const auto until, time_of(X509_get0_notAfter(certificate.get())));
    return Validity{from, until};
}

Result<> judge_pair(std::string_view certificate_pem, std::string_view key_pem) {
    const Quiet quiet;
    TRY_ASSIGN(const X509Ptr certificate, read_first(certificate_pem));
    TRY_ASSIGN(const KeyPtr key, read_key(key_pem));
    if (X509_check_private_key(certificate.get(), key.get()) != 1)
        return fail(Errc::invalid, "the certificate is of another key");
    return {};
}

static bool has_signed(X509* issuer, X509* subject) {
    return X509_check_issued(issuer, subject) == X509_V_OK &&
           X509_verify(subject, X509_get0_pubkey(issuer)) == 1;
}

Result<Issued> split_issued(std::string_view pem) {
    const Quiet quiet;
    TRY_ASSIGN(const auto list, read_certificates(pem));
    if (X509_check_ca(list.front().get()) != 0)
        return fail(Errc::invalid, "certificates: the first is one of an authority");
    TRY(validity_of(pem));
    Issued issued{.chain = write_certificate(list.front().get()), .others = {}};
    X509* last = list.front().get();
    for (std::size_t i = 1; i < list.size(); ++i) {
        X509* next = list[i].get();
        if (X509_check_ca(next) != 1)
            return fail(Errc::invalid, "certificates: number " + std::to_string(i + 1) + ", " +
                                           name_of(X509_get_subject_name(next)) + ", is no authority");
        // Once one is passed over, the chain has ended. An authority that has signed itself ends it, too.
        if (last != nullptr && has_signed(next, last)) {
            issued.chain += write_certificate(next);
            last = X509_self_signed(next, 0) == 1 ? nullptr : next;
        } else {
            issued.others += write_certificate(next);
            last = nullptr;
        }
    }
    return issued;
}

Result<std::string> first_authority(std::string_view pem) {
    const Quiet quiet;
    TRY_ASSIGN(const auto list, read_certificates(pem));
    for (const X509Ptr& one : list)
        if (X509_check_ca(one.get()) != 1)
            return fail(Errc::invalid,
                        "certificates: " + name_of(X509_get_subject_name(one.get())) + " is no authority");
    return write_certificate(list.front().get());
}

Result<bool> share_a_key(std::string_view one_pem, std::string_view other_pem) {
    const Quiet quiet;
    TRY_ASSIGN(const auto one, read_certificates(one_pem));
    TRY_ASSIGN(const auto other, read_certificates(other_pem));
    return std::ranges::any_of(one, [&](const X509Ptr& mine) {
        return std::ranges::contains(
            other, digest_of(X509_get_X509_PUBKEY(mine.get())),
            [](const X509Ptr& its) { return digest_of(X509_get_X509_PUBKEY(its.get())); });
    });
}

using Store = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using Context = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;
static void free_list(STACK_OF(X509) * list) {
    sk_X509_free(list); // and not what is in it
}
using Untrusted = std::unique_ptr<STACK_OF(X509), Freed<free_list>>;

Result<> verify(std::string_view chain_pem, std::string_view authorities_pem, Purpose purpose,
                const std::string& dns_name) {
    const Quiet quiet;
    TRY_ASSIGN(const auto chain, read_certificates(chain_pem));
    TRY_ASSIGN(const auto authorities, read_certificates(authorities_pem));
    const Store store(X509_STORE_new());
    const Context context(X509_STORE_CTX_new());
    const Untrusted others(sk_X509_new_null());
    bool ready = store && context && others;
    for (const X509Ptr& authority : authorities)
        ready = ready && X509_STORE_add_cert(store.get(), authority.get()) == 1;
    for (const X509Ptr& one : chain)
        ready = ready && sk_X509_push(others.get(), one.get()) > 0;
    if (!ready || X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(), others.get()) != 1 ||
        X509_STORE_CTX_set_purpose(context.get(), purpose == Purpose::server ? X509_PURPOSE_SSL_SERVER
                                                                             : X509_PURPOSE_SSL_CLIENT) != 1)
        return fail(Errc::io, "OpenSSL cannot verify a certificate");
    if (X509_verify_cert(context.get()) != 1)
        return fail(Errc::invalid,
                    "certificate of " + name_of(X509_get_subject_name(chain.front().get())) + ": " +
                        X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
    if (!dns_name.empty() && X509_check_host(chain.front().get(), dns_name.data(), dns_name.size(),
                                             X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) != 1)
        return fail(Errc::invalid, "certificate of " + name_of(X509_get_subject_name(chain.front().get())) +
                                       ": it is not for " + dns_name);
    return {};
}

} // namespace lpm::kube
