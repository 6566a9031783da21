// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/credentials.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <utility>

#include "base/file.hpp"
#include "base/text.hpp"
#include "kube/kubeconfig.hpp"
#include "kube/plugin.hpp"

namespace lpm::kube {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

static constexpr auto kept = 60s;         // what was read
static constexpr auto between_tries = 5s; // after a failure
static constexpr std::size_t longest_file = std::size_t{1} << 20;

Result<Access> Credentials::access() {
    const std::scoped_lock lock(mutex_);
    const auto now = Clock::now();
    if (known_ && now < known_->until)
        return known_->access;
    auto fresh = read();
    if (fresh) {
        known_ = std::move(*fresh);
    } else {
        if (!known_ || now >= known_->end)
            return std::unexpected(std::move(fresh).error());
        known_->until = std::min(now + between_tries, known_->end);
    }
    return known_->access;
}

void Credentials::expire() {
    const std::scoped_lock lock(mutex_);
    const auto now = Clock::now();
    if (expired_ != Clock::time_point{} && now - expired_ < between_tries)
        return;
    expired_ = now;
    known_.reset();
    forget();
}

static Result<std::string> read_pem(const std::string& path) {
    TRY_ASSIGN(std::string text, read_file(AT_FDCWD, path, longest_file));
    if (!is_pem(text))
        return fail(Errc::invalid, path + " is no PEM: it has no line -----BEGIN");
    return text;
}

static Result<std::string> read_token(const std::string& path) {
    TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, path, longest_file));
    const auto token = trim(text);
    if (!is_visible(token))
        return fail(Errc::invalid, path + " has no token in it: one line is expected, without blanks");
    return std::string(token);
}

namespace {

class InCluster final : public Credentials {
  public:
    InCluster(std::string server, std::string folder)
        : server_(std::move(server)), folder_(std::move(folder)) {}

  protected:
    Result<Fresh> read() override;

  private:
    std::string server_;
    std::string folder_;
};

class FromFiles final : public Credentials {
  public:
    FromFiles(std::vector<std::string> paths, std::string context, bool allow_plugins)
        : paths_(std::move(paths)), context_(std::move(context)), allow_plugins_(allow_plugins) {}

    // The files as they are now; nothing that they name is read or run.
    [[nodiscard]] Result<Kubeconfig> config() const;

  protected:
    Result<Fresh> read() override;
    void forget() override { given_.reset(); }

  private:
    struct Given {
        Plugin by;
        Result<Credential> what;
        Clock::time_point until; // then the plugin is asked again
        Clock::time_point end;
    };
    [[nodiscard]] static Given given_by(const Plugin& plugin, const Access& cluster);
    [[nodiscard]] Result<> add_given(const Plugin& plugin, Fresh& to);

