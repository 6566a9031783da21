// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/tls.hpp"

#include <array>
#include <ctime>
#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/text.hpp"
#include "kube/base64.hpp"

namespace lpm::kube {

template <auto free> struct Freed {
    template <class T> void operator()(T* object) const { free(object); }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;

// OpenSSL's own would ask at the terminal, also for a "certificate" that says it is encrypted.
static int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) {
    return -1;
}

static std::string name_of(const X509_NAME* name) {
    const Bio out(BIO_new(BIO_s_mem()));
    if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0)
        return "?";
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return size > 0 ? one_line({text, static_cast<std::size_t>(size)}) : std::string();
}

static Result<std::string> pin_of(const X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    const std::unique_ptr<unsigned char, Freed<[](void* bytes) { OPENSSL_free(bytes); }>> owner(der);
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned length = 0;
    if (size <= 0 ||
        EVP_Digest(der, static_cast<std::size_t>(size), hash.data(), &length, EVP_sha256(), nullptr) != 1)
        return fail(Errc::invalid, "certificate: its public key cannot be read");
    return "sha256//" + base64({reinterpret_cast<const char*>(hash.data()), length});
}

static Result<Certificate> describe(X509* certificate) {
    tm end{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
        return fail(Errc::invalid, "certificate: its end of validity is no time");
    TRY_ASSIGN(std::string pin, pin_of(certificate));
    return Certificate{
        .subject = name_of(X509_get_subject_name(certificate)),
        .issuer = name_of(X509_get_issuer_name(certificate)),
        .expires = rfc3339({.tv_sec = timegm(&end), .tv_nsec = 0}),
        .pin = std::move(pin),
        .self_signed = X509_self_signed(certificate, 1) == 1,
    };
}

Result<Certificate> read_certificate(std::string_view pem) {
    constexpr std::size_t longest = std::size_t{1} << 20;
    if (pem.size() > longest)
        return fail(Errc::invalid, "certificate: longer than " + std::to_string(longest) + " bytes");
    const Bio in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const X509Ptr certificate(in ? PEM_read_bio_X509(in.get(), nullptr, no_passphrase, nullptr) : nullptr);
    auto described = certificate
                         ? describe(certificate.get())
                         : fail(Errc::invalid, "certificate: there is none (no PEM block CERTIFICATE that "
                                               "can be read)");
    // What it keeps of errors belongs to the thread: libcurl would take ours for its own.
    ERR_clear_error();
    return described;
}

} // namespace lpm::kube
