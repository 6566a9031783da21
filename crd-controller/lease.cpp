// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "lease.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "api/time.hpp"
#include "base/random.hpp"
#include "kube/pause.hpp"

namespace lpm::controller {

using namespace std::chrono_literals;

static constexpr std::int64_t duration = 15; // seconds
static constexpr auto give_up = 10s;
static constexpr auto retry = 2s;

Lease::Lease(kube::Client& client, std::string space, std::string name, std::string identity)
    : client_(client), folder_("/apis/coordination.k8s.io/v1/namespaces/" + space + "/leases"),
      space_(std::move(space)), name_(std::move(name)), identity_(std::move(identity)) {}

json::Value Lease::made_ours(json::Value lease, bool fresh) const {
    json::Value& spec = lease["spec"];
    if (!spec.is_object())
        spec = json::Value::object();
    const std::string now = write_micro(time_now());
    if (fresh) {
        const auto before = json::integer(spec, "leaseTransitions").value_or(-1);
        spec["leaseTransitions"] = before >= 0 && before < INT32_MAX ? before + 1 : 0; // it is an int32
        spec["acquireTime"] = now;
    }
    spec["holderIdentity"] = identity_;
    spec["leaseDurationSeconds"] = duration;
    spec["renewTime"] = now;
    return lease;
}

Lease::Outcome Lease::try_once(std::string& holder) {
    auto found = client_.get(path());
    if (!found && found.error().code == Errc::absent) {
        const json::Value lease = made_ours({{"apiVersion", "coordination.k8s.io/v1"},
                                             {"kind", "Lease"},
                                             {"metadata", {{"name", name_}, {"namespace", space_}}}},
                                            true);
        return write([&] { return client_.create_and_read(folder_, lease); }) ? Outcome::ours
                                                                              : Outcome::failed;
    }
    if (!found) {
        holder = found.error().text;
        return Outcome::failed;
    }
    const auto version = [](const json::Value& lease) {
        return json::text_or_empty(lease, "metadata.resourceVersion");
    };
    if (version(*found) != version(seen_)) {
        changed_ = Clock::now();
        seen_ = *found;
    }
    holder = json::text_or_empty(*found, "spec.holderIdentity");
    const std::chrono::seconds valid(std::clamp<std::int64_t>(
        json::integer(*found, "spec.leaseDurationSeconds").value_or(duration), 1, 3600));
    if (!holder.empty() && holder != identity_ && Clock::now() < changed_ + valid)
        return Outcome::others;
    const json::Value lease = made_ours(*std::move(found), holder != identity_);
    return write([&] { return client_.replace(path(), lease); }) ? Outcome::ours : Outcome::failed;
}

bool Lease::acquire(const std::stop_token& stop, const std::function<void(const std::string&)>& waits) {
    std::mt19937 random{random_bytes<std::uint32_t>()};
    std::string told;
    client_.hurry(give_up / 2);
    while (!stop.stop_requested()) {
        std::string holder;
        if (try_once(holder) == Outcome::ours)
            return true;
        if (!refusal_.empty())
            holder += (holder.empty() ? "" : "; ") + std::exchange(refusal_, {});
        if (holder != std::exchange(told, holder))
            waits(holder);
        kube::pause_for(retry + std::chrono::milliseconds(std::uniform_int_distribution<>(0, 2400)(random)),
                        stop);
    }
    return false;
}

// It counts from when a renewal was sent: others count from when they see it, which is not before that.
bool Lease::write(const std::function<Result<json::Value>()>& request) {
    const auto sent = Clock::now();
    auto written = request();
    if (!written) {
        refusal_ = written.error().text;
        return false;
    }
    seen_ = *std::move(written);
    given_up_ = sent + give_up;
    return true;
}

void Lease::keep(const std::stop_token& stop, const std::function<void()>& lost) {
    const std::jthread clock([&](const std::stop_token& ended) {
        while (!ended.stop_requested()) {
            const auto left = given_up_.load() - Clock::now();
            if (left <= Clock::duration::zero())
                return lost();
            kube::pause_for(std::chrono::ceil<std::chrono::milliseconds>(left), ended);
        }
    });
    while (true) {
        kube::pause_for(retry, stop);
        if (stop.stop_requested())
            return;
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(given_up_.load() - Clock::now());
        client_.hurry(std::max<std::chrono::milliseconds>(left / 2, 100ms)); // twice, if the first one hangs
        // The object as we left it first; when somebody has touched it, as it is.
        if (write([&] { return client_.replace(path(), made_ours(seen_, false)); }))
            continue;
        std::string holder;
        if (try_once(holder) == Outcome::others)
            return lost();
    }
}

void Lease::release() {
    json::Value lease = made_ours(seen_, false);
    lease["spec"]["holderIdentity"] = "";
    lease["spec"]["leaseDurationSeconds"] = 1;
    client_.hurry(give_up / 2);
    (void)client_.replace(path(), lease);
}

} // namespace lpm::controller
