// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "../support.hpp"
#include "checks.hpp"

using namespace lpm;

namespace {

class BundleChecks : public Checks {
  protected:
    BundleChecks() { facts.subject.stage = inspect::Stage::restore; }
    std::string message(std::string_view id) {
        for (const auto& finding : outcome.findings)
            if (finding.check == id)
                return finding.message;
        return {};
    }
};

} // namespace

TEST_F(BundleChecks, judge_what_was_compared) {
    auto& images = facts.images;
    images.missing_mounts = {"/data"};
    images.deleted_mounts = {"/data"};
    images.new_mounts = {"/data"};
    images.other_settings = {"args"};
    images.missing_sources->push_back({"/data", "/srv"});
    images.unlike_sources = {{"/data", "/srv", false}};
    images.foreign_images = {{inspect::ForeignImage::Kind::pipe, "pages-1.img"}};
    images.taken_sockets = {"/data/socket"};
    images.writable_images = {{"core-1.img", 7}};
    for (const char* id : {"MountMissing", "MountSource", "MountKind", "MountDeleted", "ImageForeign"})
        EXPECT_EQ(verdict(id), "block") << id;
    for (const char* id : {"SocketTaken", "ImageWritable", "MountNew", "ProcessSettings"})
        EXPECT_EQ(verdict(id), "warn") << id;
    facts.images = {};
    for (const char* id : {"MountMissing", "MountSource", "MountKind", "MountDeleted", "ImageForeign",
                           "SocketTaken", "ImageWritable", "ImageChanged", "MountNew", "ProcessSettings"})
        EXPECT_EQ(verdict(id), "unknown") << id;
}

TEST_F(BundleChecks, do_not_know_what_else_criu_is_given) {
    facts.images.missing_mounts = {"/data"};
    facts.options.add({{}, {{"external", "mnt[/data]:/srv", "a file"}}});
    EXPECT_EQ(verdict("MountMissing"), "unknown");
}

TEST_F(BundleChecks, ImageChanged) {
    const std::string a(64, 'a');
    const std::string b(64, 'b');
    const auto judged = [&](const std::string& then, const std::string& now) {
        facts.images.manifest->image_ref = then;
        facts.bundle->names = {{"pod", "p"}, {"image_ref", now}};
        return verdict("ImageChanged");
    };
    EXPECT_EQ(judged(a, a), "pass");
    EXPECT_EQ(judged(a, "sha256:" + a), "pass");
    EXPECT_EQ(judged(a, b), "warn");
    EXPECT_NE(message("ImageChanged").find(b), std::string::npos);
    EXPECT_EQ(judged("x/redis@sha256:" + a, "y/redis@sha256:" + b), "warn");
    EXPECT_EQ(judged("x/redis@sha256:" + a, "y/redis@sha256:" + a), "pass");
    EXPECT_EQ(judged("x/redis@sha256:" + a, b), "unknown") << "a manifest and an image";
    EXPECT_EQ(judged("redis:8", "redis:8"), "unknown") << "a tag";
    EXPECT_EQ(judged("", a), "unknown");
    facts.images.manifest->image = "redis@sha256:" + a;
    facts.bundle->names = {{"image", "redis@sha256:" + b}};
    EXPECT_EQ(verdict("ImageChanged"), "warn");
}

TEST_F(BundleChecks, HooksAtRestore) {
    EXPECT_EQ(verdict("HooksAtRestore"), "pass");
    facts.bundle->hooks = {{"poststop", "/late"}};
    EXPECT_EQ(verdict("HooksAtRestore"), "pass") << "it runs as ever";
    facts.bundle->hooks = {{"createRuntime", "/early"}};
    EXPECT_EQ(verdict("HooksAtRestore"), "warn");
    EXPECT_EQ(message("HooksAtRestore"), "hooks run before anything is mounted: createRuntime /early");
    facts.bundle->hooks = {{"poststart", "/never"}};
    EXPECT_EQ(verdict("HooksAtRestore"), "warn");
    EXPECT_EQ(message("HooksAtRestore"), "hooks do not run at a restore: poststart /never");
}
