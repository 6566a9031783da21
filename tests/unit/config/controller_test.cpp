// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/controller.hpp"

#include <algorithm>
#include <tuple>

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "config/document.hpp"

using namespace lpm;

namespace {

const std::string pin = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

// The errors without the file's name.
std::vector<std::string> faults(std::string_view text) {
    std::vector<std::string> found;
    const auto settings = config::parse_controller(text, "f");
    if (settings)
        return found;
    EXPECT_EQ(settings.error().code, Errc::invalid);
    for (std::string_view rest = settings.error().text; !rest.empty();) {
        const auto line = next_line(rest);
        EXPECT_TRUE(line.starts_with("f:")) << line;
        found.emplace_back(line.substr(2));
    }
    return found;
}
using Lines = std::vector<std::string>;

// All of it but the pins, to compare.
auto values(const config::Controller& c) {
    return std::tuple(c.kubeconfig, c.context, c.allow_exec, c.environment_proxy, c.name_space, c.lease,
                      c.success_phase, c.workers, c.per_node, c.in_all, c.keep_per_container, c.through_proxy,
                      c.ca_file, c.token_file, c.certificate_file, c.key_file, c.service_account, c.signer,
                      c.certificate_hours, c.ask_sidecar, c.sidecar_port, c.sidecar_ca_file,
                      c.sidecar_certificate_file, c.sidecar_key_file, c.verify_seconds, c.log_level,
                      c.log_json, c.health, c.metrics);
}

} // namespace

TEST(ControllerConfig, of_nothing_is_the_defaults) {
    for (const char* text : {"", "# K\xc3\xb6ln\n", "[api]\n[kubelet]\n[kubelet.pins]\n"}) {
        const auto settings = config::parse_controller(text, "f");
        ASSERT_TRUE(settings) << settings.error().text;
        EXPECT_EQ(values(*settings), values({}));
    }
}

TEST(ControllerConfig, reads_every_key) {
    const auto settings = config::parse_controller(
        "[api]\nkubeconfig = \"/a:b\"\ncontext = \"kind-x@y\"\nallow_exec = true\nenvironment_proxy = true\n"
        "[controller]\nnamespace = \"ns-1\"\nlease = \"l.x\"\nsuccess_phase = \"Succeeded\"\nworkers = 64\n"
        "per_node = 1\nin_all = 1024\nkeep_per_container = 10000\n"
        "[kubelet]\nmode = \"proxy\"\nca_file = \"/ca\"\ncertificate_file = \"/c\"\nkey_file = \"/k\"\n"
        "service_account = \"sa\"\n[signer]\nenabled = true\nhours = 1\n[sidecar]\nenabled = true\nport = "
        "65535\n"
        "ca_file = \"/sc\"\ncertificate_file = \"/sf\"\nkey_file = \"/sk\"\nverify_seconds = 0\n[log]\nlevel "
        "= \"debug\"\nformat "
        "= "
        "\"json\"\n"
        "[listen]\nhealth = \":1\"\nmetrics = \"[::1]:65535\"\n"
        "[kubelet.pins]\nnode-1 = [\"" +
            pin + "\"]\n\"n.example.com\" = [\"" + pin + "\", \"" + pin + "\"]\n",
        "f");
    ASSERT_TRUE(settings) << settings.error().text;
    const config::Controller wanted{.kubeconfig = "/a:b",
                                    .context = "kind-x@y",
                                    .allow_exec = true,
                                    .environment_proxy = true,
                                    .name_space = "ns-1",
                                    .lease = "l.x",
                                    .success_phase = "Succeeded",
                                    .workers = 64,
                                    .per_node = 1,
                                    .in_all = 1024,
                                    .keep_per_container = 10'000,
                                    .through_proxy = true,
                                    .ca_file = "/ca",
                                    .pins = {},
                                    .token_file = "",
                                    .certificate_file = "/c",
                                    .key_file = "/k",
                                    .service_account = "sa",
                                    .signer = true,
                                    .certificate_hours = 1,
                                    .ask_sidecar = true,
                                    .sidecar_port = 65535,
                                    .sidecar_ca_file = "/sc",
                                    .sidecar_certificate_file = "/sf",
                                    .sidecar_key_file = "/sk",
                                    .verify_seconds = 0,
                                    .log_level = "debug",
                                    .log_json = true,
                                    .health = ":1",
                                    .metrics = "[::1]:65535"};
    EXPECT_EQ(values(*settings), values(wanted));
    EXPECT_EQ(settings->pins, (std::map<std::string, std::vector<std::string>>{
                                  {"node-1", {pin}}, {"n.example.com", {pin, pin}}}));
}

