// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/hook_state.hpp"

#include "../support.hpp"

using namespace lpm;
using Status = oci::HookState::Status;

namespace {

// A state as runc sends it, with one member replaced; an empty value leaves it out.
std::string state_with(const std::string& member, const std::string& value) {
    std::string text = "{";
    for (const auto& [name, usual] : {std::pair<std::string, std::string>{"ociVersion", R"("1.2.0")"},
                                      {"id", R"("c1")"},
                                      {"status", R"("creating")"},
                                      {"pid", "7"},
                                      {"bundle", R"("/b")"}}) {
        const std::string& now = name == member ? value : usual;
        if (!now.empty())
            text += (text.size() > 1 ? ",\"" : "\"") + name + "\":" + now;
    }
    return text + "}";
}

std::string error_of(const std::string& text) {
    const auto state = oci::parse_hook_state(text);
    return state ? "" : state.error().text;
}

} // namespace

TEST(HookState, reads_what_runc_and_crun_and_podman_send) {
    const auto runc = oci::parse_hook_state(
        R"({"ociVersion":"1.2.0","id":"324e","status":"creating","pid":226,"bundle":"/run/b","annotations":)"
        R"({"io.container.manager":"libpod","lpm.my.domain/checkpointable":"report"}})");
    ASSERT_TRUE(runc) << runc.error().text;
    EXPECT_EQ(runc->id, "324e");
    EXPECT_EQ(runc->status, Status::creating);
    EXPECT_EQ(runc->pid, 226);
    EXPECT_EQ(runc->bundle, "/run/b");
    EXPECT_EQ(runc->checkpointable, "report");
    const auto crun = oci::parse_hook_state(
        R"({"ociVersion":"1.0","id":"c1","pid":9,"root":"\/r","bundle":"\/r\/b","status":"created"})");
    ASSERT_TRUE(crun) << crun.error().text;
    EXPECT_EQ(crun->status, Status::created);
    EXPECT_FALSE(crun->checkpointable);
    const auto podman =
        oci::parse_hook_state(R"({"ociVersion":"1.2.0","id":"c1","status":"stopped","bundle":"/b"})");
    ASSERT_TRUE(podman) << podman.error().text;
    EXPECT_EQ(podman->status, Status::stopped);
    EXPECT_EQ(podman->pid, 0);
}

TEST(HookState, names_the_member_that_is_wrong) {
    EXPECT_EQ(error_of(state_with("", "")), "");
    for (const char* member : {"ociVersion", "id", "status", "bundle"}) {
        EXPECT_EQ(error_of(state_with(member, "")), std::string("state: ") + member + " is missing");
        EXPECT_EQ(error_of(state_with(member, "7")), std::string("state: ") + member + " is not a text");
        EXPECT_EQ(error_of(state_with(member, R"("")")), std::string("state: ") + member + " is empty");
        EXPECT_EQ(error_of(state_with(member, R"("/1.\n")")),
                  std::string("state: ") + member + " holds control characters");
        EXPECT_NE(error_of(state_with(member, "\"/" + std::string(5000, '1') + "\"")).find("is longer than"),
                  std::string::npos);
    }
    for (const auto& [member, value] : {std::pair{"ociVersion", R"("2.0")"},
                                        {"id", R"("a/b")"},
                                        {"id", R"("..")"},
                                        {"id", R"(".")"},
                                        {"status", R"("paused")"},
                                        {"pid", "-1"},
                                        {"pid", "4294967297"},
                                        {"pid", R"("7")"},
                                        {"bundle", R"("b")"}})
        EXPECT_TRUE(error_of(state_with(member, value)).starts_with(std::string("state: ") + member + " is"))
            << error_of(state_with(member, value));
}

TEST(HookState, is_bounded) {
    EXPECT_NE(error_of(std::string(oci::max_hook_state + 1, ' ')).find("longer than"), std::string::npos);
    EXPECT_NE(error_of(std::string(1000, '[')).find("nested deeper"), std::string::npos);
    EXPECT_NE(error_of("not json"), "");
    EXPECT_NE(error_of(""), "");
    EXPECT_EQ(error_of("[]"), "state: not an object");
    EXPECT_EQ(error_of(state_with("id", "\"" + std::string(1024, 'i') + "\"")), "");
    EXPECT_NE(error_of(state_with("id", "\"" + std::string(1025, 'i') + "\"")), "");
}

TEST(HookState, takes_annotations_of_any_kind) {
    for (const char* notes : {"[]", "7", "{}", R"({"lpm.my.domain/checkpointable":7})"}) {
        const auto state = oci::parse_hook_state(
            R"({"ociVersion":"1.0","id":"c","status":"created","bundle":"/b","annotations":)" +
            std::string(notes) + "}");
        ASSERT_TRUE(state) << state.error().text;
        EXPECT_FALSE(state->checkpointable) << notes;
    }
}
