// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

// Numbers for Prometheus. The only place that sees prometheus-cpp. May be used by many threads.
namespace lpm::node {

class Metrics {
  public:
    using Labels = std::map<std::string, std::string>;
    Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;
    ~Metrics();

    // Each family once, before its first use; of a name that is not declared nothing is kept.
    void declare_counter(const std::string& name, const std::string& help);
    void declare_gauge(const std::string& name, const std::string& help);
    void declare_histogram(const std::string& name, const std::string& help, std::vector<double> bounds);

    void count(const std::string& name, const Labels& labels = {}, double by = 1);
    void set(const std::string& name, const Labels& labels, double value);
    void observe(const std::string& name, const Labels& labels, double value); // seconds, usually

    // In Prometheus' text format.
    [[nodiscard]] std::string text() const;

  private:
    class Families;
    std::unique_ptr<Families> families_;
};

} // namespace lpm::node