TEST(ControllerConfig, tells_every_fault_in_the_order_of_the_file) {
    EXPECT_EQ(
        faults("x = 1\n[listen]\nhealth = 1\nport = 2\n[api]\nallow_exec = \"yes\"\n[apy]\nz = 1\n"
               "[kubelet]\npins = 3\n"),
        (Lines{
            "1: x: unknown key",
            R"(3: listen.health: must be like "127.0.0.1:8080", "[::1]:8080" or, for all addresses, ":8080")",
            "4: listen.port: unknown key", "6: api.allow_exec: must be true or false", "7: apy: unknown key",
            "10: kubelet.pins: must be a table"}));
    EXPECT_EQ(faults("api = 1\n"), Lines{"1: api: must be a table"});
    EXPECT_EQ(faults("[\"kubelet.pins\"]\n"), Lines{"1: kubelet.pins: unknown key"});
    EXPECT_EQ(faults("[log]\n\"\\u001b[2J\" = 1\n"), Lines{"2: log. [2J: unknown key"})
        << "a terminal sees no control characters";
    const auto broken = faults("[api\n");
    ASSERT_EQ(broken.size(), 1U);
    EXPECT_TRUE(broken[0].starts_with("1: ")) << broken[0];
    EXPECT_EQ(faults("[api]\ncontext = \"a\"\ncontext = \"b\"\n").size(), 1U) << "no key twice";
}

TEST(ControllerConfig, takes_only_values_that_suit_the_key) {
    struct Case {
        const char* table;
        const char* key;
        std::vector<const char*> good;
        std::vector<const char*> bad;
    };
    const std::vector<Case> cases = {
        {"api", "kubeconfig", {R"("")", R"("a:b")"}, {"1", R"("K\u00f6ln")", R"("a\nb")", R"("a?")", "[]"}},
        {"controller", "namespace", {R"("")", R"("a-1")"}, {R"("A")", R"("a.b")", R"("-a")", R"("a-")", "1"}},
        {"controller", "lease", {R"("a.b")"}, {R"("")", R"("a..b")", R"("a.-b")", R"("a-.b")", R"("a/b")"}},
        {"controller", "success_phase", {R"("Completed")"}, {R"("completed")", R"("")", "true"}},
        {"controller", "workers", {"1", "64"}, {"0", "65", "-1", "1.0", R"("1")"}},
        {"controller", "per_node", {"1", "64"}, {"0", "65"}},
        {"controller", "in_all", {"1", "1024"}, {"0", "1025"}},
        {"controller", "keep_per_container", {"0", "1", "10000"}, {"-1", "10001", R"("0")"}},
        {"sidecar", "port", {"1", "65535"}, {"0", "65536", R"("9442")"}},
        {"kubelet", "mode", {R"("direct")", R"("proxy")"}, {R"("")", R"("Proxy")", "false"}},
        {"kubelet", "ca_file", {R"("")", R"("/a b")"}, {R"("a")", R"("/\u0000")", "1"}},
        {"kubelet", "service_account", {R"("a")"}, {R"("")", R"("a b")"}},
        {"log", "level", {R"("debug")", R"("warn")", R"("error")"}, {R"("warning")", "1"}},
        {"log", "format", {R"("text")", R"("json")"}, {R"("xml")", "true"}},
        {"listen",
         "health",
         {R"("0.0.0.0:1")", R"("[fe80::1]:80")", R"(":8080")"},
         {R"("")", R"("8080")", R"(":0")", R"(":65536")", R"("localhost:80")", R"("::1:80")", R"("[]:80")",
          R"("[::1]80")", R"("1.2.3:80")", R"(":80s")", R"("1.2.3.4:")"}},
    };
    for (const auto& [table, key, good, bad] : cases) {
        const std::string start = "[" + std::string(table) + "]\n" + key + " = ";
        for (const char* value : good)
            EXPECT_EQ(faults(start + value), Lines{}) << start << value;
        for (const char* value : bad) {
            const auto found = faults(start + value);
            ASSERT_EQ(found.size(), 1U) << start << value;
            EXPECT_TRUE(found[0].starts_with("2: " + std::string(table) + "." + key + ": must be "))
                << found[0];
        }
    }
}

