// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <utility>
#include <variant>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace lpm::node {

namespace {

using Counters = prometheus::Family<prometheus::Counter>;
using Gauges = prometheus::Family<prometheus::Gauge>;
struct Histograms {
    prometheus::Family<prometheus::Histogram>* family;
    std::vector<double> bounds;
};
using Any = std::variant<Counters*, Gauges*, Histograms>;

} // namespace

class Metrics::Families {
  public:
    // `make` registers the family; the library throws when the name is none.
    template <class Make> void declare(const std::string& name, Make make) {
        const std::scoped_lock lock(mutex_);
        if (known_.contains(name))
            return;
        try {
            known_.emplace(name, make(registry_));
        } catch (const std::exception&) {
            return; // then it is not declared
        }
    }

    // `use` is called with the family of that name if it is of type T; the library throws on a label's name.
    template <class T, class Use> void with(const std::string& name, Use use) const {
        const std::shared_lock lock(mutex_);
        const auto found = known_.find(name);
        const T* family = found == known_.end() ? nullptr : std::get_if<T>(&found->second);
        if (family == nullptr)
            return;
        try {
            use(*family);
        } catch (const std::exception&) {
            return; // a number that nobody can read is not worth a fault
        }
    }

    [[nodiscard]] std::string text() const {
        return prometheus::TextSerializer().Serialize(registry_.Collect());
    }

  private:
    mutable std::shared_mutex mutex_; // of known_; the library has its own
    prometheus::Registry registry_;
    std::map<std::string, Any> known_;
};

Metrics::Metrics() : families_(std::make_unique<Families>()) {}
Metrics::~Metrics() = default;

void Metrics::declare_counter(const std::string& name, const std::string& help) {
    families_->declare(name, [&](prometheus::Registry& registry) -> Any {
        return &prometheus::BuildCounter().Name(name).Help(help).Register(registry);
    });
}

void Metrics::declare_gauge(const std::string& name, const std::string& help) {
    families_->declare(name, [&](prometheus::Registry& registry) -> Any {
        return &prometheus::BuildGauge().Name(name).Help(help).Register(registry);
    });
}

void Metrics::declare_histogram(const std::string& name, const std::string& help,
                                std::vector<double> bounds) {
    // The library asks for a strict order, in a release build without checking it. The last bucket is its
    // own.
    std::erase_if(bounds, [](double bound) { return !std::isfinite(bound); });
    std::ranges::sort(bounds);
    const auto [first, last] = std::ranges::unique(bounds);
    bounds.erase(first, last);
    families_->declare(name, [&](prometheus::Registry& registry) -> Any {
        auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
        return Histograms{&family, std::move(bounds)};
    });
}

void Metrics::count(const std::string& name, const Labels& labels, double by) {
    families_->with<Counters*>(name, [&](Counters* family) { family->Add(labels).Increment(by); });
}

void Metrics::set(const std::string& name, const Labels& labels, double value) {
    families_->with<Gauges*>(name, [&](Gauges* family) { family->Add(labels).Set(value); });
}

void Metrics::observe(const std::string& name, const Labels& labels, double value) {
    families_->with<Histograms>(
        name, [&](const Histograms& of) { of.family->Add(labels, of.bounds).Observe(value); });
}

std::string Metrics::text() const {
    return families_->text();
}

} // namespace lpm::node
