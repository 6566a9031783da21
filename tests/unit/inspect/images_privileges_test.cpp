// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// What the processes of the images may do, against what config.json grants.
#include "../check/checks.hpp"
#include "../criu/images/wire.hpp"
#include "../support.hpp"
#include "inspect/images_parts.hpp"

using namespace lpm;
using inspect::Excess;
using Kind = Excess::Kind;

namespace {

constexpr std::uint32_t may_kill = 1U << 5U; // capabilities
constexpr std::uint32_t may_setgid = 1U << 6U;
constexpr std::uint32_t may_setuid = 1U << 7U;

// What CRIU writes of a thread.
struct Core {
    std::uint32_t uid = 0;
    std::uint32_t euid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> groups{};
    std::uint32_t permitted = may_kill;
    std::uint32_t bounding = may_kill;
    std::uint32_t no_new_privs = 1;
    std::uint32_t seccomp = 2;
    std::string profile{};
    std::uint32_t state = 1;
    bool of_process = true;
    [[nodiscard]] std::string image() const {
        std::string creds = field(1, uid) + field(2, gid) + field(3, euid) + field(4, gid) + field(5, uid) +
                            field(6, gid) + field(7, uid) + field(8, gid);
        for (const auto& [number, word] :
             {std::pair{9U, 0U}, {10U, permitted}, {11U, permitted}, {12U, bounding}})
            creds += field(number, word) + field(number, 0U);
        for (const auto group : groups)
            creds += field(14, group);
        if (!profile.empty())
            creds += field(15, profile);
        creds += std::string("\x90\x01") + static_cast<char>(no_new_privs);
        std::string message = field(1, 1U);
        if (of_process)
            message += field(3, field(1, state) + field(6, "nginx"));
        if (state == 1)
            message += field(5, field(10, creds) + field(11, seccomp));
        return std::string("\x19\x43\x56\x54\x47\x38\x05\x55", 8) + ::record(message);
    }
};

// A restricted pod's configuration, and images that fit it, of one process with two threads.
class Privileges : public Checks {
  protected:
    Privileges() {
        granted.bounding = granted.usable = may_kill;
        granted.no_new_privileges = true;
        granted.seccomp = "{}";
        images.inventory = criu::InventoryEntry{};
        images.pstree = std::vector<criu::PstreeEntry>{{.pid = 1, .threads = {1, 5}}};
    }
    // What exceeds, in words; empty when nothing does, "?" when it is not known.
    std::string compare(const Core& leader, Core thread = {}) {
        thread.of_process = false;
        dir.write("core-1.img", leader.image());
        dir.write("core-5.img", thread.image());
        return compare();
    }
    std::string compare() {
        const auto source = criu::ImageDirectory::open(dir.path());
        target = {};
        inspect::find_privileges(*source, images,
                                 {.caller = facts.caller,
                                  .host = facts.host,
                                  .bundle = facts.bundle,
                                  .lsm_profile = lsm_profile,
                                  .deadline = deadline},
                                 target);
        const auto texts = texts_of(target.excesses);
        return texts.empty() ? "" : texts.front();
    }
    TempDir dir;
    criu::Images images;
    inspect::ImageFacts target;
    bool lsm_profile = false;
    oci::Privileges& granted = facts.bundle->granted;
};

// Of two configurations, what the second has that the first had not.
std::string difference(const std::string& then, const std::string& now) {
    inspect::ImageFacts facts;
    inspect::compare_spec(oci::parse_bundle(then).value(), oci::parse_bundle(now).value(), facts);
    const auto texts = texts_of(facts.spec_excesses);
    return texts.empty() ? "" : texts.front();
}

} // namespace

TEST_F(Privileges, that_are_granted) {
    EXPECT_EQ(compare({}), "");
    EXPECT_EQ(compare({.permitted = 0, .bounding = 0}), "") << "fewer";
}

