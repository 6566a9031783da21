// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "crio/drop_in.hpp"

#include <algorithm>
#include <fcntl.h>

#include "../support.hpp"
#include "base/file.hpp"
#include "crio/drop_in_file.hpp"

using namespace lpm;

namespace {

constexpr const char* through_lpm = "/etc/lpm/bin/runc";

class DropIn : public testing::Test {
  protected:
    void set(const std::string& name, const std::string& text) const {
        dir.write("crio.conf.d/" + name, text);
    }
    [[nodiscard]] crio::Configuration others() const {
        return crio::read_configuration(dir.path(), crio::drop_in_name);
    }
    [[nodiscard]] Result<std::string> make(std::vector<std::string> handlers,
                                           std::string built_in = "") const {
        return crio::make_drop_in(
            others(),
            {.handlers = std::move(handlers), .runtime_path = through_lpm, .built_in = std::move(built_in)},
            crio::drop_in_path(dir.path("crio.conf.d")));
    }
    // What CRI-O has for the handler with the drop-in in its place.
    config::CrioHandler with(const std::string& text, std::string_view name) const {
        set("zz-lpm.conf", text);
        const auto read = crio::read_configuration(dir.path());
        EXPECT_TRUE(read.problems.empty()) << read.problems.front();
        const auto* handler = read.handler(name);
        EXPECT_NE(handler, nullptr) << name;
        return handler == nullptr ? config::CrioHandler() : *handler;
    }
    void expect_refused(const std::string& why, const std::vector<std::string>& handlers = {"runc"}) const {
        const auto made = make(handlers);
        ASSERT_FALSE(made) << *made;
        EXPECT_NE(made.error().text.find(why), std::string::npos) << made.error().text;
    }
    TempDir dir;
};

std::vector<config::CrioKey> but_the_path(const config::CrioHandler& handler) {
    auto keys = handler.keys;
    std::erase_if(keys, [](const auto& key) { return key.name == "runtime_path"; });
    return keys;
}

std::string value_of(const config::CrioHandler& handler, std::string_view key) {
    const auto found = std::ranges::find(handler.keys, key, &config::CrioKey::name);
    return found == handler.keys.end() ? "" : found->value;
}

} // namespace

TEST_F(DropIn, repeats_all_keys_of_each_release) {
    struct Release {
        const char* version;
        const char* handler;
        std::size_t keys;
    };
    for (const auto& [version, name, keys] : {Release{"1.28", "crun", 3},
                                              {"1.28", "runc", 2},
                                              {"1.30", "runc", 11},
                                              {"1.33", "crun", 7},
                                              {"1.36", "crun", 8},
                                              {"1.36", "runc", 4}}) {
        SCOPED_TRACE(std::string(version) + " " + name);
        set("10-crio.conf", data("crio/" + std::string(version) + ".conf"));
        const auto read = others();
        ASSERT_NE(read.handler(name), nullptr);
        EXPECT_EQ(read.handler(name)->keys.size(), keys);
        const auto made = make({name});
        ASSERT_TRUE(made) << made.error().text;
        const auto got = with(*made, name);
        EXPECT_EQ(but_the_path(got), but_the_path(*read.handler(name)));
        EXPECT_EQ(got.runtime_path, through_lpm);
        EXPECT_EQ(*make({name}), *made) << "what it wrote itself changes nothing";
    }
}

TEST_F(DropIn, is_another_after_a_change_of_the_release) {
    set("10-crio.conf", data("crio/1.33.conf"));
    const auto before = make({"crun"});
    set("10-crio.conf", data("crio/1.36.conf"));
    const auto after = make({"crun"});
    ASSERT_TRUE(before && after);
    EXPECT_NE(*before, *after);
    for (const char* line :
         {"\nmonitor_path = \"/usr/libexec/crio/conmonrs\"\n", "\ncontainer_create_timeout = 300\n"}) {
        EXPECT_EQ(before->find(line), std::string::npos) << *before;
        EXPECT_NE(after->find(line), std::string::npos) << *after;
    }
}

TEST_F(DropIn, copies_no_key_that_no_file_sets) {
    set("10-crio.conf", "[crio.runtime.runtimes.runc]\nruntime_path = \"/usr/sbin/runc\"\n");
    const auto made = make({"runc"});
    ASSERT_TRUE(made);
    EXPECT_EQ(with(*made, "runc").keys,
              (std::vector<config::CrioKey>{{"runtime_path", "\"/etc/lpm/bin/runc\""}}));
}

