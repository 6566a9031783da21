// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "app.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "attempts.hpp"
#include "base/file.hpp"
#include "base/random.hpp"
#include "events.hpp"
#include "follow.hpp"
#include "kube/credentials.hpp"
#include "kube/kubelet.hpp"
#include "kube/reflector.hpp"
#include "lease.hpp"
#include "loop/queue.hpp"
#include "loop/worker.hpp"
#include "node/log.hpp"
#include "node/metrics.hpp"
#include "node/sandbox.hpp"
#include "node/web.hpp"
#include "numbers.hpp"
#include "reconcile.hpp"
#include "restore_reporter.hpp"
#include "schema.hpp"
#include "sidecar_client.hpp"
#include "signer/signer.hpp"
#include "store.hpp"

namespace lpm::controller {

using namespace std::chrono_literals;
using node::Level;

static constexpr auto last_answers = 600s; // that are awaited after SIGTERM

static std::string identity() {
    std::string host(256, '\0');
    if (::gethostname(host.data(), host.size() - 1) != 0)
        host = "unknown";
    host.resize(host.find('\0'));
    return host.substr(0, 80) + "_" + std::to_string(random_bytes<std::uint64_t>());
}

static Result<std::unique_ptr<kube::Credentials>> find_credentials(const config::Controller& settings) {
    const char* paths = std::getenv("KUBECONFIG");
    if (!settings.kubeconfig.empty() || (paths != nullptr && *paths != '\0'))
        return kube::Credentials::kubeconfig(settings.kubeconfig.empty() ? paths : settings.kubeconfig,
                                             settings.context, settings.allow_exec);
    return kube::Credentials::in_cluster();
}

namespace {

// One controller: what it knows and the threads that work on it, in the order in which they begin.
class App {
  public:
    App(const config::Controller& settings, std::unique_ptr<kube::Credentials> credentials,
        std::unique_ptr<SidecarClient> sidecar, std::string space)
        : settings_(settings), credentials_(std::move(credentials)),
          sidecar_(sidecar ? std::move(sidecar) : ask_by_our_certificate()), space_(std::move(space)) {}

    Result<int> run();

  private:
    std::unique_ptr<SidecarClient> ask_by_our_certificate();
    Result<> open();
    void follow();
    void work();
    int lead();
    void finish();
    kube::KubeletAccess kubelet_access() const;
    node::Page ready() const;

    const config::Controller& settings_;
    std::unique_ptr<kube::Credentials> credentials_;
    std::unique_ptr<SidecarClient> sidecar_; // nothing: none is asked
    const std::string space_;
    const std::string holder_ = identity();