TEST_F(Privileges, of_capabilities) {
    EXPECT_EQ(compare({.bounding = may_kill | 1U << 21U}),
              "process 1 (nginx) holds CAP_SYS_ADMIN, which config.json of this container does not grant");
    EXPECT_EQ(compare({.permitted = 1}),
              "process 1 (nginx) holds CAP_CHOWN, which config.json of this container does not grant");
    EXPECT_EQ(
        compare({}, {.permitted = 1}),
        "thread 5 of process 1 (nginx) holds CAP_CHOWN, which config.json of this container does not grant");
    granted.usable = 0;
    EXPECT_NE(compare({}), "") << "nobody can gain it";
    EXPECT_EQ(compare({.permitted = 0}, {.permitted = 0}), "");
    granted.bounding = 0;
    EXPECT_NE(compare({.permitted = 0}, {.permitted = 0}), "");
}

TEST_F(Privileges, of_users) {
    granted.uid = 1000;
    EXPECT_EQ(compare({}),
              "process 1 (nginx) has the user id 0, and config.json of this container grants another");
    const Core own{.uid = 1000, .euid = 1000};
    EXPECT_EQ(compare(own, own), "");
    EXPECT_NE(compare({.uid = 1000, .euid = 0}, own), "") << "one of four";
    granted.bounding = granted.usable = may_kill | may_setuid;
    EXPECT_EQ(compare({}, own), "") << "it may become whom it wants";
}

TEST_F(Privileges, of_groups) {
    granted.groups = {5};
    EXPECT_EQ(compare({.groups = {0, 5}}), "");
    EXPECT_EQ(compare({.groups = {6}}),
              "process 1 (nginx) has the group id 6, and config.json of this container grants others");
    EXPECT_NE(compare({.gid = 7}), "");
    granted.bounding = granted.usable = may_kill | may_setgid;
    EXPECT_EQ(compare({.gid = 7, .groups = {6}}), "");
}

TEST_F(Privileges, that_may_be_gained) {
    EXPECT_EQ(compare({.no_new_privs = 0}),
              "process 1 (nginx) may gain new privileges, and config.json of this "
              "container forbids that (noNewPrivileges)");
    granted.no_new_privileges = false;
    EXPECT_EQ(compare({.no_new_privs = 0}), "");
}

TEST_F(Privileges, of_system_calls) {
    EXPECT_EQ(compare({.seccomp = 0}),
              "process 1 (nginx) has no seccomp filter, and config.json of this container has "
              "a profile");
    EXPECT_EQ(compare({}, {.seccomp = 0}), "");
    EXPECT_NE(compare({.seccomp = 1}), "");
    granted.seccomp.clear();
    EXPECT_EQ(compare({.seccomp = 0}), "");
}

TEST_F(Privileges, of_profiles) {
    facts.host.lsm = images.inventory->lsmtype = criu::LsmType::apparmor;
    granted.apparmor_profile = "crio-default";
    const Core own{.profile = "crio-default"};
    EXPECT_EQ(compare(own, own), "");
    EXPECT_EQ(target.profiles->size(), 1U);
    EXPECT_EQ(compare({.profile = "unconfined"}, own),
              "process 1 (nginx) has the AppArmor profile unconfined, and "
              "config.json of this container names another");
    EXPECT_EQ(compare(own), "thread 5 of process 1 (nginx) has no AppArmor profile, and config.json of this "
                            "container names one");
    lsm_profile = true;
    EXPECT_EQ(compare({.profile = "unconfined"}), "") << "CRIU gives it another";
    lsm_profile = false;
    granted.apparmor_profile.clear();
    EXPECT_EQ(compare({.profile = "unconfined"}), "");
    granted.apparmor_profile = "crio-default";
    facts.host.lsm = criu::LsmType::no_lsm;
    EXPECT_EQ(compare({.profile = "unconfined"}), "") << "LsmMismatch judges it";
}

TEST_F(Privileges, of_the_dead) {
    EXPECT_EQ(compare({.state = 6}), "");
    dir.write("core-5.img", "");
    EXPECT_EQ(compare(), "") << "a zombie has no threads";
}

