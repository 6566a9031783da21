// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/tls.hpp"

#include <ctime>

#include "base/text.hpp"
#include "kube/base64.hpp"
#include "kube/tls_handles.hpp"

namespace lpm::kube {

static Result<Certificate> describe(X509* certificate) {
    tm end{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
        return fail(Errc::invalid, "certificate: its end of validity is no time");
    const std::string digest = digest_of(X509_get_X509_PUBKEY(certificate));
    if (digest.empty())
        return fail(Errc::invalid, "certificate: its public key cannot be read");
    return Certificate{
        .subject = name_of(X509_get_subject_name(certificate)),
        .issuer = name_of(X509_get_issuer_name(certificate)),
        .expires = rfc3339({.tv_sec = timegm(&end), .tv_nsec = 0}),
        .pin = "sha256//" + base64(digest),
        .self_signed = X509_self_signed(certificate, 1) == 1,
    };
}

Result<Certificate> read_certificate(std::string_view pem) {
    const Quiet quiet;
    TRY_ASSIGN(const X509Ptr certificate, read_first(pem));
    return describe(certificate.get());
}

} // namespace lpm::kube
