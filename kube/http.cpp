// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/http.hpp"

#include <array>
#include <curl/curl.h>
#include <utility>

#include "base/text.hpp"
#include "kube/http_pool.hpp"

namespace lpm::kube {

namespace {

struct ListEnd {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListEnd>;

void add(List& list, const std::string& entry) {
    if (curl_slist* longer = curl_slist_append(list.get(), entry.c_str())) {
        static_cast<void>(list.release());
        list.reset(longer);
    }
}

// The host and port of a URL, as written; empty when there are none.
std::string authority_of(const std::string& url) {
    const auto begin = url.find("://");
    if (begin == std::string::npos)
        return {};
    return url.substr(begin + 3, url.find('/', begin + 3) - begin - 3);
}

// One request under way, for libcurl's callbacks.
struct Transfer {
    const Request& request;
    CURL* easy;
    std::string body{};
    Result<> fault{};
    bool begun = false;
};

std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* data) {
    auto& transfer = *static_cast<Transfer*>(data);
    long status = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    if (transfer.request.sink && status < 300)
        transfer.fault = transfer.request.sink({bytes, size});
    else if (transfer.body.size() + size > transfer.request.limit)
        transfer.fault = fail(Errc::invalid, "an answer of more than " + human_size(transfer.request.limit));
    else
        transfer.body.append(bytes, size);
    return transfer.fault ? size : CURL_WRITEFUNC_ERROR;
}

int on_progress(void* data, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(data)->request.stop.stop_requested() ? 1 : 0;
}

// Of the request, that have gone out.
long sent_bytes(CURL* easy) {
    long bytes = 0;
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes;
}

// Before each sending, when connection, tunnel and handshake are done: also the one of libcurl's own accord.
int on_send(void* data, char*, char*, int, int) {
    auto& transfer = *static_cast<Transfer*>(data);
    if (transfer.request.once && transfer.begun && sent_bytes(transfer.easy) > 0)
        return CURL_PREREQFUNC_ABORT;
    transfer.begun = true;
    return CURL_PREREQFUNC_OK;
}

template <class Value> void set(CURL* easy, CURLoption option, Value value) {
    curl_easy_setopt(easy, option, value); // NOLINT(cppcoreguidelines-pro-type-vararg)
}

void set_blob(CURL* easy, CURLoption option, const std::string& pem) {
    curl_blob blob{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_COPY};
    set(easy, option, &blob);
}

void set_tls(CURL* easy, const Tls& tls) {
    if (!tls.pins.empty()) {
        std::string pins;
        for (const std::string& pin : tls.pins)
            pins += (pins.empty() ? "" : ";") + pin;
        // The key is compared before anything is sent, whether or not an authority is asked
        // (ossl_servercert).
        set(easy, CURLOPT_PINNEDPUBLICKEY, pins.c_str());
        set(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        set(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    } else if (!tls.ca.empty()) {
        set(easy, CURLOPT_CAINFO, nullptr); // else the system's authorities count as well
        set(easy, CURLOPT_CAPATH, nullptr);
        set_blob(easy, CURLOPT_CAINFO_BLOB, tls.ca);
    }
    if (!tls.certificate.empty()) {
        set_blob(easy, CURLOPT_SSLCERT_BLOB, tls.certificate);
        set_blob(easy, CURLOPT_SSLKEY_BLOB, tls.key);
    }
}

// Connects to the URL's host under another name, which SNI, Host and the certificate's check then have.
List set_url(CURL* easy, const Request& request) {
    List connect_to;
    std::string url = request.url;
    const std::string authority = authority_of(url);
    if (!request.tls.server_name.empty() && !authority.empty()) {
        const auto colon = authority.rfind(':');
        const bool has_port = colon != std::string::npos && authority.find(']', colon) == std::string::npos;
        const std::string port = has_port ? authority.substr(colon + 1) : "443";
        const std::string host = has_port ? authority.substr(0, colon) : authority;
        const std::string named = request.tls.server_name + ":" + port;
        url.replace(url.find("://") + 3, authority.size(), named);
        add(connect_to, named + ":" + host + ":" + port);
        set(easy, CURLOPT_CONNECT_TO, connect_to.get());
    }
    set(easy, CURLOPT_URL, url.c_str());
    return connect_to;
}

List set_headers(CURL* easy, const Request& request) {
    List headers;
    add(headers, "Accept: " + request.accept);
    add(headers, "Expect:"); // not a round trip more for every body
    if (!request.content_type.empty())
        add(headers, "Content-Type: " + request.content_type);
    if (!request.bearer.empty())
        add(headers, "Authorization: Bearer " + request.bearer);
    set(easy, CURLOPT_HTTPHEADER, headers.get());
    return headers;
}

void set_common(CURL* easy, const std::string& agent, char* error) {
    set(easy, CURLOPT_ERRORBUFFER, error);
    set(easy, CURLOPT_USERAGENT, agent.c_str());
    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_PROTOCOLS_STR, "https");
    set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, 10'000L);
    // Balancers cut what is silent for a minute, and a checkpoint is silent for longer.
    set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    set(easy, CURLOPT_TCP_KEEPIDLE, 30L);
    set(easy, CURLOPT_TCP_KEEPINTVL, 15L);
}

void set_transfer(CURL* easy, Transfer& transfer) {
    const Request& request = transfer.request;
    set(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (!request.body.empty() || request.method == "POST") {
        set(easy, CURLOPT_POSTFIELDS, request.body.data());
        set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    }
    if (!request.user.empty())
        set(easy, CURLOPT_USERPWD, request.user.c_str());
    set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
    if (request.silence.count() > 0) {
        set(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        set(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.silence.count()));
    }
    if (request.once) {
        set(easy, CURLOPT_FRESH_CONNECT, 1L);
        set(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    set(easy, CURLOPT_PREREQFUNCTION, on_send);
    set(easy, CURLOPT_PREREQDATA, &transfer);
    set(easy, CURLOPT_WRITEFUNCTION, on_body);
    set(easy, CURLOPT_WRITEDATA, &transfer);
    set(easy, CURLOPT_NOPROGRESS, 0L);
    set(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    set(easy, CURLOPT_XFERINFODATA, &transfer);
}

Errc code_of(CURLcode code) { // when nothing was sent
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_ISSUER_ERROR:
        return Errc::denied;
    default:
        return Errc::unavailable;
    }
}

Result<Response> result_of(Transfer& transfer, CURLcode code, const char* said) {
    if (!transfer.fault)
        return std::unexpected(std::move(transfer.fault).error());
    if (code != CURLE_OK) {
        const bool sent = transfer.begun && sent_bytes(transfer.easy) > 0;
        std::string text = said;
        if (code == CURLE_ABORTED_BY_CALLBACK)
            text = transfer.request.stop.stop_requested() ? "stopped" : "the connection broke";
        else if (text.empty())
            text = curl_easy_strerror(code);
        // On a kept connection that has ended libcurl has made another meanwhile, and that may be what
        // failed.
        return fail(sent ? Errc::io : code_of(code),
                    authority_of(transfer.request.url) + ": " + one_line(text));
    }
    Response response;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &response.status);
    response.body = std::move(transfer.body);
    const char* type = nullptr;
    curl_easy_getinfo(transfer.easy, CURLINFO_CONTENT_TYPE, &type);
    response.content_type = type != nullptr ? type : "";
    curl_off_t after = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RETRY_AFTER, &after);
    if (after > 0)
        response.retry_after = std::chrono::seconds(after);
    return response;
}

} // namespace

Http::Http(std::string user_agent, bool environment_proxy)
    : pool_(std::make_unique<Pool>(std::move(user_agent), environment_proxy)) {}
Http::~Http() = default;

Result<Response> Http::send(const Request& request) {
    std::string authority = authority_of(request.url);
    Easy easy = pool_->take(authority);
    if (!easy)
        return fail(Errc::unavailable, "libcurl has no handle");
    std::array<char, CURL_ERROR_SIZE> error{};
    Transfer transfer{request, easy.get()};
    set_common(easy.get(), pool_->agent(), error.data());
    set_tls(easy.get(), request.tls);
    set_transfer(easy.get(), transfer);
    if (!request.proxy.empty() || !pool_->environment_proxy())
        set(easy.get(), CURLOPT_PROXY, request.proxy.c_str()); // empty: none, whatever the environment says
    const List connect_to = set_url(easy.get(), request);
    const List headers = set_headers(easy.get(), request);
    const CURLcode code = curl_easy_perform(easy.get());
    auto result = result_of(transfer, code, error.data());
    pool_->give(std::move(authority), std::move(easy));
    return result;
}

Result<std::string> Http::certificate_of(const std::string& url) {
    const Easy easy(curl_easy_init());
    if (!easy)
        return fail(Errc::unavailable, "libcurl has no handle");
    std::array<char, CURL_ERROR_SIZE> error{};
    set_common(easy.get(), pool_->agent(), error.data());
    set(easy.get(), CURLOPT_URL, url.c_str());
    set(easy.get(), CURLOPT_PROXY, "");
    set(easy.get(), CURLOPT_CONNECT_ONLY, 1L); // nothing is said once the handshake is done
    set(easy.get(), CURLOPT_SSL_VERIFYPEER, 0L);
    set(easy.get(), CURLOPT_SSL_VERIFYHOST, 0L);
    set(easy.get(), CURLOPT_CERTINFO, 1L);
    const CURLcode code = curl_easy_perform(easy.get());
    if (code != CURLE_OK)
        return fail(Errc::unavailable, authority_of(url) + ": " + error.data());
    curl_certinfo* chain = nullptr; // the handle, and with it the connection, ends here
    curl_easy_getinfo(easy.get(), CURLINFO_CERTINFO, &chain);
    for (const curl_slist* entry = chain != nullptr && chain->num_of_certs > 0 ? chain->certinfo[0] : nullptr;
         entry != nullptr; entry = entry->next)
        if (const std::string_view line = entry->data; line.starts_with("Cert:"))
            return std::string(line.substr(5));
    return fail(Errc::invalid, authority_of(url) + ": shows no certificate");
}

} // namespace lpm::kube
