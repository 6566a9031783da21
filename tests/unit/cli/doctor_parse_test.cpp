// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "doctor/parse.hpp"

#include <gtest/gtest.h>

using namespace lpm;
using namespace std::string_view_literals;

TEST(DoctorParse, os_release) {
    auto values = doctor::parse_os_release("# x=1\nID=debian\nVERSION_ID=\"13\"\nNAME='a b'\nbroken\n=1\n");
    EXPECT_EQ(values["ID"], "debian");
    EXPECT_EQ(values["VERSION_ID"], "13");
    EXPECT_EQ(values["NAME"], "a b");
    EXPECT_EQ(values.count("# x"), 0U);
}

TEST(DoctorParse, versions_of_kubernetes) {
    EXPECT_EQ(doctor::parse_kubernetes_version("Kubernetes v1.30.14\n"), (doctor::KubernetesVersion{1, 30}));
    EXPECT_EQ(doctor::parse_kubernetes_version("Kubernetes v1.37+\n"), (doctor::KubernetesVersion{1, 37}));
    for (const auto none : {"", "v1.30.1", "Kubernetes v1", "Kubernetes vx.1", "Kubernetes v1."})
        EXPECT_FALSE(doctor::parse_kubernetes_version(none)) << none;
}

TEST(DoctorParse, gates) {
    EXPECT_EQ(doctor::parse_gates("A=false,ContainerCheckpoint=true"), true);
    EXPECT_EQ(doctor::parse_gates("ContainerCheckpoint=true, ContainerCheckpoint=false"), false);
    for (const auto none :
         {"", "A=true", "ContainerCheckpoint", "ContainerCheckpoint=x", "XContainerCheckpoint=true"})
        EXPECT_EQ(doctor::parse_gates(none), std::nullopt) << none;
}

TEST(DoctorParse, settings_of_the_kubelet) {
    const auto yaml = doctor::parse_kubelet_file("kind: KubeletConfiguration\nport: 1025\naddress: 10.0.0.1\n"
                                                 "featureGates:\n  ContainerCheckpoint: false\n");
    ASSERT_TRUE(yaml);
    EXPECT_EQ(yaml->gate, false);
    EXPECT_EQ(yaml->port, 1025U);
    EXPECT_EQ(yaml->address, "10.0.0.1");
    const auto json = doctor::parse_kubelet_file(R"({"featureGates": {"ContainerCheckpoint": true}})");
    ASSERT_TRUE(json);
    EXPECT_EQ(json->gate, true);
    EXPECT_EQ(json->port, std::nullopt);
    for (const auto bad : {"", "- a\n", "featureGates: {ContainerCheckpoint: 7}", "port: 70000", "a: ["})
        EXPECT_FALSE(doctor::parse_kubelet_file(bad)) << bad;
}

TEST(DoctorParse, what_the_runtime_says) {
    const auto told = doctor::parse_cri_answer(
        R"({"version": {"runtime": "cri-o", "version": "1.36.3"}, "checkpoint": {"answer": "enabled"},
            "status": {"crio": {"handlers": {"runc": {"runtime_path": "/x"}, "bad": 7}}}})");
    ASSERT_TRUE(told);
    EXPECT_EQ(told->not_asked, "");
    EXPECT_EQ(told->version, "cri-o 1.36.3");
    EXPECT_EQ(told->checkpoint, "enabled");
    EXPECT_EQ(told->handlers, (std::map<std::string, std::string>{{"runc", "/x"}}));
    EXPECT_EQ(doctor::parse_cri_answer(R"({"version": {"unknown": "it hangs"}})")->not_asked, "it hangs");
    EXPECT_EQ(doctor::parse_cri_answer(R"({"version": {"runtime": "x"}, "checkpoint": {"unknown": "why"}})")
                  ->unknown,
              "why");
    for (const auto bad : {"", "{", "[]", "{}", R"({"version": 1})"})
        EXPECT_FALSE(doctor::parse_cri_answer(bad)) << bad;
}

TEST(DoctorParse, conmon) {
    const auto crio = doctor::parse_conmon("/usr/bin/conmon\0-b\0/b\0-c\0id1\0-r\0/etc/lpm/bin/runc\0"sv);
    EXPECT_EQ(crio.runtime, "/etc/lpm/bin/runc");
    EXPECT_EQ(crio.id, "id1");
    EXPECT_FALSE(crio.of_podman);
    EXPECT_TRUE(
        doctor::parse_conmon("conmon\0-r\0/usr/bin/crun\0--exit-command\0/usr/bin/podman\0"sv).of_podman);
    EXPECT_EQ(doctor::parse_conmon("conmon\0-r"sv).runtime, "");
    EXPECT_EQ(doctor::parse_conmon(""sv).id, "");
}
