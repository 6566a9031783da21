// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "crio/crio.hpp"

#include "../support.hpp"

using namespace lpm;

namespace {

class Configuration : public testing::Test {
  protected:
    [[nodiscard]] crio::Configuration read() const { return crio::read_configuration(dir.path()); }
    TempDir dir;
};

} // namespace

TEST_F(Configuration, is_that_of_crio_without_files) {
    const auto configuration = read();
    EXPECT_TRUE(configuration.criu_support);
    EXPECT_EQ(configuration.listen, "/var/run/crio/crio.sock");
    EXPECT_TRUE(configuration.handlers.empty());
    EXPECT_EQ(crio::state_roots(configuration), (std::vector<std::string>{"/run/runc", "/run/crun"}));
}

TEST_F(Configuration, has_the_handler_of_the_last_file_whole) {
    dir.write("crio.conf", "[crio.runtime]\ndefault_runtime = \"crun\"\nenable_criu_support = false\n"
                           "[crio.runtime.runtimes.runc]\nruntime_path = \"/usr/sbin/runc\"\n"
                           "runtime_root = \"/run/one\"\nmonitor_env = [\"PATH=/usr/bin\"]\n");
    dir.write("crio.conf.d/10-a.conf", "[crio.runtime]\ndefault_runtime = \"runc\"\n");
    dir.write("crio.conf.d/20-b.conf",
              "[crio.runtime.runtimes.runc]\nruntime_path = \"/etc/lpm/bin/runc\"\n");
    const auto configuration = read();
    EXPECT_EQ(configuration.default_runtime, "runc");
    EXPECT_FALSE(configuration.criu_support);
    ASSERT_NE(configuration.handler("runc"), nullptr);
    EXPECT_EQ(configuration.handler("runc")->runtime_path, "/etc/lpm/bin/runc");
    EXPECT_EQ(configuration.handler("runc")->runtime_root, "") << "a later table replaces the whole of it";
    EXPECT_TRUE(configuration.handler("runc")->monitor_env.empty());
    EXPECT_EQ(configuration.handler("kata"), nullptr);
    EXPECT_EQ(configuration.files.size(), 3U);
}

TEST_F(Configuration, names_keys_that_a_later_file_takes_away) {
    dir.write("crio.conf.d/10", "[crio.runtime.runtimes.runc]\nruntime_root = \"/run/one\"\n"
                                "monitor_env = [\"PATH=/usr/bin\"]\nallowed_annotations = [\"a\"]\n");
    EXPECT_TRUE(read().lost.empty());
    dir.write("crio.conf.d/20", "[crio.runtime.runtimes.runc]\nruntime_path = \"/x\"\n");
    const auto lost = read().lost;
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_EQ(lost[0].handler, "runc");
    EXPECT_TRUE(lost[0].file.ends_with("crio.conf.d/20")) << lost[0].file;
    EXPECT_EQ(lost[0].keys, (std::vector<std::string>{"runtime_root", "monitor_env", "allowed_annotations"}));
    dir.write("crio.conf.d/30", "[crio.runtime.runtimes.runc]\nruntime_path = \"/x\"\n"
                                "runtime_root = \"/run/two\"\nmonitor_env = [\"PATH=/usr/bin\"]\n");
    ASSERT_EQ(read().lost.size(), 1U);
    EXPECT_EQ(read().lost[0].keys, std::vector<std::string>{"allowed_annotations"});
    dir.write("crio.conf.d/40", "[crio.runtime.runtimes.runc]\nallowed_annotations = [\"a\"]\n"
                                "runtime_root = \"/run/two\"\nmonitor_env = [\"PATH=/usr/bin\"]\n");
    EXPECT_TRUE(read().lost.empty());
}

TEST_F(Configuration, takes_every_file_of_the_folder_in_the_order_of_names) {
    dir.write("crio.conf.d/b", "[crio.api]\nlisten = \"/run/b.sock\"\n");
    dir.write("crio.conf.d/a.conf~", "[crio.api]\nlisten = \"/run/a.sock\"\n");
    EXPECT_EQ(read().listen, "/run/b.sock");
}

TEST_F(Configuration, takes_files_of_folders_where_their_name_stands) {
    for (const char* name : {"a/z", "a-b", "a.conf", "a/b/c", "b/a", "a0"})
        dir.write(std::string("crio.conf.d/") + name, "[crio.runtime]\n");
    std::vector<std::string> names;
    for (const auto& path : read().files)
        names.push_back(path.substr(dir.path().size() + std::string_view("/crio.conf.d/").size()));
    EXPECT_EQ(names, (std::vector<std::string>{"a/b/c", "a/z", "a-b", "a.conf", "a0", "b/a"}));
    EXPECT_TRUE(crio::comes_before("/d/zz/x", "/d/zz-lpm.conf"));
    EXPECT_FALSE(crio::comes_before("/d/zz-lpm.conf", "/d/zz/x"));
    EXPECT_TRUE(crio::comes_before("/d/a", "/d/\xc3\xa4")) << "bytes have no sign";
}

TEST_F(Configuration, does_not_follow_links_to_folders) {
    dir.write("other/x", "[crio.runtime]\n");
    dir.write("crio.conf.d/a", "[crio.runtime]\n");
    ASSERT_EQ(::symlink((dir.path() + "/other").c_str(), (dir.path() + "/crio.conf.d/link").c_str()), 0);
    EXPECT_EQ(read().files.size(), 1U);
    EXPECT_EQ(read().problems.size(), 1U) << "CRI-O would not start";
}

TEST_F(Configuration, names_what_cannot_be_read) {
    dir.write("crio.conf", "[crio.runtime\n");
    dir.write("crio.conf.d/1", "[crio.runtime]\ndefault_runtime = 7\n");
    dir.write("crio.conf.d/2", "crio = 1\n");
    dir.write("crio.conf.d/3", "[crio.runtime.runtimes]\nrunc = \"/usr/sbin/runc\"\n");
    dir.write("crio.conf.d/4", "[crio.runtime.runtimes.x]\nmonitor_env = [1]\n");
    const auto problems = read().problems;
    ASSERT_EQ(problems.size(), 5U);
    EXPECT_NE(problems[0].find("crio.conf:1:"), std::string::npos) << problems[0];
    EXPECT_NE(problems[1].find("1:2: default_runtime"), std::string::npos) << problems[1];
    EXPECT_NE(problems[3].find("3:2: runc"), std::string::npos) << problems[3];
    EXPECT_NE(problems[4].find("monitor_env"), std::string::npos) << problems[4];
}

TEST_F(Configuration, tells_where_the_states_are) {
    dir.write("crio.conf", "[crio.runtime.runtimes.a]\nruntime_root = \"/run/lpm-a\"\n"
                           "[crio.runtime.runtimes.b]\nruntime_root = \"/run/runc\"\n"
                           "[crio.runtime.runtimes.c]\nruntime_root = \"relative\"\n");
    EXPECT_EQ(crio::state_roots(read()), (std::vector<std::string>{"/run/lpm-a", "/run/runc", "/run/crun"}));
}
