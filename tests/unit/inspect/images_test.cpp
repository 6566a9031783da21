// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// The images against the place where they are to be restored.
#include "../check/checks.hpp"
#include "../support.hpp"
#include "inspect/images_parts.hpp"

using namespace lpm;

namespace {

class Files : public Checks {
  protected:
    Files() {
        facts.bundle->root = "rootfs";
        facts.bundle->mounts = {{"/proc", "", false},
                                {"/var/run/data", dir.path("volume"), true},
                                {"/etc/hosts", dir.path("hosts"), true}};
        dir.write("rootfs/bin/program", "12345");
        dir.write("rootfs/run/data/.keep", "");
        dir.write("rootfs/var/x", "");
        std::filesystem::create_symlink("/run", dir.path("rootfs/var/run"));
        dir.write("volume/log", "123");
        dir.write("hosts", "1");
        // one mount that CRIU makes, at /own
        dir.write("mountpoints-12.img",
                  std::string("\x19\x43\x56\x54\x28\x39\x56\x55\x06\0\0\0\x3a\x04/own", 18));
    }
    void compare(const criu::RegFileEntry& file,
                 const std::optional<inspect::FileIds>& programs = inspect::FileIds{}) {
        const auto images = criu::ImageDirectory::open(dir.path());
        target = {};
        inspect::compare_bundle(*images, {{file}, {}, {}}, programs,
                                {.caller = facts.caller,
                                 .host = facts.host,
                                 .bundle = facts.bundle,
                                 .bundle_dir = dir.path(),
                                 .deadline = deadline},
                                target);
    }
    [[nodiscard]] std::string verdict() const {
        if (!target.missing_files || !target.changed_files)
            return "unknown";
        return !target.missing_files->empty()   ? "missing"
               : !target.changed_files->empty() ? "changed"
                                                : "there";
    }
    TempDir dir;
    inspect::ImageFacts target;
};

} // namespace

TEST_F(Files, of_the_image) {
    compare({.id = 1, .name = "/bin/program", .size = 5});
    EXPECT_EQ(verdict(), "there");
    compare({.id = 1, .name = "/bin/program", .size = 6});
    EXPECT_EQ(verdict(), "changed");
    EXPECT_EQ(texts_of(target.changed_files).front(), "/bin/program (had 6 bytes, has 5)");
    compare({.id = 1, .name = "/bin/program"});
    EXPECT_EQ(verdict(), "there") << "CRIU compares no size that it did not write down";
    compare({.id = 1, .name = "/bin/program", .mode = 0040755});
    EXPECT_EQ(verdict(), "changed");
    compare({.id = 1, .name = "/bin/program", .mode = 0100755});
    EXPECT_EQ(verdict(), "there");
    EXPECT_EQ(texts_of(target.changed_modes).front(), "/bin/program (had mode 0755, has 0644)");
    compare({.id = 1, .name = "/bin/program", .mode = 0104644});
    EXPECT_EQ(verdict(), "changed") << "skip-file-rwx-check is not about that bit";
    EXPECT_TRUE(target.changed_modes->empty());
    compare({.id = 1, .name = "/bin/other"});
    EXPECT_EQ(verdict(), "missing");
    compare({.id = 1, .name = "/bin/other", .ext = true});
    EXPECT_EQ(verdict(), "there") << "the runtime hands it over";
}

TEST_F(Files, that_are_programs) {
    const criu::RegFileEntry program{.id = 1, .name = "/bin/program"};
    compare(program, inspect::FileIds{1});
    EXPECT_EQ(texts_of(target.unexecutable), std::vector<std::string>{"/bin/program (no x bit)"});
    compare(program, inspect::FileIds{2});
    EXPECT_EQ(texts_of(target.unexecutable), std::vector<std::string>{});
    compare(program, std::nullopt);
    EXPECT_FALSE(target.unexecutable);
    using std::filesystem::perms;
    std::filesystem::permissions(dir.path("rootfs/bin/program"), perms::others_exec);
    compare(program, inspect::FileIds{1});
    EXPECT_EQ(texts_of(target.unexecutable), std::vector<std::string>{}) << "root may, if anybody may";
}

TEST_F(Files, of_volumes) {
    compare({.id = 1, .name = "/run/data/log", .size = 3});
    EXPECT_EQ(verdict(), "there") << "config.json says /var/run/data, and /var/run is a link";
    compare({.id = 1, .name = "/run/data/other"});
    EXPECT_EQ(verdict(), "missing");
    compare({.id = 1, .name = "/etc/hosts", .size = 2});
    EXPECT_EQ(verdict(), "changed");
    compare({.id = 1, .name = "/run/database"});
    EXPECT_EQ(verdict(), "missing") << "not of the volume, whose name it only begins with";
}

TEST_F(Files, that_cannot_be_judged_are_left_alone) {
    for (const char* name : {"/proc/1/status", "/own/file", "/var/run/data/log", "relative", ""}) {
        compare({.id = 1, .name = name});
        EXPECT_EQ(verdict(), "there") << name;
    }
    dir.write("remap-fpath.img", "x");
    compare({.id = 1, .name = "/bin/other"});
    EXPECT_EQ(verdict(), "unknown") << "CRIU may make it itself";
    std::filesystem::remove(dir.path("remap-fpath.img"));
    facts.bundle->mounts.push_back({"/dangling/data", dir.path("volume"), true});
    std::filesystem::create_symlink("/nowhere", dir.path("rootfs/dangling"));
    compare({.id = 1, .name = "/nowhere/data/log"});
    EXPECT_EQ(verdict(), "unknown") << "the runtime mounts it over a link to nowhere";
    facts.bundle->mounts.pop_back();
    std::filesystem::remove(dir.path("mountpoints-12.img"));
    compare({.id = 1, .name = "/bin/other"});
    EXPECT_EQ(verdict(), "unknown") << "it may be on a mount that CRIU makes";
    facts.bundle->root = "nowhere";
    compare({.id = 1, .name = "/bin/program"});
    EXPECT_EQ(verdict(), "unknown");
}

TEST(Settings, that_config_json_has_otherwise) {
    const auto others = [](std::string_view then, std::string_view now) {
        inspect::ImageFacts facts;
        inspect::compare_settings(oci::parse_bundle(then).value(), oci::parse_bundle(now).value(), facts);
        return *facts.other_settings;
    };
    using Names = std::vector<std::string>;
    constexpr const char* spec = R"({"process": {"args": ["a"], "cwd": "/", "env": ["A=1", "HOSTNAME=pod-1"],
                                                 "user": {"umask": 18}}})";
    EXPECT_EQ(others(spec, spec), Names{});
    EXPECT_EQ(others(spec, R"({"process": {"args": ["b"], "cwd": "/", "env": ["A=2", "B=1", "HOSTNAME=pod-2",
                                           "KUBERNETES_SERVICE_HOST=10.0.0.1", "POD_IP=10.0.0.2"]}})"),
              (Names{"args", "env A", "user.umask", "env B"}));
}
