// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/credentials.hpp"

#include <gtest/gtest.h>
#include <vector>

#include "kube/base64.hpp"
#include "kube/yaml.hpp"

using namespace lpm;

static const std::string ca = "-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n";
static constexpr const char* secret = "s3cr3t";

// A kubeconfig of one context, with these members of its cluster and its user, each line indented by four.
static std::string config(const std::string& cluster, const std::string& user) {
    return "apiVersion: v1\nkind: Config\npreferences: {}\ncurrent-context: here\ncontexts:\n- name: here\n"
           "  context: {cluster: c, user: u}\nclusters:\n- name: c\n  cluster:\n" +
           cluster + "users:\n- name: u\n  user:\n" + user;
}

static const std::string server = "    server: https://k:6443\n";
static const std::string token = std::string("    token: ") + secret + "\n";

static std::string refusal(const std::string& text, std::string_view context = {}) {
    const auto parsed = kube::parse_kubeconfig(text, "/f", context);
    if (parsed)
        return "taken";
    EXPECT_EQ(parsed.error().code, Errc::invalid);
    EXPECT_EQ(parsed.error().text.find(secret), std::string::npos) << parsed.error().text;
    EXPECT_EQ(parsed.error().text.find('\n'), std::string::npos) << parsed.error().text;
    return parsed.error().text;
}

TEST(Kubeconfig, reads_what_its_context_names) {
    const auto parsed = kube::parse_kubeconfig(
        "current-context: a\ncontexts:\n- {name: b, context: {cluster: two, user: second, namespace: work}}\n"
        "- {name: a, context: {cluster: one, user: first}}\nclusters:\n- {name: one, cluster: {server: "
        "'https://one'}}\n"
        "- name: two\n  cluster:\n    server: https://[fd00::1]:6443/k8s///\n    tls-server-name: "
        "kubernetes\n"
        "    proxy-url: socks5://p:1080\n    certificate-authority-data: " +
            kube::base64(ca) +
            "\n    certificate-authority: not/this\n    disable-compression: true\nusers:\n"
            "- {name: first, user: {username: me, password: 'a:b'}}\n"
            "- {name: second, user: {token: t, tokenFile: run/token, client-certificate: /abs/c, client-key: "
            "k}}\n",
        "/f", "b");
    ASSERT_TRUE(parsed) << parsed.error().text;
    EXPECT_EQ(parsed->server, "https://[fd00::1]:6443/k8s");
    EXPECT_EQ(parsed->server_name, "kubernetes");
    EXPECT_EQ(parsed->proxy, "socks5://p:1080");
    EXPECT_EQ(parsed->ca, ca);
    EXPECT_EQ(parsed->ca_file, "");
    EXPECT_EQ(parsed->token, "t");
    EXPECT_EQ(parsed->token_file, "/f/run/token");
    EXPECT_EQ(parsed->certificate_file, "/abs/c");
    EXPECT_EQ(parsed->key_file, "/f/k");
    EXPECT_EQ(parsed->space, "work");
    EXPECT_FALSE(parsed->plugin);
}

TEST(Kubeconfig, takes_its_current_context_unless_another_is_named) {
    const auto parsed =
        kube::parse_kubeconfig(config(server, "    username: me\n    password: pw\n"), "/f", {});
    ASSERT_TRUE(parsed) << parsed.error().text;
    EXPECT_EQ(parsed->server, "https://k:6443");
    EXPECT_EQ(parsed->user, "me:pw");
    EXPECT_EQ(parsed->space, "");
    EXPECT_EQ(refusal(config(server, token), "there"),
              R"(context "there" is not there: add it under contexts or name another; there is "here")");
}

TEST(Kubeconfig, reads_a_plugin) {
    const auto parsed = kube::parse_kubeconfig(
        config(server,
               "    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: bin/login\n"
               "      args: [--cluster, 7]\n      env:\n      - {name: PROFILE, value: x=y}\n"
               "      installHint: get it\n      interactiveMode: IfAvailable\n"
               "      provideClusterInfo: true\n"),
        "/f", {});
    ASSERT_TRUE(parsed) << parsed.error().text;
    EXPECT_EQ(parsed->plugin, (kube::Plugin{.command = "/f/bin/login",
                                            .args = {"--cluster", "7"},
                                            .environment = {"PROFILE=x=y"},
                                            .version = "client.authentication.k8s.io/v1",
                                            .hint = "get it",
                                            .cluster_info = true}));
    const auto found = kube::parse_kubeconfig(
        config(server,
               "    exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws, args: null}\n"),
        "/f", {});
    ASSERT_TRUE(found) << found.error().text;
    EXPECT_EQ(found->plugin->command, "aws");
}

