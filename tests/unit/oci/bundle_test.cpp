// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/bundle.hpp"

#include "../support.hpp"

using namespace lpm;

TEST(Bundle, reads_what_runc_makes) {
    const auto bundle = oci::parse_bundle(data("oci/config.json"));
    ASSERT_TRUE(bundle) << bundle.error().text;
    EXPECT_FALSE(bundle->terminal);
    EXPECT_TRUE(bundle->network_namespace);
    EXPECT_FALSE(bundle->criu_config);
}

TEST(Bundle, reads_names_and_joined_namespaces) {
    const auto bundle = oci::parse_bundle(R"({"process":{"terminal":true},
        "linux":{"namespaces":[{"type":"pid"},{"type":"network","path":"/run/netns/x"}]},
        "annotations":{"io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop",
                       "io.kubernetes.cri.sandbox-name":"other","org.criu.config":""}})");
    ASSERT_TRUE(bundle) << bundle.error().text;
    EXPECT_TRUE(bundle->terminal);
    EXPECT_TRUE(bundle->network_namespace);
    EXPECT_EQ(bundle->names,
              (std::vector<std::pair<std::string, std::string>>{{"namespace", "shop"}, {"pod", "web-1"}}));
    EXPECT_EQ(bundle->criu_config, "");
}

TEST(Bundle, reads_names_of_a_pod_without_the_labels_of_a_kubelet) {
    const auto bundle = oci::parse_bundle(R"({"annotations":{
        "io.kubernetes.cri-o.Metadata":"{\"name\":\"web\",\"attempt\":1}",
        "io.kubernetes.cri-o.SandboxName":"k8s_my-pod_shop_uid-1_0"}})");
    ASSERT_TRUE(bundle) << bundle.error().text;
    EXPECT_EQ(bundle->names,
              (std::vector<std::pair<std::string, std::string>>{
                  {"name", "web"}, {"pod", "my-pod"}, {"namespace", "shop"}, {"pod_uid", "uid-1"}}));
    for (const char* other : {"my-pod", "k8s_a_b", "k8s_a_b_c_0_more", "x_a_b_c_0"}) {
        const auto odd = oci::parse_bundle(R"({"annotations":{"io.kubernetes.cri-o.Metadata":"{broken",
            "io.kubernetes.cri-o.SandboxName":")" +
                                           std::string(other) + "\"}}");
        EXPECT_TRUE(odd->names.empty()) << other;
    }
}

TEST(Bundle, knows_the_engines_that_look_changed_files_up_on_the_node) {
    const auto made_by = [](const std::string& manager) {
        return oci::parse_bundle(R"({"annotations":{"io.container.manager":")" + manager + R"("}})")
            ->node_paths;
    };
    EXPECT_TRUE(made_by("cri-o"));
    EXPECT_TRUE(made_by("libpod"));
    EXPECT_FALSE(made_by("other"));
    EXPECT_FALSE(oci::parse_bundle("{}")->node_paths);
}

TEST(Bundle, bears_wrong_types) {
    EXPECT_TRUE(oci::parse_bundle(R"({"process":3,"linux":{"namespaces":[1,"x",{}]},"annotations":[1]})"));
    EXPECT_FALSE(oci::parse_bundle("[]"));
    EXPECT_FALSE(oci::parse_bundle(""));
}

TEST(Bundle, reads_mounts_and_whose_the_namespaces_are) {
    const auto bundle = oci::parse_bundle(R"({"mounts":[
        {"destination":"/proc","type":"proc"},
        {"destination":"/dev","type":"tmpfs"},
        {"destination":"/dev/shm","type":"bind","options":["rw","rbind"]},
        {"destination":"/etc/hosts","type":"bind","options":["rw"]},
        {"destination":"/var/../data/","type":"none","options":["rbind","rw"]},
        {"destination":"/config","type":"bind","options":["ro"]}, 7,
        {"destination":"/etc/hosts-data","type":"bind"}, {"destination":"/run/secrets/kubernetes.io","type":"bind"},
        {"destination":"/run/secretsdb","type":"bind"}],
        "process":{"env":["PATH=/bin","POD_IP=10.0.0.1","POD_IPX=1","NODE_NAME",8]},
        "linux":{"namespaces":[{"type":"pid"},{"type":"ipc","path":"/p"},{"type":"user"}],
                 "maskedPaths":["/proc/keys",3]},
        "annotations":{"lpm.my.domain/skip-checks":"Mptcp"}})");
    ASSERT_TRUE(bundle) << bundle.error().text;
    EXPECT_EQ(bundle->binds,
              (std::vector<std::string>{"/dev/shm", "/etc/hosts", "/data", "/config", "/etc/hosts-data",
                                        "/run/secrets/kubernetes.io", "/run/secretsdb"}));
    EXPECT_EQ(bundle->volumes, (std::vector<std::string>{"/data", "/etc/hosts-data", "/run/secretsdb"}))
        << "what only begins like a usual one is a volume";
    EXPECT_TRUE(bundle->shared_shm);
    EXPECT_TRUE(bundle->has_tmpfs);
    EXPECT_EQ(bundle->pod_identity, std::vector<std::string>{"POD_IP"});
    EXPECT_EQ(bundle->masked, std::vector<std::string>{"/proc/keys"});
    EXPECT_TRUE(bundle->own_pid);
    EXPECT_TRUE(bundle->user_namespace);
    EXPECT_TRUE(bundle->ipc_namespace);
    EXPECT_FALSE(bundle->own_ipc);
    EXPECT_EQ(bundle->skip_checks, "Mptcp");
}