    std::vector<std::string> paths_;
    std::string context_;
    bool allow_plugins_;
    std::optional<Given> given_;
};

Result<Credentials::Fresh> InCluster::read() {
    Fresh fresh{.access = {}, .until = Clock::now() + kept};
    fresh.access.server = server_;
    auto token = read_token(folder_ + "/token");
    if (!token)
        return std::unexpected(
            std::move(token).error().in("this pod's token (automountServiceAccountToken?)"));
    fresh.access.bearer = std::move(*token);
    auto ca = read_pem(folder_ + "/ca.crt");
    if (!ca && ca.error().code != Errc::absent)
        return std::unexpected(std::move(ca).error());
    if (ca)
        fresh.access.tls.ca = std::move(*ca);
    auto space = read_file(AT_FDCWD, folder_ + "/namespace", longest_file);
    if (!space && space.error().code != Errc::absent)
        return std::unexpected(std::move(space).error());
    fresh.access.space = space ? std::string(trim(*space)) : "default";
    if (!is_namespace(fresh.access.space))
        return fail(Errc::invalid, folder_ + "/namespace has no name of a namespace in it");
    return fresh;
}

Result<Kubeconfig> FromFiles::config() const {
    std::vector<KubeconfigFile> files;
    for (const auto& path : paths_) {
        auto text = read_file(AT_FDCWD, path, longest_file);
        // As kubectl has it: of a list, some may be missing.
        if (!text && text.error().code == Errc::absent && paths_.size() > 1)
            continue;
        if (!text)
            return std::unexpected(std::move(text).error().in("kubeconfig"));
        const auto slash = path.rfind('/');
        const auto folder =
            slash == std::string::npos ? "." : path.substr(0, std::max(slash, std::size_t{1}));
        files.push_back({.text = std::move(*text), .folder = folder, .path = path});
    }
    if (files.empty())
        return fail(Errc::absent, "kubeconfig: none of its " + std::to_string(paths_.size()) +
                                      " files is there: " + paths_.front() + " and others");
    TRY_ASSIGN(Kubeconfig config, merge_kubeconfigs(files, context_));
    if (config.plugin && !allow_plugins_)
        return fail(Errc::denied,
                    files.front().path + ": its user's credentials come from a program (exec: " +
                        one_line(config.plugin->command, 100) +
                        "), and lpm runs none unless it is allowed to: allow it, or use a token or a "
                        "client certificate");
    return config;
}

// Files are read here and not when the kubeconfig is: they change more often.
Result<> read_files(const Kubeconfig& config, Access& access) {
    const std::pair<const std::string&, std::string&> files[] = {
        {config.ca_file, access.tls.ca},
        {config.certificate_file, access.tls.certificate},
        {config.key_file, access.tls.key},
    };
    for (const auto& [path, to] : files) {
        if (path.empty())
            continue;
        TRY_ASSIGN(to, read_pem(path));
    }
    if (!config.token_file.empty()) {
        TRY_ASSIGN(access.bearer, read_token(config.token_file));
    }
    return {};
}

Result<Credentials::Fresh> FromFiles::read() {
    TRY_ASSIGN(Kubeconfig config, this->config());
    Fresh fresh{.access = {}, .until = Clock::now() + kept};
    Access& access = fresh.access;
    access.server = config.server;
    access.tls.ca = config.ca;
    access.tls.server_name = config.server_name;
    access.tls.certificate = config.certificate;
    access.tls.key = config.key;
    access.bearer = config.token;
    access.user = config.user;
    access.proxy = config.proxy;
    access.space = config.space.empty() ? "default" : config.space;
    TRY(read_files(config, access));
    if (config.plugin)
        TRY(add_given(*config.plugin, fresh));
    return fresh;
}

// How long a credential is good for, by this machine's clock; a year when it does not say.
std::chrono::seconds left_of(const Credential& credential) {
    constexpr std::chrono::seconds longest = std::chrono::years(1);
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return credential.expires ? std::min(*credential.expires - now, longest) : longest;
}

// The answer, also one that is a failure, and for how long it is not asked for again.
FromFiles::Given FromFiles::given_by(const Plugin& plugin, const Access& cluster) {
    Given given{.by = plugin, .what = ask(plugin, cluster), .until = Clock::now() + between_tries, .end = {}};
    if (!given.what)
        return given;
    const auto left = left_of(*given.what);
    if (left <= 0s) {
        given.what =
            fail(Errc::unavailable, "exec plugin " + one_line(plugin.command, 100) +
                                        " gave a credential that has expired already: compare the clocks");
        return given;
    }
    given.end = Clock::now() + left;
    // A little before that, for what is on its way then.
    given.until = given.end - std::min<std::chrono::seconds>(10s, left / 2);
    return given;
}

Result<> FromFiles::add_given(const Plugin& plugin, Fresh& to) {
    if (!given_ || given_->by != plugin || Clock::now() >= given_->until)
        given_ = given_by(plugin, to.access);
    if (!given_->what)
        return std::unexpected(given_->what.error());
    const Credential& credential = *given_->what;
    // A token in the file wins, as with kubectl.
    if (to.access.bearer.empty() && to.access.user.empty())
        to.access.bearer = credential.token;
    if (!credential.certificate.empty()) {
        to.access.tls.certificate = credential.certificate;
        to.access.tls.key = credential.key;
    }
    to.until = std::min(to.until, given_->until);
    to.end = given_->end;
    return {};
}

} // namespace

Result<std::unique_ptr<Credentials>> Credentials::in_cluster(const std::string& folder) {
    const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
    const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
    if (host == nullptr || port == nullptr)
        return fail(Errc::absent,
                    "this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; "
                    "name a kubeconfig");
    if (!is_host(host) || to_number<std::uint16_t>(port).value_or(0) == 0)
        return fail(Errc::invalid,
                    "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no host and port: " +
                        one_line(host, 100) + " and " + one_line(port, 100));
    const bool six = std::string_view(host).contains(':');
    std::string server = "https://" + (six ? "[" + std::string(host) + "]" : std::string(host)) + ":" + port;
    auto made = std::make_unique<InCluster>(std::move(server), folder);
    TRY(made->access());
    return made;
}

Result<std::unique_ptr<Credentials>> Credentials::kubeconfig(const std::string& paths,
                                                             const std::string& context, bool allow_plugins) {
    std::vector<std::string> list;
    std::string_view rest = paths;
    while (!rest.empty())
        if (const auto path = next_part(rest, ':'); !path.empty())
            list.emplace_back(path);
    if (list.empty())
        return fail(Errc::invalid, "kubeconfig: no file is named");
    auto made = std::make_unique<FromFiles>(std::move(list), context, allow_plugins);
    TRY(made->config());
    return made;
}

} // namespace lpm::kube