TEST_F(Privileges, that_cannot_be_read) {
    EXPECT_EQ(compare({.state = 3}), "?") << "alive, and nothing of what it may do";
    EXPECT_EQ(compare({}), "");
    dir.write("core-5.img", "");
    EXPECT_EQ(compare(), "?");
    EXPECT_EQ(compare({}), "");
    deadline = Deadline(std::chrono::milliseconds(0));
    EXPECT_EQ(compare({}), "?");
}

TEST(Specs, that_are_alike) {
    const std::string spec = R"({"root": {"readonly": true}, "linux": {
        "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "flags": ["a"]}, "namespaces": [{"type": "user"}],
        "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"]}})";
    const std::string other = R"({"linux": {"namespaces": [{"type": "user", "path": "/x"}],
        "maskedPaths": ["/proc/sys", "/proc/kcore"], "seccomp": {"flags": ["a"], "defaultAction": "SCMP_ACT_ERRNO"}},
        "root": {"readonly": true}})";
    EXPECT_EQ(difference(spec, spec), "");
    EXPECT_EQ(difference(other, spec), "")
        << "the order does not matter, and what is masked cannot be written";
    EXPECT_EQ(difference(spec, "{}"), "") << "the new one grants more";
}

TEST(Specs, that_differ) {
    const std::pair<const char*, const char*> rows[] = {
        {R"({"linux": {"seccomp": {"defaultAction": "x"}}})",
         "had another seccomp profile than config.json of this container has"},
        {R"({"linux": {"namespaces": [{"type": "pid"}]}})",
         "had no namespace of the type pid, and config.json of this container gives it one"},
        {R"({"linux": {"maskedPaths": ["/proc/kcore"]}})",
         "could see /proc/kcore, and config.json of this container masks that"},
        {R"({"linux": {"readonlyPaths": ["/proc/sys"]}})",
         "could write /proc/sys, and config.json of this container has that read-only"},
        {R"({"root": {"readonly": true}})",
         "could write /, and config.json of this container has that read-only"},
    };
    for (const auto& [now, text] : rows)
        EXPECT_EQ(difference("{}", now), "the container that was checkpointed " + std::string(text));
    const std::string then =
        R"({"linux": {"namespaces": [{"type": "user"}], "uidMappings": [{"hostID": 1}]}})";
    EXPECT_NE(
        difference(then, R"({"linux": {"namespaces": [{"type": "user"}], "uidMappings": [{"hostID": 2}]}})"),
        "");
}

TEST(Specs, with_mounts) {
    const std::string writable =
        R"({"mounts": [{"destination": "/sys", "type": "sysfs", "options": ["rw"]}]})";
    const std::string read_only =
        R"({"mounts": [{"destination": "/sys/", "type": "sysfs", "options": ["ro"]}]})";
    EXPECT_EQ(difference(writable, read_only),
              "the container that was checkpointed could write /sys, and config.json "
              "of this container has that read-only");
    EXPECT_EQ(difference(read_only, read_only), "");
    EXPECT_EQ(difference(read_only, writable), "");
    EXPECT_EQ(difference("{}", read_only), "") << "there was none";
}

TEST(Specs, lie_beside_the_images) {
    const TempDir dir;
    dir.write("checkpoint/x", "");
    const inspect::Caller caller = inspect::Caller::self();
    const inspect::HostFacts host;
    const std::optional<oci::Bundle> bundle =
        oci::parse_bundle(R"({"linux": {"maskedPaths": ["/proc/kcore"]}})").value();
    const auto inspect = [&] {
        const Deadline deadline(std::chrono::seconds(60));
        return inspect::inspect_image_directory(
                   dir.path("checkpoint"),
                   {.caller = caller, .host = host, .bundle = bundle, .deadline = deadline})
            .spec_excesses;
    };
    EXPECT_FALSE(inspect());
    dir.write("spec.dump", "no JSON");
    EXPECT_FALSE(inspect());
    dir.write("spec.dump", "{}");
    EXPECT_EQ(inspect()->size(), 1U);
    dir.write("spec.dump", R"({"linux": {"maskedPaths": ["/proc/kcore"]}})");
    EXPECT_TRUE(inspect()->empty());
}
