// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/tls_handles.hpp"

#include <array>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/text.hpp"

namespace lpm::kube {

int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) {
    return -1;
}

Quiet::~Quiet() {
    ERR_clear_error();
}

Bio reader_of(std::string_view pem) {
    return Bio(pem.size() > longest_pem ? nullptr
                                        : BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

std::string text_of(BIO* out) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(out, &text);
    return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

std::string name_of(const X509_NAME* name) {
    const Bio out(BIO_new(BIO_s_mem()));
    if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0)
        return "?";
    return one_line(text_of(out.get()));
}

std::string digest_of(const X509_PUBKEY* key) {
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(key, &der);
    const Bytes owner(der);
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned length = 0;
    if (size <= 0 ||
        EVP_Digest(der, static_cast<std::size_t>(size), hash.data(), &length, EVP_sha256(), nullptr) != 1)
        return {};
    return {reinterpret_cast<const char*>(hash.data()), length};
}

Names dns_names(const std::string& name) {
    Names names(sk_GENERAL_NAME_new_null());
    std::unique_ptr<GENERAL_NAME, Freed<GENERAL_NAME_free>> one(GENERAL_NAME_new());
    std::unique_ptr<ASN1_IA5STRING, Freed<ASN1_STRING_free>> text(ASN1_IA5STRING_new());
    if (!names || !one || !text ||
        ASN1_STRING_set(text.get(), name.data(), static_cast<int>(name.size())) != 1)
        return nullptr;
    GENERAL_NAME_set0_value(one.get(), GEN_DNS, text.release());
    if (sk_GENERAL_NAME_push(names.get(), one.get()) <= 0)
        return nullptr;
    (void)one.release(); // the list's
    return names;
}

Result<KeyPtr> read_key(std::string_view pem) {
    const Quiet quiet;
    const Bio in = reader_of(pem);
    KeyPtr key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr) : nullptr);
    if (!key)
        return fail(Errc::invalid, "private key: there is none (no PEM block that can be read)");
    return key;
}

Result<X509Ptr> read_first(std::string_view pem) {
    const Quiet quiet;
    if (pem.size() > longest_pem)
        return fail(Errc::invalid, "certificate: longer than " + std::to_string(longest_pem) + " bytes");
    const Bio in = reader_of(pem);
    X509Ptr certificate(in ? PEM_read_bio_X509(in.get(), nullptr, no_passphrase, nullptr) : nullptr);
    if (!certificate)
        return fail(Errc::invalid, "certificate: there is none (no PEM block CERTIFICATE that can be read)");
    return certificate;
}

Result<std::vector<X509Ptr>> read_certificates(std::string_view pem) {
    constexpr std::size_t most = 32;
    const Quiet quiet;
    const Bio in = reader_of(pem);
    std::vector<X509Ptr> found;
    while (in && found.size() <= most) {
        X509Ptr next(PEM_read_bio_X509(in.get(), nullptr, no_passphrase, nullptr));
        if (!next)
            break;
        found.push_back(std::move(next));
    }
    // That nothing more begins is how a good list ends.
    const bool whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (found.empty() || found.size() > most || !whole)
        return fail(Errc::invalid, "certificates: there are none, more than " + std::to_string(most) +
                                       ", or some that cannot be read");
    return found;
}

std::string write_certificate(X509* certificate) {
    const Bio out(BIO_new(BIO_s_mem()));
    return out && PEM_write_bio_X509(out.get(), certificate) == 1 ? text_of(out.get()) : std::string();
}

} // namespace lpm::kube
