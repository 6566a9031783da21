// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kubelet_gate.hpp"

#include "../support.hpp"

using namespace lpm;

static const std::string set = "featureGates:\n  ContainerCheckpoint: true\n";

TEST(KubeletGate, is_set_and_no_other_byte_is_changed) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"kind: K\n", "kind: K\n" + set},
        {"kind: K", "kind: K\n" + set},
        {"# mine\nfeatureGates: # two\n    # one\n    A: true\n    B: false\nport: 1\n",
         "# mine\nfeatureGates: # two\n    ContainerCheckpoint: true\n    # one\n    A: true\n    B: "
         "false\nport: 1\n"},
        {"featureGates:\n  ContainerCheckpoint: false # why\n  A: true\n", set + "  A: true\n"},
        {"featureGates:\nport: 1\n", set + "port: 1\n"},
        {"a:\n  featureGates:\n    B: true\n", "a:\n  featureGates:\n    B: true\n" + set},
        {set + "x: 1 # same\n", set + "x: 1 # same\n"},
    };
    for (const auto& [before, after] : cases) {
        const auto made = cli::set_gate(before);
        EXPECT_TRUE(made && *made == after) << before << "\n" << (made ? *made : made.error().text);
    }
    for (const char* text :
         {"{\"kind\": \"K\"}", "featureGates: {A: true}\n", "kind: K\n...\n", "- a\n", "a: [\n", ""})
        EXPECT_FALSE(cli::set_gate(text)) << text;
}

TEST(KubeletGate, is_written_for_those_that_need_it) {
    const TempDir dir;
    dir.write("config.yaml", "kind: K\n");
    doctor::KubeletState kubelet{
        .runs = true, .version = doctor::KubernetesVersion{1, 28}, .config = dir.path("config.yaml")};
    auto plan = cli::plan_gate(kubelet, true);
    ASSERT_TRUE(plan);
    ASSERT_EQ(plan->size(), 2U);
    EXPECT_EQ(plan->front().path, doctor::gate_patch);
    EXPECT_EQ(plan->back().after, "kind: K\n" + set);
    EXPECT_EQ(cli::plan_gate(kubelet, false)->size(), 1U);
    kubelet.config_dir = dir.path("d");
    EXPECT_EQ(cli::plan_gate(kubelet, true)->front().path, dir.path("d/zz-lpm.conf"));
    kubelet.gate = true;
    EXPECT_TRUE(cli::plan_gate(kubelet, true)->empty());
    kubelet.gate = false;
    kubelet.gate_set_by = "--feature-gates";
    EXPECT_FALSE(cli::plan_gate(kubelet, true)) << "files do not win over it";
    kubelet.gate.reset();
    for (const unsigned minor : {24U, 30U, 37U}) {
        kubelet.version->minor = minor;
        EXPECT_EQ(cli::plan_gate(kubelet, true).has_value(), minor != 24);
    }
    kubelet.gate = false;
    kubelet.gate_set_by = "/x";
    EXPECT_FALSE(cli::plan_gate(kubelet, true)) << "somebody wants it so";
    EXPECT_FALSE(cli::plan_gate({}, true)) << "none runs";
}