TEST(Kubeconfig, says_what_is_wrong_with_a_cluster) {
    struct {
        const char* cluster;
        const char* error;
    } const cases[] = {
        {"    {}\n", "server is missing"},
        {"    server: ''\n", "server is missing"},
        {"    server: http://k\n", "server is refused: only https://"},
        {"    server: k:6443\n", "server is refused: only https://"},
        {"    server: https://\n", "server names no host"},
        {"    server: https:///path\n", "server names no host"},
        {"    server: https://me:s3cr3t@k\n", "server has a blank, ?, #, @"},
        {"    server: https://k?x\n", "server has a blank, ?, #, @"},
        {"    server: \"https://k\\n\"\n", "server has a blank, ?, #, @"},
        {"    server: 'https://k:'\n", "server has no port"},
        {"    server: https://k:0\n", "server has no port"},
        {"    server: https://k:65536\n", "server has no port"},
        {"    server: https://fd00::1\n",
         "server has more than one colon: an IPv6 address stands in brackets"},
        {"    server: https://[fd00::1\n", "server has no address in its brackets"},
        {"    server: https://[]:1\n", "server has no address in its brackets"},
        {"    server: https://[::1]x\n", "server goes on after its brackets"},
        {"    server: https://k%41\n", "server names no host"},
        {"    server: [https://k]\n", "server is no text"},
        {"    server: https://k\n    insecure-skip-tls-verify: true\n",
         "insecure-skip-tls-verify is refused: whoever"},
        {"    server: https://k\n    insecure-skip-tls-verify: y\n",
         "insecure-skip-tls-verify is refused: whoever"},
        {"    server: https://k\n    tls-server-name: a b\n", "tls-server-name is no name of a host"},
        {"    server: https://k\n    proxy-url: p:1\n", "proxy-url is none"},
        {"    server: https://k\n    proxy-url: 'http://me:s3cr3t@p x'\n", "proxy-url is none"},
        {"    server: https://k\n    certificate-authority-data: '!'\n",
         "certificate-authority-data is not base64"},
        {"    server: https://k\n    certificate-authority-data: s3cr3t==\n", "certificate-authority-data"},
        {"    server: https://k\n    certificate-authority-data: eHh4\n",
         "certificate-authority-data has no PEM"},
        {"    server: https://k\n    certificate-authority: \"a\\0b\"\n",
         "certificate-authority has a NUL byte"},
    };
    for (const auto& [cluster, error] : cases) {
        const auto text = refusal(config(cluster, token));
        EXPECT_TRUE(text.starts_with("cluster \"c\" (line 1")) << cluster << text;
        EXPECT_NE(text.find(std::string("): ") + error), std::string::npos) << cluster << text;
    }
    for (const char* off : {"false", "no", "'false'", "~"})
        EXPECT_EQ(refusal(config(server + "    insecure-skip-tls-verify: " + off + "\n", token)), "taken");
}

TEST(Kubeconfig, says_what_is_wrong_with_a_user) {
    struct {
        const char* user;
        const char* error;
    } const cases[] = {
        {"    as: s3cr3t\n", "as is refused"},
        {"    as-groups: [s3cr3t]\n", "as-groups is refused"},
        {"    as-uid: s3cr3t\n", "as-uid is refused"},
        {"    as-user-extra: {s3cr3t: []}\n", "as-user-extra is refused"},
        {"    auth-provider: {name: gcp}\n", "auth-provider is refused"},
        {"    token: 's3cr3t x'\n", "token has a blank or a line end"},
        {"    token: \"s3cr3t\\r\\nHost: x\"\n", "token has a blank or a line end"},
        {"    token: {s3cr3t: s3cr3t}\n", "token is no text"},
        {"    username: a:b\n    password: s3cr3t\n", "username is empty or has a colon"},
        {"    password: s3cr3t\n", "username is empty or has a colon"},
        {"    token: s3cr3t\n    username: a\n", "username is there beside a token"},
        {"    client-certificate: c\n", "client-certificate has no key"},
        {"    client-key: s3cr3t\n", "client-key has no certificate"},
        {"    client-key-data: s3cr3t\n", "client-key-data is not base64"},
        {"    exec: s3cr3t\n", "exec is no map"},
        {"    exec: {args: []}\n", "command is missing"},
        {"    exec: {command: x}\n", "apiVersion is not client.authentication.k8s.io/v1"},
        {"    exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}\n",
         "apiVersion is not client"},
        {"    exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}\n",
         "interactiveMode is Always, but lpm has nobody to ask"},
        {"    exec: {command: x, apiVersion: client.authentication.k8s.io/v1, args: s3cr3t}\n",
         "args is no list"},
        {"    exec: {command: x, apiVersion: client.authentication.k8s.io/v1, args: [[s3cr3t]]}\n",
         "args is no text"},
        {"    exec: {command: x, apiVersion: client.authentication.k8s.io/v1, env: [s3cr3t]}\n",
         "env has an item"},
        {"    exec: {command: x, apiVersion: client.authentication.k8s.io/v1, env: [{name: a=b, value: "
         "s3cr3t}]}\n",
         "env has a variable without a name, or with ="},
    };
    for (const auto& [user, error] : cases) {
        const auto text = refusal(config(server, user));
        EXPECT_TRUE(text.starts_with("user \"u\"")) << user << text;
        EXPECT_NE(text.find(std::string("): ") + error), std::string::npos) << user << text;
    }
    EXPECT_EQ(refusal(config(server, "    {}\n")), "taken");
    EXPECT_EQ(refusal(config(server, "    null\n")), "taken");
}

