// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kubectl/wait.hpp"

#include <cstdio>
#include <ctime>

#include "base/text.hpp"
#include "kube/pause.hpp"
#include "kubectl/object.hpp"

namespace lpm::cli::kubectl {

using namespace std::chrono_literals;

static ::sigset_t ending_signals() {
    ::sigset_t set{};
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGINT);
    ::sigaddset(&set, SIGTERM);
    ::sigaddset(&set, SIGHUP); // a terminal that is closed
    return set;
}

// The thread begins last: it inherits the mask.
Patience::Patience(std::chrono::seconds time) : deadline_(std::chrono::steady_clock::now() + time) {
    const ::sigset_t set = ending_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
    thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

Patience::~Patience() {
    thread_.request_stop();
    thread_.join();
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Patience::watch(const std::stop_token& stop) {
    constexpr timespec slice{.tv_sec = 0, .tv_nsec = 100'000'000};
    const ::sigset_t set = ending_signals();
    while (!stop.stop_requested()) {
        if (interrupted_) {
            kube::pause_for(100ms, stop);
            continue;
        }
        if (::sigtimedwait(&set, nullptr, &slice) > 0) {
            interrupted_ = true;
            over_.request_stop();
            ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
        } else if (std::chrono::steady_clock::now() >= deadline_) {
            over_.request_stop();
        }
    }
}

namespace {

class Waiting {
  public:
    Waiting(Session& session, json::Value object, const Patience& patience)
        : session_(session), object_(std::move(object)), patience_(patience),
          uid_(json::text_or_empty(object_, "metadata.uid")),
          version_(json::text_or_empty(object_, "metadata.resourceVersion")) {}

    [[nodiscard]] Result<json::Value> run() {
        const std::stop_callback over(patience_.token(), [this] { done_.request_stop(); });
        take(object_);
        while (!done_.stop_requested()) {
            const auto began = std::chrono::steady_clock::now();
            auto heard = version_.empty() ? read() : watch();
            if (!heard && !done_.stop_requested() && !can_go_on(heard.error()))
                return std::unexpected(session_.explain(std::move(heard).error(), role_view));
            if (std::chrono::steady_clock::now() - began < 1s)
                kube::pause_for(1s, done_.get_token());
        }
        if (gone_)
            return fail(Errc::absent, title_of(object_) + " was deleted before it ended");
        return std::move(object_);
    }

  private:
    Result<> read() {
        TRY_ASSIGN(json::Value object, session_.client().get(session_.path(name_of(object_))));
        version_ = json::text_or_empty(object, "metadata.resourceVersion");
        take(std::move(object));
        return {};
    }
    Result<> watch() {
        return session_.client().watch(
            kube::with_query(session_.path(), "fieldSelector", "metadata.name=" + name_of(object_)), version_,
            [this](kube::Client::Change change, json::Value object) {
                if (change == kube::Client::Change::removed)
                    lose();
                else
                    take(std::move(object));
            },
            done_.get_token());
    }
    void lose() {
        gone_ = true;
        done_.request_stop();
    }
    // Another object may have its name by now.
    void take(json::Value object) {
        if (done_.stop_requested())
            return;
        if (json::text_or_empty(object, "metadata.uid") != uid_)
            return lose();
        object_ = std::move(object);
        tell(progress_text(object_));
        if (end_of(object_) != End::open)
            done_.request_stop();
    }
    void tell(const std::string& line) {
        if (line == told_)
            return;
        told_ = line;
        std::fprintf(stderr, "%s  %s\n", title_of(object_).c_str(), line.c_str());
    }
    bool can_go_on(const Error& error) {
        if (error.code == Errc::absent && version_.empty()) {
            lose();
            return true;
        }
        if (error.code == Errc::absent || error.code == Errc::invalid) { // too old, or garbled
            const bool first = !version_.empty();
            version_.clear();
            return first;
        }
        if (error.code == Errc::denied)
            return false;
        tell("the API server does not answer, it is asked again: " + one_line(error.text, 400));
        return true;
    }

    Session& session_;
    json::Value object_;
    const Patience& patience_;
    std::string uid_;
    std::string version_;
    std::string told_;
    bool gone_ = false;
    std::stop_source done_;
};

} // namespace

Result<json::Value> wait_for_end(Session& session, json::Value object, const Patience& patience) {
    return Waiting(session, std::move(object), patience).run();
}

void add_wait_timeout(CLI::App& app, std::string& to) {
    app.add_option("--wait-timeout", to, "How long to wait: 90s, 5m, 1h")
        ->type_name("TIME")
        ->capture_default_str()
        ->check([](const std::string& text) {
            return read_duration(text) ? std::string() : "must be a time up to 24h, as 90s, 5m or 1h";
        });
}

} // namespace lpm::cli::kubectl
