// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// What a refusal looks like to those who called: see the traps in README.md.
#include "gate.hpp"

#include <algorithm>
#include <optional>

using namespace lpm::test;

namespace {

// The runtime has the container of this call, for as long as this is there. Of one that it does not know it
// says so itself.
class Known {
  public:
    explicit Known(const Words& words) {
        std::string root = "/run/runc";
        for (std::size_t i = 0; i + 1 < words.size(); ++i)
            if (words[i] == "--root")
                root = words[i + 1];
        const fs::path folder = root + "/" + words.back();
        for (made_ = folder; !fs::exists(made_.parent_path()); made_ = made_.parent_path())
            ;
        fs::create_directories(folder);
        write_file(folder / "state.json", "{}");
    }
    ~Known() { fs::remove_all(made_); }
    Known(const Known&) = delete;
    Known& operator=(const Known&) = delete;

  private:
    fs::path made_; // the topmost folder of it
};

TEST_F(Gate, a_refusal_is_loud_and_leaves_nothing) {
    with_checks();
    for (const Words& words : gated()) {
        SCOPED_TRACE(shown(words));
        fs::remove("/run/oci-log");
        fs::remove("/run/log.json");
        fs::remove_all("/var/lib/lpm/records");
        Call how = plain(words);
        how.env = {"PATH=/run/empty"}; // no criu
        std::optional<Known> known(words);
        const Outcome got = through_lpm(how);
        known.reset();
        EXPECT_EQ(got.exit_code(), 1);
        EXPECT_TRUE(got.dump.empty());
        EXPECT_EQ(got.out, "");
        EXPECT_TRUE(got.err.starts_with("lpm refused ")) << got.err;
        EXPECT_EQ(count(got.err, "\n"), 1U);
        EXPECT_LT(got.err.size(), 8000U);
        EXPECT_NE(got.err.find("criu"), std::string::npos);
        EXPECT_NE(got.err.find("install"), std::string::npos) << "says nothing of what to do: " << got.err;
        expect_nothing_to_misread(got.err);
        for (const char* path : {"/run/b/pidfile", "/run/p", "/run/runc", "/run/d", "/run/containerd"})
            EXPECT_FALSE(exists(path)) << path;
        for (const char* log : {"/run/oci-log", "/run/log.json"}) {
            const std::string text = read_file(log);
            if (std::find(words.begin(), words.end(), log) == words.end())
                continue;
            expect_nothing_to_misread(text);
            EXPECT_EQ(count(text, "\n"), 1U) << text;
            EXPECT_TRUE(text.starts_with("{") && text.ends_with("}\n")) << text;
            EXPECT_EQ(count(text, "\"level\":\"error\""), 1U) << text;
            EXPECT_EQ(count(text, "\"time\":\"20"), 1U) << text;
            EXPECT_EQ(count(text, "\"msg\":\"lpm refused "), 1U) << text;
        }
        expect_one_record("refused");
    }
}

TEST_F(Gate, the_text_log_gets_one_line_when_it_refuses) {
    with_checks();
    Call how = plain({"--log", "/run/text-log", "checkpoint", "c"});
    how.env = {"PATH=/run/empty"};
    const Known known(how.argv);
    EXPECT_EQ(through_lpm(how).exit_code(), 1);
    const std::string text = read_file("/run/text-log");
    EXPECT_EQ(count(text, "\n"), 1U) << text;
    EXPECT_TRUE(text.starts_with("time=\"20")) << text;
    EXPECT_NE(text.find("level=error msg=\"lpm refused"), std::string::npos) << text;
}

} // namespace