    Numbers numbers_;
    kube::Http http_{"lpm-controller/" LPM_VERSION, settings_.environment_proxy};
    kube::Client client_{http_, *credentials_,
                         [this](auto method, long status) { numbers_.request(method, status); }};
    kube::Client lease_client_{http_, *credentials_};
    kube::Kubelets kubelets_{http_, client_, *credentials_, kubelet_access()};
    Store store_;
    Queue queue_;
    Schema schema_;
    Events events_{client_, holder_.substr(0, 128)};
    Attempts attempts_{{settings_.per_node, settings_.in_all},
                       [this](const std::string& key, auto after) { queue_.add_after(key, after); }};
    Later later_;
    Reconciler reconciler_{
        {client_, kubelets_, store_, queue_, schema_, events_, attempts_, later_, sidecar_.get()},
        {holder_, settings_.success_phase, settings_.through_proxy, settings_.keep_per_container,
         std::chrono::seconds(settings_.verify_seconds)}};
    Lease lease_{lease_client_, space_, settings_.lease, holder_};
    kube::Reflector objects_{client_, checkpoints_path};
    kube::Reflector crds_{
        client_, kube::with_query(crds_path, "fieldSelector", std::string("metadata.name=") + crd_name)};
    RestoreReporter restores_{{client_, kubelets_, schema_, events_, sidecar_.get()}};
    Signer signer_{client_, space_, std::chrono::hours(settings_.certificate_hours)};
    std::atomic<bool> leads_{false};
    std::vector<std::unique_ptr<node::Web>> webs_;
    std::vector<std::jthread> threads_;
};

kube::KubeletAccess App::kubelet_access() const {
    kube::KubeletAccess access;
    access.through_proxy = settings_.through_proxy;
    access.ca_file = settings_.ca_file;
    access.pins = settings_.pins;
    access.certificate_file = settings_.certificate_file;
    access.key_file = settings_.key_file;
    access.token_file = settings_.token_file;
    access.name_space = space_;
    access.service_account = settings_.service_account;
    return access;
}

// A controller that waits for its turn is ready too: a rollout would wait for it otherwise.
node::Page App::ready() const {
    if (!leads_)
        return {200, "waits for the Lease\n"};
    if (!objects_.is_synced())
        return {503, "has not listed the ContainerCheckpoints yet\n"};
    return {200, "ok\n"};
}

Result<> App::open() {
    const node::Web::Pages health{{"/healthz", [] { return node::Page{200, "ok\n"}; }},
                                  {"/readyz", [this] { return ready(); }}};
    node::Web::Pages metrics{{"/metrics", [this] {
                                  numbers_.set_state(queue_.size(), attempts_.size(), leads_,
                                                     store_.count_by_phase());
                                  return node::Page{200, numbers_.text(), "text/plain; version=0.0.4"};
                              }}};
    if (settings_.health == settings_.metrics)
        metrics.insert(health.begin(), health.end());
    TRY_ASSIGN(auto web, node::Web::open(settings_.metrics, metrics));
    webs_.push_back(std::move(web));
    if (settings_.health != settings_.metrics) {
        TRY_ASSIGN(auto other, node::Web::open(settings_.health, health));
        webs_.push_back(std::move(other));
    }
    return node::allow_daemon_calls(settings_.allow_exec);
}

void App::follow() {
    crds_.follow(crd_handlers(schema_, numbers_));
    threads_.emplace_back([this](const std::stop_token& stop) { crds_.run(stop); });
    objects_.follow(object_handlers(store_, queue_));
    threads_.emplace_back([this](const std::stop_token& stop) { objects_.run(stop); });
}

void App::work() {
    // A sidecar reads four archives at a time, and those that are new must not wait for these.
    constexpr int at_a_time = 2;
    for (int i = 0; i < at_a_time && sidecar_; ++i)
        threads_.emplace_back([this](const std::stop_token& stop) { later_.run(stop); });
    for (std::uint32_t i = 0; i < settings_.workers; ++i)
        threads_.emplace_back([this](const std::stop_token& stop) {
            work_on(
                queue_, [this](const std::string& key) { return reconciler_.reconcile(key); },
                [this](const std::string& key, const Result<>& done, double seconds) {
                    numbers_.reconciled(done.has_value(), seconds);
                    if (!done && done.error().code != Errc::busy)
                        node::log(Level::warn, "is tried again",
                                  {{"object", key}, {"error", done.error().text}});
                },
                stop);
        });
}

// No new attempts; those under way are awaited, and what they say is written.
void App::finish() {
    node::log(Level::info, "ends", {{"under_way", std::to_string(attempts_.size())}});
    attempts_.close();
    if (!attempts_.wait(last_answers)) {
        node::log(Level::error, "answers of kubelets are outstanding: their objects stay Running", {});
        ::_exit(1);
    }
    // Those that post Events first: the thread that sends them was the first to begin.
    for (auto thread = threads_.begin() + 1; thread != threads_.end(); ++thread)
        thread->request_stop();
    while (!threads_.empty())
        threads_.pop_back();
}

// The authority that signs sidecars is ours, and so is one of their clients. Nothing when none is to be
// asked.
std::unique_ptr<SidecarClient> App::ask_by_our_certificate() {
    if (!settings_.ask_sidecar)
        return nullptr;
    const auto identify = [this]() -> Result<SidecarClient::Identity> {
        TRY_ASSIGN(ClientIdentity ours, signer_.authorities().client_identity());
        return SidecarClient::Identity{std::move(ours.ca_pem), std::move(ours.certificate_pem),
                                       std::move(ours.key_pem)};
    };
    return std::make_unique<SidecarClient>(identify, settings_.sidecar_port);
}

int App::lead() {
    std::jthread keeper([this](const std::stop_token& stop) {
        lease_.keep(stop, [] {
            node::log(Level::error, "the Lease is lost: another controller may act", {});
            ::_exit(1); // requests under way cannot be called back, but nothing more may be done
        });
    });
    leads_ = true;
    node::log(Level::info, "leads", {{"identity", holder_}});
    threads_.emplace_back([this](const std::stop_token& stop) { events_.run(stop); });
    follow();
    if (settings_.signer)
        signer_.start(threads_);
    restores_.start(threads_);
    work();
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    int signal = 0;
    sigwait(&ends, &signal);
    finish();
    keeper.request_stop();
    keeper.join(); // or it would take it again
    lease_.release();
    return 0;
}

Result<int> App::run() {
    TRY(open());
    std::stop_source acquiring;
    // While it waits for the Lease there is nothing to end in an orderly way.
    std::jthread watcher([&acquiring](const std::stop_token& stop) {
        sigset_t ends;
        sigemptyset(&ends);
        sigaddset(&ends, SIGTERM);
        sigaddset(&ends, SIGINT);
        const timespec moment{.tv_sec = 0, .tv_nsec = 200'000'000};
        while (!stop.stop_requested())
            if (sigtimedwait(&ends, nullptr, &moment) > 0)
                acquiring.request_stop();
    });
    const bool ours = lease_.acquire(acquiring.get_token(), [](const std::string& holder) {
        node::log(Level::info, "waits for the Lease", {{"holder", holder}});
    });
    watcher.request_stop();
    watcher.join();
    if (ours && acquiring.stop_requested())
        lease_.release();
    if (!ours || acquiring.stop_requested())
        return 0;
    return lead();
}

} // namespace

Result<int> run(const config::Controller& settings) {
    sigset_t ends; // in every thread: `lead` waits for them
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    std::signal(SIGPIPE, SIG_IGN);  // libcurl leaves it as it is (CURLOPT_NOSIGNAL)
    TRY(node::drop_capabilities()); // of this thread: there are no others yet
    TRY_ASSIGN(auto credentials, find_credentials(settings));
    TRY_ASSIGN(const auto access, credentials->access());
    std::string space = settings.name_space;
    if (space.empty())
        space = std::getenv("KUBERNETES_SERVICE_HOST") != nullptr ? access.space : "lpm-system";
    std::unique_ptr<SidecarClient> sidecar;
    if (settings.ask_sidecar && !settings.sidecar_certificate_file.empty()) {
        TRY_ASSIGN(sidecar, SidecarClient::open({settings.sidecar_ca_file, settings.sidecar_certificate_file,
                                                 settings.sidecar_key_file},
                                                settings.sidecar_port));
    }
    App app(settings, std::move(credentials), std::move(sidecar), std::move(space));
    return app.run();
}

} // namespace lpm::controller