TEST_F(DropIn, gives_the_built_in_handler_what_a_table_takes_from_it) {
    for (const char* name : {"runc", "crun"}) {
        const auto made = make({name}, name);
        ASSERT_TRUE(made) << made.error().text;
        const auto got = with(*made, name);
        EXPECT_EQ(got.allowed_annotations,
                  (std::vector<std::string>{"io.containers.trace-syscall", "io.kubernetes.cri-o.Devices"}));
        EXPECT_EQ(got.monitor_env.size(), 1U);
        EXPECT_EQ(value_of(got, "container_min_memory"), name == std::string("crun") ? "\"500KiB\"" : "");
        EXPECT_EQ(value_of(got, "monitor_path"), "");
    }
    expect_refused("default_runtime");
    expect_refused("--handler", {});
}

TEST_F(DropIn, adds_a_second_handler_beside_the_default_one) {
    set("10-crio.conf", data("crio/1.36.conf"));
    const auto made = make({"lpm"});
    ASSERT_TRUE(made) << made.error().text;
    const auto got = with(*made, "lpm");
    EXPECT_EQ(got.runtime_path, through_lpm);
    EXPECT_EQ(got.runtime_root, "/run/runc-lpm");
    EXPECT_EQ(got.runtime_type, "pod");
    EXPECT_EQ(value_of(got, "exec_cpu_affinity"), "\"first\"");
    EXPECT_EQ(value_of(got, "platform_runtime_paths"), "") << "it names another implementation";
    EXPECT_EQ(crio::read_configuration(dir.path()).handler("crun")->runtime_path, "/usr/libexec/crio/crun");
    expect_refused("lower case", {"Not a name"});
    set("10-crio.conf", "");
    const auto of_built_in = make({"lpm"}, "runc");
    ASSERT_TRUE(of_built_in);
    EXPECT_EQ(with(*of_built_in, "lpm").monitor_env.size(), 1U);
}

TEST_F(DropIn, takes_the_last_of_several_files) {
    set("10-crio.conf", data("crio/1.33.conf"));
    set("50-site.conf",
        "[crio.runtime.runtimes.runc]\nruntime_path = \"/opt/runc\"\nruntime_root = \"/run/site\"\n");
    const auto made = make({"crun", "runc"});
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(with(*made, "runc").runtime_root, "/run/site");
    EXPECT_EQ(value_of(with(*made, "runc"), "monitor_path"), "");
    EXPECT_EQ(with(*made, "crun").runtime_root, "/run/crun");
    EXPECT_NE(made->find("As in " + dir.path("crio.conf.d/50-site.conf")), std::string::npos) << *made;
    EXPECT_EQ(value_of(with(*made, "crun"), "default_annotations"), "{ \"run.oci.handler\" = \"wasm\" }");
}

TEST_F(DropIn, has_handlers_of_any_name) {
    set("10-a.conf",
        "[crio.runtime.runtimes.\"odd name\"]\nruntime_path = \"/usr/bin/runc\"\nx = \"\\\\ \\\"\\t\"\n");
    const auto made = make({"odd name"});
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(value_of(with(*made, "odd name"), "x"), "\"\\\\ \\\"\\u0009\"");
}

TEST_F(DropIn, knows_its_path_in_whatever_case) {
    set("10-a.conf", "[crio.runtime.runtimes.runc]\nRuntime_Path = \"/usr/bin/runc\"\n");
    const auto made = make({"runc"});
    ASSERT_TRUE(made);
    EXPECT_EQ(with(*made, "runc").keys.size(), 1U);
}

TEST_F(DropIn, is_not_made_when_a_later_file_sets_the_handler) {
    const std::string later = "[crio.runtime.runtimes.runc]\nruntime_path = \"/usr/sbin/runc\"\n";
    set("10-a.conf", later);
    set("zzz.conf", later);
    expect_refused("zzz.conf sets handler runc again");
    set("zzz.conf", "[crio.runtime]\ndefault_runtime = \"runc\"\n");
    EXPECT_TRUE(make({"runc"}));
    EXPECT_TRUE(make({"lpm"}));
}

