// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// bare_controller SERVER CA TOKEN KUBELET PATH: the peer of lpm-controller in bench/controller. For every
// object that a watch of PATH adds it makes the calls that lpm-controller makes up to the kubelet's, with the
// same bodies, on connections that are kept, and checks nothing.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <curl/curl.h>
#include <string>
#include <string_view>
#include <thread>

static constexpr const char* running = R"("phase":"Running","reason":"CheckpointRunning","ready":false,
"message":"checkpointing container ctr","observedGeneration":1,"startTime":"2026-01-01T00:00:00Z","nodeName":"node2",
"podUID":"5f0e7a4c-0000-4000-8000-000000000000","containerName":"ctr","containerID":"0123456789abcdef","image":"nginx",
"imageDigest":"nginx@sha256:0123456789abcdef","timings":{"queuedMilliseconds":10},
"attempt":{"number":1,"uid":"5f0e7a4c-0000-4000-8000-000000000001","holder":"bare","startTime":"2026-01-01T00:00:00.000Z"},
"conditions":[
{"type":"Accepted","status":"True","reason":"Accepted","message":"","lastTransitionTime":"2026-01-01T00:00:00Z","observedGeneration":1},
{"type":"PreflightPassed","status":"Unknown","reason":"NoSidecar","message":"nobody on the node looks at the container beforehand",
"lastTransitionTime":"2026-01-01T00:00:00Z","observedGeneration":1},
{"type":"Ready","status":"False","reason":"CheckpointRunning","message":"checkpointing container ctr",
"lastTransitionTime":"2026-01-01T00:00:00Z","observedGeneration":1}])";

template <class Value> static void set(CURL* easy, CURLoption option, Value value) {
    curl_easy_setopt(easy, option, value); // NOLINT(cppcoreguidelines-pro-type-vararg)
}

struct Client {
    std::string server, token, kubelet, path;
    std::string line{}; // of the watch, so far
    CURL* watching = curl_easy_init();
    CURL* api = curl_easy_init();
    CURL* node = curl_easy_init();
};

static std::string member(std::string_view text, const std::string& name) {
    const std::string begin = "\"" + name + "\":\"";
    const auto at = text.find(begin);
    if (at == std::string_view::npos)
        return {};
    return std::string(text.substr(at + begin.size(), text.find('"', at + begin.size()) - at - begin.size()));
}

static std::size_t into(char* bytes, std::size_t, std::size_t size, void* to) {
    static_cast<std::string*>(to)->append(bytes, size);
    return size;
}

// The answer.
static std::string ask(const Client& client, CURL* easy, const char* method, const std::string& url,
                       const std::string& body, const char* type) {
    std::string answer;
    curl_slist* headers = curl_slist_append(nullptr, ("Authorization: Bearer " + client.token).c_str());
    for (const char* one : {"Accept: application/json", "Expect:", type})
        headers = curl_slist_append(headers, one);
    set(easy, CURLOPT_HTTPHEADER, headers);
    set(easy, CURLOPT_URL, url.c_str());
    set(easy, CURLOPT_CUSTOMREQUEST, method);
    if (std::strcmp(method, "GET") != 0) {
        set(easy, CURLOPT_POSTFIELDS, body.data());
        set(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    } else {
        set(easy, CURLOPT_HTTPGET, 1L);
    }
    set(easy, CURLOPT_WRITEFUNCTION, into);
    set(easy, CURLOPT_WRITEDATA, &answer);
    long status = 0;
    const CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    if (code != CURLE_OK || status >= 300) {
        std::fprintf(stderr, "bare_controller: %s %s: %s, %ld: %s\n", method, url.c_str(),
                     curl_easy_strerror(code), status, answer.c_str());
        std::exit(1);
    }
    return answer;
}

static void on_object(Client& client, const std::string& text) {
    const std::string pod = member(text, "podName");
    const std::string object = client.server + client.path + "/" + member(text, "name");
    ask(client, client.api, "GET", client.server + "/api/v1/namespaces/default/pods/" + pod, "",
        "X-Body: none");
    ask(client, client.api, "PATCH", object + "/status?fieldValidation=Strict",
        R"({"metadata":{"resourceVersion":")" + member(text, "resourceVersion") + R"("},"status":{)" +
            running + "}}",
        "Content-Type: application/merge-patch+json");
    ask(client, client.node, "POST", client.kubelet + "/checkpoint/default/" + pod + "/ctr?timeout=600", "",
        "X-Body: none");
}

static std::size_t on_watch(char* bytes, std::size_t, std::size_t size, void* to) {
    auto& client = *static_cast<Client*>(to);
    for (const char c : std::string_view(bytes, size)) {
        client.line.push_back(c);
        if (c != '\n')
            continue;
        if (member(client.line, "type") == "ADDED")
            on_object(client, client.line);
        client.line.clear();
    }
    return size;
}

int main(int argc, char** argv) {
    if (argc < 6)
        return 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    Client client{argv[1], argv[3], argv[4], argv[5]};
    for (CURL* easy : {client.watching, client.api, client.node}) {
        set(easy, CURLOPT_CAINFO, argv[2]);
        set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    }
    curl_slist* headers = curl_slist_append(nullptr, ("Authorization: Bearer " + client.token).c_str());
    set(client.watching, CURLOPT_HTTPHEADER, headers);
    const std::string url = client.server + client.path + "?watch=1";
    set(client.watching, CURLOPT_URL, url.c_str());
    set(client.watching, CURLOPT_WRITEFUNCTION, on_watch);
    set(client.watching, CURLOPT_WRITEDATA, &client);
    long status = 404;
    CURLcode code = CURLE_OK;
    while (code == CURLE_OK &&
           status >= 400) { // until the API server knows the new kind, and who may watch it
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        code = curl_easy_perform(client.watching);
        curl_easy_getinfo(client.watching, CURLINFO_RESPONSE_CODE, &status);
    }
    std::fprintf(stderr, "bare_controller: the watch ends: %s\n", curl_easy_strerror(code));
    return 1;
}
