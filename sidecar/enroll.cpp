// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "enroll.hpp"

#include <algorithm>
#include <optional>
#include <sys/stat.h>
#include <thread>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "inspect/daemon.hpp"
#include "kube/base64.hpp"
#include "kube/client.hpp"
#include "kube/tls_request.hpp"
#include "node/log.hpp"
#include "pki_folder.hpp"

namespace lpm::sidecar {

using namespace std::chrono_literals;
using node::Level;

static constexpr const char* requests_path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
static constexpr const char* signer = "lpm.my.domain/sidecar";
static constexpr const char* usual_kubeconfig = "/etc/kubernetes/kubelet.conf"; // of kubeadm
static constexpr const char* subject =
    "lpm-sidecar";                     // which the signer insists on (crd-controller/signer/judge.hpp)
static constexpr auto most_wait = 10s; // for an answer of the API server

static std::string until(std::chrono::sys_seconds time) {
    return rfc3339({.tv_sec = time.time_since_epoch().count(), .tv_nsec = 0});
}

// The certificate of a kubelet would tell, but there are kubelets with tokens.
static Result<std::string> own_name(kube::Client& client) {
    constexpr std::string_view prefix = "system:node:";
    const json::Value review = {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}};
    auto answer = client.create_and_read("/apis/authentication.k8s.io/v1/selfsubjectreviews", review);
    if (!answer)
        return std::unexpected(std::move(answer).error().in("ask the API server who we are"));
    const std::string user = json::text_or_empty(*answer, "status.userInfo.username");
    if (!user.starts_with(prefix))
        return fail(Errc::denied,
                    "the kubeconfig is of " + one_line(user, 100) +
                        " and of no node: [enroll] kubeconfig in sidecar.toml must name the kubelet's");
    return user.substr(prefix.size());
}

// The one that an earlier run has made is as good: its name is that of the key.
static Result<> file_request(kube::Client& client, const std::string& name, const std::string& pem) {
    const json::Value object = {{"apiVersion", "certificates.k8s.io/v1"},
                                {"kind", "CertificateSigningRequest"},
                                {"metadata", {{"name", name}}},
                                {"spec",
                                 {{"signerName", signer},
                                  {"usages", {"digital signature", "server auth"}},
                                  {"request", kube::base64(pem)}}}};
    auto made = client.create(requests_path, object);
    if (made)
        node::log(Level::info, "asks for a certificate", {{"request", name}});
    else if (made.error().code == Errc::denied)
        return fail(Errc::denied,
                    "the kubelet's identity may not make a CertificateSigningRequest: " + made.error().text +
                        "; is the Node authorizer on, and this node of the cluster?");
    else if (made.error().code != Errc::exists)
        return std::unexpected(std::move(made).error().in("make the CertificateSigningRequest " + name));
    return {};
}

static const json::Value* find_condition(const json::Value& object, std::string_view type) {
    const json::Value* list = json::find_path(object, "status.conditions");
    if (list == nullptr || !list->is_array())
        return nullptr;
    const auto found = std::ranges::find_if(
        *list, [&](const json::Value& one) { return json::text_or_empty(one, "type") == type; });
    return found == list->end() ? nullptr : &*found;
}

// It was denied, or has failed.
static Error refused(const std::string& name, std::string_view how, const json::Value& condition) {
    std::string text = "the request " + name;
    text.append(" was ").append(how).append(": ");
    text.append(one_line(json::text_or_empty(condition, "reason"), 100)).append(": ");
    text.append(one_line(json::text_or_empty(condition, "message")));
    text.append("; mend that, then `kubectl delete csr ").append(name).append("`: the next run asks again");
    return {Errc::denied, 0, std::move(text)};
}

// Nothing while nobody has signed it.
static Result<std::optional<std::string>> certificate_of(const json::Value& object, const std::string& name) {
    constexpr std::size_t longest = 256 << 10; // bytes of base64
    if (const json::Value* denied = find_condition(object, "Denied"))
        return std::unexpected(refused(name, "denied", *denied));
    if (const json::Value* failed = find_condition(object, "Failed"))
        return std::unexpected(refused(name, "not signed", *failed));
    const std::string text = json::text_or_empty(object, "status.certificate");
    if (text.empty())
        return std::nullopt;
    auto pem = text.size() <= longest ? kube::from_base64(text) : std::nullopt;
    if (!pem)
        return fail(Errc::invalid, "the certificate of " + name + " is no base64 of 256 KiB at most");
    return pem;
}