TEST_F(DropIn, is_not_made_of_what_cannot_be_read_or_repeated) {
    const std::string runc = "[crio.runtime.runtimes.runc]\nruntime_path = \"/usr/sbin/runc\"\n";
    for (const auto& [text, why] : std::vector<std::pair<std::string, std::string>>{
             {"[crio.runtime\n", "10-a.conf:1:"},
             {runc + "monitor_env = 7\n", "monitor_env"},
             {runc + "x = 1.5\n", "value of x"},
             {runc + "x = \"\xc3\xa9\"\n", "value of x"},
             {runc + "x = \"\\u00e9\"\n", "value of x"},
             {runc + "x = [[[[[[[[[[1]]]]]]]]]]\n", "value of x"},
             {runc + "inherit_default_runtime = true\n", "inherits"},
             {runc + "runtime_type = \"vm\"\n", "OCI runtimes only"}}) {
        set("10-a.conf", text);
        expect_refused(why);
    }
    set("10-a.conf", "[crio.runtime.runtimes.\"\\u00e9\"]\nruntime_path = \"/usr/bin/runc\"\n");
    expect_refused("cannot be repeated", {"\xc3\xa9"});
    set("10-a.conf", "# caf\xc3\xa9\n" + runc);
    EXPECT_TRUE(make({"runc"})) << "a comment is not repeated";
}

TEST_F(DropIn, is_known_as_it_was_made) {
    set("10-crio.conf", data("crio/1.30.conf"));
    const auto made = make({"runc"});
    ASSERT_TRUE(made);
    EXPECT_TRUE(crio::is_as_made(*made));
    for (const std::size_t at : {made->size() / 2, made->size() - 1}) {
        std::string edited = *made;
        edited[at] ^= 1;
        EXPECT_FALSE(crio::is_as_made(edited)) << at;
    }
    EXPECT_FALSE(crio::is_as_made(*made + "\n"));
    EXPECT_FALSE(crio::is_as_made(""));
}

TEST(BuiltIn, is_told_by_the_version) {
    EXPECT_EQ(crio::built_in_handler("crio version 1.30.14\nVersion:        1.30.14\n"), "runc");
    EXPECT_EQ(crio::built_in_handler("Version:        1.36.3\n"), "crun");
    EXPECT_EQ(crio::built_in_handler("crio version 1.31.0-dev\n"), "crun");
    for (const char* text :
         {"", "crio version\n", "crio version 2.0.0\n", "crio version 1\n", "no crio here"})
        EXPECT_EQ(crio::built_in_handler(text), "") << text;
}

TEST_F(DropIn, is_published_whole_and_leaves_no_draft) {
    dir.write(".zz-lpm.conf.draft.tmp.1", "half");
    dir.write("zz-lpm.conf.draft", "not yet");
    set("10-a.conf", "# a user's\n");
    {
        auto file = crio::DropInFile::open(dir.path("crio.conf.d"));
        ASSERT_TRUE(file) << file.error().text;
        const auto second = crio::DropInFile::open(dir.path("crio.conf.d"));
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().code, Errc::busy);
        ASSERT_TRUE(file->publish("one\n"));
        ASSERT_TRUE(file->publish("two\n"));
        EXPECT_EQ(crio::read_drop_in(dir.path("crio.conf.d")).value(), "two\n");
        const auto kept = file->keep("one\n");
        ASSERT_TRUE(kept);
        EXPECT_EQ(*kept, dir.path("zz-lpm.conf.before"));
        EXPECT_EQ(file->keep("one\n").value(), *kept);
        EXPECT_EQ(file->keep("two\n").value(), *kept + ".1") << "the first copy stays";
        EXPECT_EQ(read_file(AT_FDCWD, *kept, 100).value(), "one\n");
        std::filesystem::remove(*kept + ".1");
        ASSERT_TRUE(file->remove());
        EXPECT_FALSE(file->remove());
    }
    EXPECT_EQ(crio::read_drop_in(dir.path("crio.conf.d")).value(), std::nullopt);
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.path()))
        if (entry.is_regular_file())
            names.push_back(entry.path().filename());
    std::ranges::sort(names);
    EXPECT_EQ(names, (std::vector<std::string>{"10-a.conf", "zz-lpm.conf.before"}));
    EXPECT_FALSE(crio::DropInFile::open(dir.path("nowhere/crio.conf.d")));
}