TEST(ControllerConfig, looks_at_pins) {
    const std::string start = "[kubelet.pins]\ngood = [\"" + pin + "\"]\n";
    const std::string short_pin = pin.substr(0, pin.size() - 2) + "=";
    for (const std::string& line :
         {std::string("n = []"), std::string("n = 1"), "n = \"" + pin + "\"", "n = [\"" + short_pin + "\"]",
          std::string("n = [\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]"), "n = [\"" + pin + "=\"]",
          std::string("n = [\"sha256//47DEQpj8HBSa-_TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]"),
          "n = [\"" + pin + "\", 1]", "N = [\"" + pin + "\"]", "\"\" = [\"" + pin + "\"]",
          "n.x = [\"" + pin + "\"]"}) {
        const auto found = faults(start + line);
        ASSERT_EQ(found.size(), 1U) << line;
        EXPECT_TRUE(found[0].starts_with("3: kubelet.pins.")) << found[0];
    }
}

TEST(ControllerConfig, looks_at_keys_together) {
    EXPECT_EQ(faults("[kubelet]\ncertificate_file = \"/c\"\n"),
              Lines{"2: kubelet.certificate_file: needs kubelet.key_file"});
    EXPECT_EQ(faults("[kubelet]\nkey_file = \"/k\"\n"),
              Lines{"2: kubelet.key_file: needs kubelet.certificate_file"});
    EXPECT_EQ(faults("[kubelet]\ntoken_file = \"/t\"\ncertificate_file = \"/c\"\nkey_file = \"/k\"\n"),
              Lines{"2: kubelet.token_file: excludes kubelet.certificate_file"});
    EXPECT_EQ(faults("[kubelet]\ntoken_file = \"/t\"\ncertificate_file = \"\"\nkey_file = \"\"\n"), Lines{});
    EXPECT_EQ(faults("[signer]\nenabled = true\n[sidecar]\nenabled = true\n"), Lines{});
    EXPECT_EQ(
        faults("[signer]\nenabled = true\n[sidecar]\nenabled = true\nca_file = \"/ca\"\nkey_file = \"/k\"\n"),
        Lines{"4: sidecar.enabled: needs sidecar.certificate_file, or signer.enabled and none of its files"});
    EXPECT_EQ(faults("[sidecar]\nenabled = true\n").size(), 3U);
    EXPECT_EQ(faults("[kubelet]\ncertificate_file = \"/c\"\nkey_file = 1\n"),
              Lines{"3: kubelet.key_file: must be an absolute path in ASCII, or nothing"});
}

TEST(ControllerConfig, has_an_example_that_says_the_defaults) {
    const std::string example = config::controller_example();
    EXPECT_EQ(faults(example), Lines{});
    std::string opened;
    for (std::string_view rest = example; !rest.empty();) {
        std::string_view line = next_line(rest);
        EXPECT_TRUE(line.empty() || line[0] == '#' || line[0] == '[') << line;
        EXPECT_LE(line.size(), 120U) << line;
        if (line.starts_with('#') && !line.starts_with("# "))
            line.remove_prefix(1);
        opened.append(line).append("\n");
    }
    const auto settings = config::parse_controller(opened, "f");
    ASSERT_TRUE(settings) << settings.error().text << "\n" << opened;
    EXPECT_EQ(values(*settings), values({}));
    EXPECT_EQ(settings->pins.size(), 1U);
    EXPECT_EQ(std::ranges::count(opened, '='), 29 + 1 + 1 + 1)
        << "29 keys, the node with its pin, one in the text";
}