// Not inlined: g++ 14 takes the constant size for one beyond the string's own buffer.
[[gnu::noinline]] static std::string many(const std::string& begin, std::size_t count, char c,
                                          const std::string& end = "") {
    return begin + std::string(count, c) + end;
}

TEST(Kubeconfig, says_what_is_wrong_with_the_file) {
    struct Case {
        std::string text;
        const char* error;
    };
    const std::vector<Case> cases{
        {"", "there is no current-context"},
        {secret, "is no kubeconfig: it is no map"},
        {"- a\n", "is no kubeconfig: it is no map"},
        {"a: 'b\n", "is no kubeconfig: line 2: no YAML: a quote is not closed"},
        {"a: \"\\s\"\n", "is no kubeconfig: line 1: no YAML: unknown escape character"},
        {"a: &x s3cr3t\n", "line 1: an anchor (&name) is refused"},
        {"a: *s3cr3t\n", "is no kubeconfig: line 1: "},
        {"a: 1\nb: {c: 1, c: 2}\n", "line 2: the map that begins here has a key twice"},
        {"[a]: b\n", "line 1: a key is no text"},
        {many(many("", 65, '['), 65, ']'), "line 1: nested deeper than 64"},
        {many("", 100'000, '['), "is no kubeconfig: line "},
        {many("a: [", 200'002, ',', "]"), "is no kubeconfig: line 1: "},
        {many("a: ", 1U << 20U, 'x'), "is no kubeconfig: longer than 1048576 bytes"},
        {"kind: Pod\n", "kubeconfig (line 1): kind is not Config"},
        {"apiVersion: v2\n", "kubeconfig (line 1): apiVersion is not v1"},
        {"current-context: [x]\n", "kubeconfig (line 1): current-context is no text"},
        {"current-context: x\ncontexts: {}\n", "kubeconfig (line 2): contexts is no list"},
        {"current-context: x\ncontexts: [x]\n", "kubeconfig (line 2): contexts has an item that is no map"},
        {"current-context: x\ncontexts: null\n", "context \"x\" is not there"},
        {"current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n",
         "context \"x\" (line 2): user is missing"},
        {"current-context: x\ncontexts: [{name: x, context: {user: u}}]\n",
         "context \"x\" (line 2): cluster is missing"},
        {"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u, namespace: a/b}}]\n",
         "context \"x\" (line 2): namespace is no name"},
        {"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n",
         "cluster \"c\" is not there: add it under clusters or name another; there is none"},
        {"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
         "clusters: [{name: c, cluster: {server: 'https://k'}}]\nusers: [{name: a, user: {}}, {name: "
         "\"b\\n\"}]\n",
         "user \"u\" is not there: add it under users or name another; there is \"a\", \"b \""},
    };
    for (const auto& [text, error] : cases)
        EXPECT_NE(refusal(text).find(error), std::string::npos)
            << text.substr(0, 80) << ": " << refusal(text);
}

TEST(Kubeconfig, names_its_contexts_when_none_is_current) {
    std::string text = "contexts:\n";
    for (char name = 'a'; name < 'z'; ++name)
        text += std::string("- {name: ") + name + "}\n";
    EXPECT_TRUE(refusal(text).ends_with(R"("i", "j", ...)")) << refusal(text);
}

TEST(Base64, goes_there_and_back) {
    struct {
        const char* bytes;
        const char* text;
    } const cases[] = {{"", ""},
                       {"f", "Zg=="},
                       {"fo", "Zm8="},
                       {"foo", "Zm9v"},
                       {"foob", "Zm9vYg=="},
                       {"fooba", "Zm9vYmE="},
                       {"foobar", "Zm9vYmFy"},
                       {"\xff\xfe", "//4="}};
    for (const auto& [bytes, text] : cases) {
        EXPECT_EQ(kube::base64(bytes), text);
        EXPECT_EQ(kube::from_base64(text), bytes);
    }
    EXPECT_EQ(kube::from_base64("Zm 9v\r\nYg=\n=\n"), "foob");
    for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "=", "Z===", "Zg==Zg==", "Zm9v-", "Zm9\xff", "Zg=a"})
        EXPECT_FALSE(kube::from_base64(text)) << text;
}

TEST(Yaml, keeps_lines_and_values) {
    const auto item = kube::yaml::parse("# c\na: 'x'\nb:\n- 1\n- null\n- |\n  two\n---\nc: d\n");
    ASSERT_TRUE(item) << item.error().text;
    EXPECT_EQ(kube::yaml::find(*item, "a")->text, "x");
    const auto* list = kube::yaml::find(*item, "b");
    ASSERT_EQ(list->items.size(), 3U);
    EXPECT_EQ(list->items[0].line, 4);
    EXPECT_EQ(list->items[1].kind, kube::yaml::Item::Kind::nothing);
    EXPECT_EQ(list->items[2].text, "two\n");
    EXPECT_EQ(kube::yaml::find(*item, "c"), nullptr);
    EXPECT_EQ(kube::yaml::parse("").value().kind, kube::yaml::Item::Kind::nothing);
}
