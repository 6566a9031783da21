// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/metrics.hpp"

#include <cmath>
#include <thread>

#include <gtest/gtest.h>

using lpm::node::Metrics;

namespace {

void expect_lines(const Metrics& metrics, std::initializer_list<std::string> lines) {
    const std::string text = "\n" + metrics.text();
    for (const auto& line : lines)
        EXPECT_NE(text.find("\n" + line + "\n"), std::string::npos) << line << " is not in" << text;
}

} // namespace

TEST(Metrics, counts) {
    Metrics metrics;
    metrics.declare_counter("lpm_done_total", "what was done");
    metrics.count("lpm_done_total");
    metrics.count("lpm_done_total", {}, 2);
    metrics.count("lpm_done_total", {{"result", "a \"b\"\n"}});
    metrics.count("lpm_done_total", {}, -5);
    expect_lines(metrics, {"# HELP lpm_done_total what was done", "# TYPE lpm_done_total counter",
                           "lpm_done_total 3", R"(lpm_done_total{result="a \"b\"\n"} 1)"});
}

TEST(Metrics, sets) {
    Metrics metrics;
    metrics.declare_gauge("lpm_leader", "1 while we lead");
    metrics.set("lpm_leader", {{"node", "a"}}, 1);
    metrics.set("lpm_leader", {{"node", "b"}}, 1);
    metrics.set("lpm_leader", {{"node", "a"}}, 0);
    expect_lines(metrics,
                 {"# TYPE lpm_leader gauge", R"(lpm_leader{node="a"} 0)", R"(lpm_leader{node="b"} 1)"});
}

TEST(Metrics, observes_whatever_the_order_of_the_bounds) {
    Metrics metrics;
    metrics.declare_histogram("lpm_seconds", "how long", {5, 1, 1, INFINITY, NAN});
    metrics.observe("lpm_seconds", {}, 0.5);
    metrics.observe("lpm_seconds", {}, 3);
    metrics.observe("lpm_seconds", {}, 30);
    expect_lines(metrics, {"# TYPE lpm_seconds histogram", R"(lpm_seconds_bucket{le="1"} 1)",
                           R"(lpm_seconds_bucket{le="5"} 2)", R"(lpm_seconds_bucket{le="+Inf"} 3)",
                           "lpm_seconds_count 3", "lpm_seconds_sum 33.5"});
}

TEST(Metrics, keeps_nothing_of_what_is_not_declared_or_wrong) {
    Metrics metrics;
    metrics.declare_gauge("lpm_g", "a gauge");
    metrics.declare_counter("lpm_g", "again, as something else");
    metrics.declare_counter("not a name", "x");
    metrics.count("not a name");
    metrics.count("lpm_unknown");
    metrics.count("lpm_g");
    metrics.observe("lpm_g", {}, 1);
    metrics.set("lpm_g", {{"not a label", "x"}}, 1);
    metrics.set("lpm_g", {{"__reserved", "x"}}, 1);
    EXPECT_EQ(metrics.text(), "");
    metrics.set("lpm_g", {}, 2);
    expect_lines(metrics, {"lpm_g 2"});
}

TEST(Metrics, may_be_used_by_many_threads) {
    Metrics metrics;
    metrics.declare_counter("lpm_n_total", "n");
    {
        std::vector<std::jthread> threads(4);
        for (auto& thread : threads)
            thread = std::jthread([&] {
                for (int i = 0; i < 200; ++i)
                    metrics.count("lpm_n_total", {{"i", std::to_string(i % 3)}});
                metrics.declare_gauge("lpm_other", "declared late");
                EXPECT_FALSE(metrics.text().empty());
            });
    }
    expect_lines(metrics, {R"(lpm_n_total{i="0"} 268)", R"(lpm_n_total{i="1"} 268)"});
}