TEST(Bundle, reads_what_is_granted) {
    const std::string process = R"("user":{"uid":7,"gid":8,"additionalGids":[9,"x"]},"apparmorProfile":"p",
        "capabilities":{"bounding":["CAP_CHOWN","CAP_KILL","CAP_OF_2040",3],"permitted":["CAP_CHOWN"],
                        "ambient":["CAP_KILL","CAP_SYS_ADMIN"]})";
    const auto granted = oci::parse_bundle(R"({"root":{"readonly":true},"process":{)" + process + R"(},
        "linux":{"seccomp":{"b":1,"a":[2]},"readonlyPaths":["/proc/sys",1],"namespaces":[{"type":"pid"}]}})")
                             ->granted;
    EXPECT_EQ(granted.uid, 7U);
    EXPECT_EQ(granted.gid, 8U);
    EXPECT_EQ(granted.groups, std::vector<std::uint32_t>{9});
    EXPECT_EQ(granted.bounding, 0x21U);
    EXPECT_EQ(granted.usable, 0x21U) << "files may give it";
    EXPECT_EQ(granted.apparmor_profile, "p");
    EXPECT_EQ(granted.seccomp, R"({"a":[2],"b":1})");
    EXPECT_EQ(granted.read_only_paths, std::vector<std::string>{"/proc/sys"});
    EXPECT_TRUE(granted.read_only_root);
    EXPECT_EQ(granted.namespaces, std::vector<std::string>{"pid"});
    const auto closed = [&](const std::string& user) {
        return oci::parse_bundle(R"({"process":{)" + process + user + R"(,"noNewPrivileges":true}})")
            ->granted.usable;
    };
    EXPECT_EQ(closed(""), 0x20U) << "of a user only what is ambient outlives an execve";
    EXPECT_EQ(closed(R"(,"user":{})"), 0x01U) << "of root what is permitted";
    EXPECT_EQ(oci::parse_bundle("{}")->granted.bounding, 0U);
    EXPECT_EQ(oci::parse_bundle(R"({"linux":{"seccomp":null}})")->granted.seccomp, "");
    EXPECT_EQ(oci::capability_name(21), "CAP_SYS_ADMIN");
    EXPECT_EQ(oci::capability_name(40), "CAP_CHECKPOINT_RESTORE");
    EXPECT_EQ(oci::capability_name(63), "capability 63");
}

TEST(Bundle, reads_hooks_and_devices) {
    const auto bundle = oci::parse_bundle(R"({"mounts":[{"destination":"/sys/fs/cgroup","type":"cgroup"}],
        "linux":{"devices":[{"path":"/dev/fuse"}]},
        "hooks":{"poststop":[{"path":"/late"}],"prestart":[{"path":"/first"},{"path":"/second"}],"other":[{}]}})");
    ASSERT_TRUE(bundle) << bundle.error().text;
    ASSERT_EQ(bundle->hooks.size(), 3U);
    EXPECT_EQ(bundle->hooks[0].when, "prestart");
    EXPECT_EQ(bundle->hooks[1].path, "/second");
    EXPECT_EQ(bundle->hooks[2].when, "poststop");
    EXPECT_EQ(bundle->devices, std::vector<std::string>{"/dev/fuse"});
    EXPECT_EQ(bundle->mounts[0].type, "cgroup");
    EXPECT_TRUE(oci::parse_bundle(R"({"hooks":[1],"linux":{"devices":[3]}})"));
}
