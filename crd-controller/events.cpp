// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "events.hpp"

#include <array>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/deadline.hpp"
#include "base/fnv.hpp"
#include "base/random.hpp"
#include "node/log.hpp"

namespace lpm::controller {

using namespace std::chrono_literals;

static constexpr std::size_t most_waiting = 1000;
static constexpr std::size_t longest_note = 1000; // of 1024 that the API server takes
static constexpr auto same_again = 6min;          // client-go's: a series
static constexpr const char* controller_name = "lpm.my.domain/lpm-controller";

Events::Events(kube::Client& client, std::string instance)
    : client_(client), instance_(std::move(instance)) {}

void Events::add(Waiting waiting) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() >= most_waiting)
            return;
        waiting_.push_back(std::move(waiting));
    }
    changed_.notify_one();
}

void Events::post(const Key& key, const std::string& uid, const Event& event) {
    add({key, uid, event, time_now(), ""});
}

void Events::post_of_pod(const Key& pod, const std::string& uid, const Event& event, const std::string& same,
                         Time when) {
    add({pod, uid, event, when, same});
}

void Events::run(const std::stop_token& stop) {
    std::optional<Deadline> last;
    while (true) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, stop, [this] { return !waiting_.empty(); });
        if (stop.stop_requested() && !last)
            last.emplace(5s);
        if (waiting_.empty() || (last && last->passed()))
            return;
        const Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        send(next);
    }
}

static std::string hex_of(std::uint64_t number) {
    std::array<char, 20> text{};
    std::snprintf(text.data(), text.size(), "%016jx", static_cast<std::uintmax_t>(number));
    return text.data();
}

static std::string name_of(const Key& key, std::uint64_t number) {
    std::string name = key.name.substr(0, 230);
    while (name.ends_with('.') || name.ends_with('-'))
        name.pop_back();
    return name + "." + hex_of(number);
}

static std::string path_of(const Key& key) {
    return "/apis/events.k8s.io/v1/namespaces/" + key.space + "/events";
}

Result<> Events::create(const Waiting& waiting, const std::string& name, const std::string& note) {
    const bool of_pod = !waiting.same.empty();
    const json::Value object = {{"apiVersion", "events.k8s.io/v1"},
                                {"kind", "Event"},
                                {"metadata", {{"name", name}, {"namespace", waiting.key.space}}},
                                {"eventTime", write_micro(waiting.when)},
                                {"reportingController", controller_name},
                                {"reportingInstance", instance_},
                                {"action", of_pod ? "Restore" : "Checkpoint"},
                                {"reason", waiting.event.reason},
                                {"type", waiting.event.warning ? "Warning" : "Normal"},
                                {"note", note},
                                {"regarding",
                                 {{"apiVersion", of_pod ? "v1" : group_version},
                                  {"kind", of_pod ? "Pod" : "ContainerCheckpoint"},
                                  {"namespace", waiting.key.space},
                                  {"name", waiting.key.name},
                                  {"uid", waiting.uid}}}};
    auto made = client_.create(path_of(waiting.key), object);
    if (!made && made.error().code != Errc::exists)
        node::log(
            node::Level::debug, "an Event is not posted",
            {{"object", waiting.key.text()}, {"reason", waiting.event.reason}, {"error", made.error().text}});
    return made;
}

void Events::send(const Waiting& waiting) {
    const std::string note = one_line(waiting.event.note, longest_note);
    if (!waiting.same.empty()) {
        const std::string text = waiting.uid + "\n" + waiting.same;
        (void)create(waiting, name_of(waiting.key, fnv1a(text.data(), text.size())), note);
        return;
    }
    const std::string same = waiting.uid + "\n" + waiting.event.reason + "\n" + note;
    const auto now = std::chrono::steady_clock::now();
    for (; !sent_.empty() && now - sent_.front().when > same_again; sent_.pop_front())
        by_text_.erase(sent_.front().text);
    if (const auto at = by_text_.find(same); at != by_text_.end()) {
        Sent& before = *at->second;
        const json::Value series = {{"count", before.count + 1},
                                    {"lastObservedTime", write_micro(waiting.when)}};
        if (client_.patch(path_of(waiting.key) + "/" + before.name, {{"series", series}})) {
            before.count += 1;
            before.when = now;
            sent_.splice(sent_.end(), sent_, at->second);
            return;
        }
        sent_.erase(at->second);
        by_text_.erase(at);
    }
    const std::string name = name_of(waiting.key, random_bytes<std::uint64_t>());
    if (create(waiting, name, note))
        by_text_[same] = sent_.insert(sent_.end(), {same, name, 1, now});
}

} // namespace lpm::controller