static Error not_answered(const std::string& name, std::chrono::seconds wait, std::string_view last) {
    std::string text = "the request " + name;
    text.append(" is not answered after ").append(std::to_string(wait.count())).append(" s (").append(last);
    text.append("): does lpm-controller run, with [signer] enabled? `kubectl get csr ").append(name);
    text.append("` shows it; the next run goes on with it");
    return {Errc::unavailable, 0, std::move(text)};
}

// An API server that is away meanwhile is waited for as well.
static Result<std::string> await(kube::Client& client, const std::string& name, std::chrono::seconds wait) {
    const auto end = std::chrono::steady_clock::now() + wait;
    const std::string path = std::string(requests_path) + "/" + name;
    for (auto pause = 500ms;; pause = std::min<std::chrono::milliseconds>(pause * 2, 5s)) {
        const auto object = client.get(path);
        std::string last = object ? "nobody has approved it" : object.error().text;
        if (object) {
            TRY_ASSIGN(auto found, certificate_of(*object, name));
            if (found)
                return *std::move(found);
            if (find_condition(*object, "Approved") != nullptr)
                last = "it is approved, but not signed";
        } else if (object.error().code == Errc::absent) {
            return fail(Errc::unavailable,
                        "somebody has deleted the request " + name + ": the next run makes it again");
        }
        if (std::chrono::steady_clock::now() + pause >= end)
            return std::unexpected(not_answered(name, wait, last));
        std::this_thread::sleep_for(pause);
    }
}

// Who has signed it is the API server's word; that it is what we have asked for is judged here.
static Result<kube::Issued> judge(const std::string& pem, const std::string& key, const std::string& name) {
    TRY_ASSIGN(kube::Issued issued, kube::split_issued(pem));
    TRY(kube::judge_pair(issued.chain, key));
    TRY(kube::verify(issued.chain, issued.chain, kube::Purpose::server, name));
    if (issued.others.empty())
        return fail(Errc::invalid, "no authority of clients comes behind it: nobody could be let in");
    TRY_ASSIGN(const bool shared, kube::share_a_key(issued.chain, issued.others));
    if (shared)
        return fail(Errc::invalid,
                    "the authority of sidecars is one of clients as well: each sidecar could be a client");
    return issued;
}

static Result<std::unique_ptr<kube::Credentials>> credentials_of(const std::string& kubeconfig) {
    auto found = kube::Credentials::kubeconfig(kubeconfig, "", false);
    if (!found && found.error().code == Errc::absent)
        return fail(Errc::absent,
                    kubeconfig + " is not there: has this node joined a cluster? Where its kubelet's "
                                 "kubeconfig is elsewhere, [enroll] kubeconfig in sidecar.toml names it");
    return found;
}

static Result<> ask(PkiFolder& folder, const Enrollment& how) {
    const std::string kubeconfig =
        how.kubeconfig.empty() ? inspect::find_kubeconfig().value_or(usual_kubeconfig) : how.kubeconfig;
    TRY_ASSIGN(const auto credentials, credentials_of(kubeconfig));
    kube::Http http(std::string("lpm-sidecar/") + paths::version);
    kube::Client client(http, *credentials);
    client.hurry(most_wait);
    TRY_ASSIGN(const std::string name, own_name(client));
    TRY_ASSIGN(const std::string key, folder.pending_key());
    TRY_ASSIGN(const std::string id, kube::key_id(key));
    TRY_ASSIGN(const std::string request, kube::make_request(key, subject, name));
    const std::string object = "lpm-sidecar-" + id.substr(0, 24);
    TRY(file_request(client, object, request));
    TRY_ASSIGN(const std::string pem, await(client, object, how.wait));
    auto issued = judge(pem, key, name);
    if (!issued)
        return std::unexpected(std::move(issued).error().in("what was signed for " + object));
    TRY(folder.store(*issued, key));
    TRY_ASSIGN(const auto validity, kube::validity_of(issued->chain));
    node::log(Level::info, "has a certificate",
              {{"node", name}, {"folder", how.folder}, {"until", until(validity.until)}});
    return {};
}

Result<> enroll(const Enrollment& how) {
    struct stat store{};
    if (::stat(paths::state_dir, &store) != 0)
        return fail_errno(errno, std::string(paths::state_dir) + ", whose group reads the certificate");
    TRY_ASSIGN(PkiFolder folder, PkiFolder::open(how.folder, store.st_gid));
    if (const auto renewal = folder.renewal();
        !how.renew && renewal && std::chrono::system_clock::now() < *renewal) {
        node::log(Level::info, "the certificate is good",
                  {{"folder", how.folder}, {"renewed_from", until(*renewal)}});
        return {};
    }
    return ask(folder, how);
}

} // namespace lpm::sidecar
