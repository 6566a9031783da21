// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "store.hpp"

#include <algorithm>

namespace lpm::controller {

void Store::list_begins() {
    const std::lock_guard lock(mutex_);
    unseen_.clear();
    for (const auto& [key, object] : open_)
        unseen_.insert(key);
    for (const auto& [key, object] : finished_)
        unseen_.insert(key);
}

void Store::set(Checkpoint object) {
    const std::lock_guard lock(mutex_);
    put(std::move(object));
}

// resourceVersions of one kind are numbers of etcd's, and compare as such (KEP-5504).
static bool is_older(const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
}

void Store::update(Checkpoint object) {
    const std::lock_guard lock(mutex_);
    const auto open = open_.find(object.key);
    const auto ended = finished_.find(object.key);
    const auto is_known = [&](const std::string& uid, const std::string& version) {
        return uid == object.uid && !is_older(object.version, version);
    };
    if ((open != open_.end() && is_known(open->second.uid, open->second.version)) ||
        (ended != finished_.end() && is_known(ended->second.uid, ended->second.version)))
        put(std::move(object));
}

void Store::put(Checkpoint object) {
    const Key key = object.key;
    unseen_.erase(key);
    if (!object.status.is_finished() || object.deleted) {
        finished_.erase(key);
        open_[key] = std::move(object);
        return;
    }
    open_.erase(key);
    finished_[key] = {object.uid,
                      object.version,
                      object.spec.pod + "/" + object.status.container,
                      read_time(object.status.completion).value_or(object.created),
                      object.spec.ttl,
                      object.status.phase != "Failed",
                      object.status.phase != "Failed" && !object.spec.dry_run,
                      object.spec.remove_archive && !object.has_finalizer() &&
                          !object.status.content.empty()};
}

void Store::removed(const Key& key) {
    const std::lock_guard lock(mutex_);
    open_.erase(key);
    finished_.erase(key);
}

std::vector<Key> Store::list_ended() {
    const std::lock_guard lock(mutex_);
    std::vector<Key> gone(unseen_.begin(), unseen_.end());
    for (const Key& key : gone) {
        open_.erase(key);
        finished_.erase(key);
    }
    unseen_.clear();
    return gone;
}

std::optional<Checkpoint> Store::find(const Key& key) const {
    const std::lock_guard lock(mutex_);
    const auto at = open_.find(key);
    return at == open_.end() ? std::nullopt : std::optional(at->second);
}

std::optional<Store::Finished> Store::find_finished(const Key& key) const {
    const std::lock_guard lock(mutex_);
    const auto at = finished_.find(key);
    return at == finished_.end() ? std::nullopt : std::optional(at->second);
}

std::vector<std::pair<Key, std::string>> Store::surplus(const Key& of, std::size_t keep) const {
    const std::lock_guard lock(mutex_);
    const auto at = finished_.find(of);
    if (keep == 0 || at == finished_.end())
        return {};
    struct One {
        Time ended;
        Key key;
        std::string uid;
    };
    std::vector<One> same;
    for (auto one = finished_.lower_bound({of.space, ""});
         one != finished_.end() && one->first.space == of.space; ++one)
        if (one->second.has_archive && one->second.container == at->second.container)
            same.push_back({one->second.ended, one->first, one->second.uid});
    std::ranges::sort(same, std::greater{}, [](const One& one) { return std::pair(one.ended, one.key); });
    std::vector<std::pair<Key, std::string>> rest;
    for (std::size_t i = keep; i < same.size(); ++i)
        rest.emplace_back(same[i].key, same[i].uid);
    return rest;
}

std::map<std::string, std::size_t> Store::count_by_phase() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::size_t> count;
    for (const auto& [key, object] : open_)
        ++count[object.status.phase.empty() ? "Pending" : object.status.phase];
    for (const auto& [key, object] : finished_)
        ++count[object.success ? "Completed" : "Failed"];
    return count;
}

} // namespace lpm::controller
