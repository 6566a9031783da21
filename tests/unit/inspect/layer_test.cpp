// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/layer.hpp"

#include <cerrno>

#include "../support.hpp"

using namespace lpm;
using namespace std::string_view_literals;

static constexpr std::string_view list = "d 493 0 tmp\0"
                                         "f 384 5 tmp/a name\0"
                                         "f 420 9 etc/hosts\0"
                                         "l 511 0 var/run\0"
                                         "p 420 0 tmp/pipe\0"
                                         "h 0 0 tmp/other\0tmp/a name\0"
                                         "h 0 0 tmp/foreign\0usr/bin/true\0"
                                         "- 0 0 opt/gone\0"
                                         "- 0 0 tmp/gone\0"sv;

static inspect::Layer parsed(std::string_view text = list) {
    auto layer = inspect::Layer::parse(text);
    EXPECT_TRUE(layer);
    return layer ? *std::move(layer) : inspect::Layer();
}

static mode_t mode_of(std::string_view name) {
    const auto found = parsed().find(name);
    return found && *found ? (*found)->stx_mode : 0;
}

static int errno_of(std::string_view name) {
    const auto found = parsed().find(name);
    return found && !*found ? found->error().sys : -1;
}

TEST(Layer, tells_what_will_be_there) {
    const auto layer = parsed();
    const auto file = layer.find("/tmp/a name");
    ASSERT_TRUE(file && *file);
    EXPECT_EQ((*file)->stx_mode, S_IFREG | 0600);
    EXPECT_EQ((*file)->stx_size, 5U);
    EXPECT_EQ(mode_of("/tmp"), S_IFDIR | 0755);
    EXPECT_EQ(mode_of("/tmp/pipe"), S_IFIFO | 0644);
    EXPECT_EQ(mode_of("/tmp/other"), S_IFREG | 0600) << "the same file";
}

TEST(Layer, leaves_to_the_root_what_it_does_not_change) {
    EXPECT_FALSE(parsed().find("/usr/bin/true"));
    EXPECT_FALSE(parsed().find("/tmp/old"));
    EXPECT_FALSE(parsed().find("/"));
    EXPECT_FALSE(parsed("").find("/tmp"));
}

TEST(Layer, tells_what_will_be_gone) {
    EXPECT_EQ(errno_of("/tmp/gone"), ENOENT);
    EXPECT_EQ(errno_of("/opt/gone/with/all/below"), ENOENT);
    EXPECT_EQ(errno_of("/etc/hosts/x"), ENOTDIR);
    EXPECT_FALSE(parsed().find("/opt/gone2"));
}

TEST(Layer, does_not_know_what_is_behind_a_link) {
    for (const auto* name : {"/var/run", "/var/run/x", "/tmp/foreign"}) {
        const auto found = parsed().find(name);
        ASSERT_TRUE(found && !*found) << name;
        EXPECT_EQ(found->error().code, Errc::busy) << name;
    }
}

TEST(Layer, a_damaged_list_is_none) {
    for (const auto bad :
         {"f 420 9 etc/hosts"sv, "x 420 9 a\0"sv, "f -1 9 a\0"sv, "f 420 9 \0"sv, "f 420 9\0"sv, "\0"sv,
          "h 0 0 a\0"sv, "ff 0 0 a\0"sv, "f 420 99999999999999999999 a\0"sv})
        EXPECT_FALSE(inspect::Layer::parse(bad)) << bad;
}
