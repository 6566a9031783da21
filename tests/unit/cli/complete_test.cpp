// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "complete.hpp"

#include <gtest/gtest.h>

#include "command.hpp"
#include "kubectl/command.hpp"
#include "manual.hpp"

using namespace lpm;

namespace {

std::vector<cli::Suggestion> suggest(std::string_view kind, const cli::Typed& typed) {
    if (kind == "ID" || kind == "ARCHIVE")
        return {{"01A", "a\tcheckpoint\n"}};
    if (kind == "CONTAINER") // as what stands before it tells
        return {{typed.at("--namespace") + "/" + typed.at("POD"), ""}};
    return {};
}

// What is offered, without its meaning: "records runtime :4".
std::string offered(const std::vector<std::string>& words) {
    CLI::App app("", "lpmctl");
    cli::Context context;
    const auto actions = cli::add_lpmctl(app, context);
    const auto found = cli::complete(app, words, suggest);
    std::string text;
    for (const auto& one : found.words)
        text += one.word + " ";
    return text + (found.files ? ":0" : ":4");
}

} // namespace

TEST(Complete, offers_what_may_follow) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
        {{"r"}, "records runtime :4"},
        {{"-o", "json", "r"}, "records runtime :4"},
        {{"-o", ""}, "table json yaml :4"},
        {{"records", "-o", "j"}, "json :4"},
        {{"records", "--outcome", "re"}, "refused :4"},
        {{"records", "--outcome=re"}, "--outcome=refused :4"},
        {{"records", "--outcome", "=", "re"}, "refused :4"},
        {{"records", "--outcome", "="}, "completed refused failed interrupted :4"},
        {{"records", "--o"}, "--operation --outcome --output :4"},
        {{"records", "--pod", ""}, ":4"},
        {{"records", "r"}, ":4"},
        {{"node", ""}, "status enable disable bypass :4"},
        {{"node", "--crio", "/x", "e"}, "enable :4"},
        {{"node", "bypass", ""}, "on off :4"},
        {{"node", "enable", "--p"}, "--plan :4"},
        {{"--store", ""}, ":0"},
        {{"show", ""}, "01A :4"},
        {{"show", "01A", ""}, ":4"},
        {{"inspect", "0"}, "01A :0"},
        {{"inspect", "--environment", ""}, "01A :0"},
        {{"nonsense", "", ""}, ":4"},
        {{"--nonsense=", "="}, ":4"},
    };
    for (const auto& [words, expected] : cases)
        EXPECT_EQ(offered(words), expected) << words.back();
    EXPECT_EQ(offered({"--nonsense", "r"}), "records runtime :4");
    EXPECT_TRUE(offered({}).starts_with("archives "));
}

TEST(Complete, knows_what_stands_before) {
    CLI::App app("", "kubectl lpm");
    cli::kubectl::Context context;
    const auto actions = cli::kubectl::add_kubectl_lpm(app, context);
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"checkpoint", "-n", "shop", "redis-0", "-c", ""},
          {"-n", "shop", "checkpoint", "redis-0", "--container", "sh"},
          {"--namespace=shop", "checkpoint", "redis-0", "-c", "shop/"}}) {
        const auto found = cli::complete(app, words, suggest);
        ASSERT_EQ(found.words.size(), 1U);
        EXPECT_EQ(found.words.front().word, "shop/redis-0");
    }
}

TEST(Complete, is_written_as_kubectl_reads_it) {
    EXPECT_EQ(cli::text_of({.words = {{"01A", "a\tcheckpoint\n"}, {"b", ""}}}),
              "01A\ta checkpoint \nb\n:4\n");
    EXPECT_EQ(cli::text_of({.words = {}, .files = true}), ":0\n");
}

TEST(Manual, has_every_command_and_its_options) {
    CLI::App app("", "kubectl lpm");
    cli::kubectl::Context context;
    const auto actions = cli::kubectl::add_kubectl_lpm(app, context);
    const std::string text = cli::commands_document(app);
    for (const char* line : {"\n| `-n`, `--namespace NAMESPACE` | Instead of the context's |\n",
                             "\n### kubectl lpm checkpoint POD\nTake a checkpoint of a running container.\n",
                             "\n| `--wait` | ", "\n| `--deletion-policy Retain\\|Delete` | ",
                             "(default: 30m) |\n", "\n### kubectl lpm logs CHECKPOINT\n"})
        EXPECT_TRUE(text.contains(line)) << line << text;
}
