// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/restore_from.hpp"

#include "../support.hpp"
#include "json/json.hpp"

using namespace lpm;

namespace {

// Of a container `web` of a pod, as CRI-O 1.36 writes config.json.
json::Value config_of(const json::Value& annotations) {
    const json::Value labels{{"io.kubernetes.container.name", "web"},
                             {"io.kubernetes.pod.name", "shop-1"},
                             {"io.kubernetes.pod.namespace", "shop"},
                             {"io.kubernetes.pod.uid", "7e5b7a33-e3d0-45b5-9d9b-5a3d4b2c7d10"}};
    json::Value config{{"root", {{"path", "/merged"}}},
                       {"hostname", "shop-1"},
                       {"linux",
                        {{"namespaces", {{{"type", "pid"}}, {{"type", "uts"}, {"path", "/run/utsns/x"}}}},
                         {"mountLabel", "m"}}},
                       {"process", {{"selinuxLabel", "s"}, {"apparmorProfile", "a"}}},
                       {"annotations",
                        {{"io.kubernetes.cri-o.ContainerType", "container"},
                         {"io.kubernetes.cri-o.Labels", json::write(labels)}}}};
    config["annotations"].update(annotations);
    return config;
}

oci::RestoreFrom restore_from(const json::Value& annotations) {
    const auto from = oci::parse_restore_from(json::write(config_of(annotations)));
    EXPECT_TRUE(from && *from);
    return from && *from ? **from : oci::RestoreFrom{};
}

TEST(RestoreFrom, is_what_the_pod_asks_for_this_container) {
    const auto from = restore_from({{"lpm.my.domain/restore-from.web", "before-update"}});
    EXPECT_EQ(from.fault, "");
    EXPECT_EQ(from.source, "before-update");
    EXPECT_FALSE(from.names_file());
    EXPECT_FALSE(from.may_start);
    EXPECT_FALSE(from.every_time);
    EXPECT_EQ(from.name_space, "shop");
    EXPECT_EQ(from.pod, "shop-1");
    EXPECT_EQ(from.pod_uid, "7e5b7a33-e3d0-45b5-9d9b-5a3d4b2c7d10");
    EXPECT_EQ(from.container, "web");
    EXPECT_EQ(from.selinux_label, "s");
    EXPECT_EQ(from.selinux_mount_label, "m");
    EXPECT_EQ(from.apparmor_profile, "a");
    EXPECT_EQ(from.hostname, "shop-1");
    EXPECT_EQ(from.root, "/merged");
    EXPECT_FALSE(from.user_namespace);
}

TEST(RestoreFrom, names_a_file_and_says_what_else_may_be) {
    const auto from =
        restore_from({{"lpm.my.domain/restore-from.web", "checkpoint-a_shop-web-2026-01-02T03:04:05Z.tar"},
                      {"lpm.my.domain/restore-fallback", "start"},
                      {"lpm.my.domain/restore-policy", "always"}});
    EXPECT_EQ(from.fault, "");
    EXPECT_TRUE(from.names_file());
    EXPECT_TRUE(from.may_start);
    EXPECT_TRUE(from.every_time);
}

TEST(RestoreFrom, may_say_which_digest_the_archive_has) {
    const std::string digest(64, 'a');
    const auto from = restore_from({{"lpm.my.domain/restore-from.web", "before-update@sha256:" + digest}});
    EXPECT_EQ(from.fault, "");
    EXPECT_EQ(from.source, "before-update");
    EXPECT_EQ(from.digest, digest);
    for (const std::string& bad : {std::string("@sha256:a"), "@sha256:" + std::string(64, 'A'),
                                   "@md5:" + digest, "@" + digest, "@sha256:" + digest + "0"}) {
        const auto odd = restore_from({{"lpm.my.domain/restore-from.web", "before-update" + bad}});
        EXPECT_TRUE(odd.fault.contains("status.archiveDigest")) << bad << odd.fault;
    }
}

TEST(RestoreFrom, is_nothing_where_nobody_asks) {
    const auto expect_none = [](const json::Value& config) {
        const auto from = oci::parse_restore_from(json::write(config));
        EXPECT_TRUE(from && !*from) << json::write(config);
    };
    expect_none(config_of(json::Value::object()));
    expect_none(config_of({{"lpm.my.domain/restore-from.other", "x"}}));
    expect_none(config_of({{"lpm.my.domain/restore-policy", "always"}}));
    // The pod's annotations are its sandbox's as well.
    expect_none(config_of(
        {{"lpm.my.domain/restore-from.web", "x"}, {"io.kubernetes.cri-o.ContainerType", "sandbox"}}));
    expect_none(json::Value::object());
    expect_none({{"annotations", 7}});
}

TEST(RestoreFrom, believes_the_engine_and_not_the_author_of_the_pod) {
    const auto from = restore_from({{"lpm.my.domain/restore-from.web", "x"},
                                    {"io.kubernetes.cri-o.Namespace", "kube-system"},
                                    {"io.kubernetes.cri.sandbox-namespace", "kube-system"},
                                    {"io.kubernetes.pod.namespace", "kube-system"}});
    EXPECT_EQ(from.name_space, "shop");
}

TEST(RestoreFrom, without_the_engines_word_there_is_no_restore) {
    const json::Value asks{{"lpm.my.domain/restore-from.web", "x"}};
    for (const char* labels : {"", "{", "{}", "[]", R"({"io.kubernetes.container.name":"web"})",
                               R"({"io.kubernetes.container.name":"../web","io.kubernetes.pod.name":"a",)"
                               R"("io.kubernetes.pod.namespace":"b","io.kubernetes.pod.uid":"c"})"}) {
        json::Value config = config_of(asks);
        config["annotations"]["io.kubernetes.cri-o.Labels"] = labels;
        const auto from = oci::parse_restore_from(json::write(config));
        ASSERT_TRUE(from && *from) << labels;
        EXPECT_TRUE((*from)->fault.contains("only containers that a kubelet makes by CRI-O"))
            << (*from)->fault;
    }
}

TEST(RestoreFrom, says_which_annotation_cannot_be_followed) {
    const struct {
        const char* name;
        const char* value;
    } bad[] = {
        {"lpm.my.domain/restore-from.web", ""},
        {"lpm.my.domain/restore-from.web", "../../etc/x.tar"},
        {"lpm.my.domain/restore-from.web", "/var/x.tar"},
        {"lpm.my.domain/restore-from.web", ".tar"},
        {"lpm.my.domain/restore-from.web", "Upper"},
        {"lpm.my.domain/restore-from.web", "a@sha256:00"},
        {"lpm.my.domain/restore-fallback", "maybe"},
        {"lpm.my.domain/restore-policy", "twice"},
    };
    for (const auto& [name, value] : bad) {
        json::Value annotations{{"lpm.my.domain/restore-from.web", "x"}};
        annotations[name] = value;
        const auto from = restore_from(annotations);
        EXPECT_TRUE(from.fault.contains(name)) << value << ": " << from.fault;
    }
}

TEST(RestoreFrom, what_is_no_config_is_the_runtimes_to_tell) {
    EXPECT_FALSE(oci::parse_restore_from("{"));
    EXPECT_FALSE(oci::read_restore_from("/nowhere"));
}

} // namespace
