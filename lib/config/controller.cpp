// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/controller.hpp"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <utility>

#include "base/text.hpp"
#include "config/forms.hpp"
#include "config/toml.hpp"

namespace lpm::config {

namespace {

constexpr std::size_t most_pins = 16; // of a node

// What only a list of paths or a name may hold is looked at by who uses it; here it is one printable line.
bool set_text(std::string& to, const toml::node& node) {
    const auto* value = node.as_string();
    if (value == nullptr ||
        std::ranges::any_of(value->get(), [](char c) { return c < ' ' || c > '~' || c == not_ascii; }))
        return false;
    to = value->get();
    return true;
}

template <std::string Controller::* member>
bool set_line(Controller& to, std::string_view, const toml::node& node) {
    return set_text(to.*member, node);
}

template <std::string Controller::* member>
bool set_path(Controller& to, std::string_view, const toml::node& node) {
    return set_text(to.*member, node) && ((to.*member).empty() || (to.*member).starts_with('/'));
}

template <bool Controller::* member>
bool set_truth(Controller& to, std::string_view, const toml::node& node) {
    const auto* value = node.as_boolean();
    if (value == nullptr)
        return false;
    to.*member = value->get();
    return true;
}

template <std::uint32_t Controller::* member, std::int64_t most>
bool set_number(Controller& to, std::string_view, const toml::node& node) {
    return read_number<most>(node, to.*member);
}

bool set_kept(Controller& to, std::string_view, const toml::node& node) {
    const auto* value = node.as_integer();
    to.keep_per_container = 0;
    return (value != nullptr && value->get() == 0) || read_number<10'000>(node, to.keep_per_container);
}

bool set_namespace(Controller& to, std::string_view, const toml::node& node) {
    return set_text(to.name_space, node) && (to.name_space.empty() || is_name(to.name_space, 63, false));
}

template <std::string Controller::* member>
bool set_name(Controller& to, std::string_view, const toml::node& node) {
    return set_text(to.*member, node) && is_subdomain(to.*member);
}

bool set_word(std::string& to, const toml::node& node, std::initializer_list<std::string_view> words) {
    return set_text(to, node) && std::ranges::find(words, to) != words.end();
}

bool set_phase(Controller& to, std::string_view, const toml::node& node) {
    return set_word(to.success_phase, node, {"Completed", "Succeeded"});
}

bool set_mode(Controller& to, std::string_view, const toml::node& node) {
    std::string word;
    const bool known = set_word(word, node, {"direct", "proxy"});
    to.through_proxy = word == "proxy";
    return known;
}

bool set_level(Controller& to, std::string_view, const toml::node& node) {
    return set_word(to.log_level, node, {"debug", "info", "warn", "error"});
}

bool set_format(Controller& to, std::string_view, const toml::node& node) {
    std::string word;
    const bool known = set_word(word, node, {"text", "json"});
    to.log_json = word == "json";
    return known;
}

// An empty list is refused: it could be meant as "any key" and as "no key".
bool set_pins(Controller& to, std::string_view node_name, const toml::node& node) {
    const auto* list = node.as_array();
    if (list == nullptr || list->empty() || list->size() > most_pins || !is_subdomain(node_name))
        return false;
    auto& pins = to.pins[std::string(node_name)];
    return std::ranges::all_of(*list, [&](const toml::node& pin) {
        return set_text(pins.emplace_back(), pin) && is_pin(pins.back());
    });
}

template <std::string Controller::* member>
bool set_address(Controller& to, std::string_view, const toml::node& node) {
    return set_text(to.*member, node) && is_address(to.*member);
}

// One key: where it is, what it is without the file, what it means, and how its value gets into the settings;
// false = not a value for this key. A name of "*" stands for any: then `standard` is an example.
struct Key {
    std::string_view table;
    std::string_view name;
    std::string_view standard;
    std::string_view means;
    bool (*set)(Controller&, std::string_view name, const toml::node&);
    std::string_view expects;
};

constexpr std::string_view a_path = "an absolute path in ASCII, or nothing";
constexpr std::string_view a_truth = "true or false";
constexpr std::string_view a_name = "a name as Kubernetes has them";
constexpr std::string_view an_address =
    R"(like "127.0.0.1:8080", "[::1]:8080" or, for all addresses, ":8080")";

constexpr Key keys[] = {
    {"api", "kubeconfig", R"("")",
     "where the API server is; empty: as $KUBECONFIG says, else that of the cluster we run in",
     set_line<&Controller::kubeconfig>, "a path in ASCII, or several with ':' between them"},
    {"api", "context", R"("")", "of the kubeconfig; empty: its current one", set_line<&Controller::context>,
     "a text in ASCII"},
    {"api", "allow_exec", "false", "programs that a kubeconfig names for credentials may be run",
     set_truth<&Controller::allow_exec>, a_truth},
    {"api", "environment_proxy", "false",
     "HTTPS_PROXY and NO_PROXY count; else the kubeconfig's proxy-url only",
     set_truth<&Controller::environment_proxy>, a_truth},

    {"controller", "namespace", R"("")",
     "of the Lease and of the service account; empty: the pod's own, else lpm-system", set_namespace,
     "a name as namespaces have them, or nothing"},
    {"controller", "lease", R"("lpm-controller")", "the Lease that one controller of several holds",
     set_name<&Controller::lease>, a_name},
    {"controller", "success_phase", R"("Completed")", "the phase of an object whose checkpoint was made",
     set_phase, R"("Completed" or "Succeeded")"},
    {"controller", "workers", "8", "objects that are looked at at the same time",
     set_number<&Controller::workers, 64>, "a whole number from 1 to 64"},
    {"controller", "per_node", "2", "checkpoints under way on one node",
     set_number<&Controller::per_node, 64>, "a whole number from 1 to 64"},
    {"controller", "in_all", "64", "checkpoints under way", set_number<&Controller::in_all, 1024>,
     "a whole number from 1 to 1024"},
    {"controller", "keep_per_container", "0",
     "finished objects of a container that stay when there are newer ones; 0: all", set_kept,
     "a whole number from 0 to 10000"},

    {"kubelet", "mode", R"("direct")", "kubelets are asked directly, or through the API server's node proxy",
     set_mode, R"("direct" or "proxy")"},
    {"kubelet", "ca_file", R"("")", "who signs the kubelets' certificates; empty: the API server's CA",
     set_path<&Controller::ca_file>, a_path},
    {"kubelet", "token_file", R"("")", "a token that kubelets are shown instead of one of service_account",
     set_path<&Controller::token_file>, a_path},
    {"kubelet", "certificate_file", R"("")", "a certificate that kubelets are shown instead of a token",
     set_path<&Controller::certificate_file>, a_path},
    {"kubelet", "key_file", R"("")", "its private key", set_path<&Controller::key_file>, a_path},
    {"kubelet", "service_account", R"("lpm-kubelet")",
     "whose token kubelets are shown; the API server is asked for it", set_name<&Controller::service_account>,
     a_name},

    {"log", "level", R"("info")", "the least that is logged", set_level,
     R"("debug", "info", "warn" or "error")"},
    {"log", "format", R"("text")", "lines of key=value, or JSON objects", set_format, R"("text" or "json")"},

    {"listen", "health", R"("127.0.0.1:8081")", "where /healthz and /readyz are",
     set_address<&Controller::health>, an_address},
    {"listen", "metrics", R"("127.0.0.1:8080")", "where /metrics is; may be the same",
     set_address<&Controller::metrics>, an_address},

    {"kubelet.pins", "*", R"("node-1" = ["sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="])",
     "the public keys, one of which a node's kubelet must have; it needs no CA then", set_pins,
     R"(for the name of a node, a list of 1 to 16 texts "sha256//" and 44 characters of base64)"},
};

bool is_table(std::string_view name) {
    return std::ranges::contains(keys, name, &Key::table);
}

struct Problem {
    toml::source_region at;
    std::string text;
};

class Reading {
  public:
    void table(const std::string& name, const toml::table& table) {
        for (const auto& [key, node] : table) {
            const std::string full = (name.empty() ? "" : name + ".") + std::string(key.str());
            if (is_table(full) && !key.str().contains('.')) {
                if (const auto* inner = node.as_table())
                    this->table(full, *inner);
                else
                    problem(node.source(), full, "must be a table");
                continue;
            }
            const auto known = std::ranges::find_if(keys, [&](const Key& one) {
                return one.table == name && (one.name == key.str() || one.name == "*");
            });
            if (known == std::end(keys))
                problem(key.source(), full, "unknown key");
            else if (!known->set(read_, key.str(), node))
                problem(node.source(), full, "must be " + std::string(known->expects));
        }
    }

    // What no key can tell alone.
    void together(const toml::table& table) {
        const auto kubelet = table["kubelet"];
        const auto has = [&](std::string_view key) {
            return kubelet[key].node() != nullptr && kubelet[key].value_or(std::string_view("?")) != "";
        };
        const auto if_both = [&](std::string_view key, bool other, std::string_view what) {
            if (has(key) && other)
                problem(kubelet[key].node()->source(), "kubelet." + std::string(key), what);
        };
        if_both("certificate_file", !has("key_file"), "needs kubelet.key_file");
        if_both("key_file", !has("certificate_file"), "needs kubelet.certificate_file");
        if_both("token_file", has("certificate_file"), "excludes kubelet.certificate_file");
    }

    [[nodiscard]] Result<Controller> end(const std::string& file) {
        std::ranges::stable_sort(problems_, {}, [](const Problem& one) { return one.at.begin; });
        std::string text;
        for (const auto& [at, what] : problems_)
            text += (text.empty() ? "" : "\n") + place(file, at, what);
        if (!text.empty())
            return fail(Errc::invalid, std::move(text));
        return std::move(read_);
    }

  private:
    void problem(const toml::source_region& at, std::string_view key, std::string_view what) {
        problems_.push_back({at, one_line(key, 120) + ": " + std::string(what)});
    }
    Controller read_;
    std::vector<Problem> problems_;
};

} // namespace

Result<Controller> parse_controller(std::string_view text, const std::string& file) {
    const auto parsed = parse_toml(text, file);
    if (!parsed)
        return fail(Errc::invalid,
                    place(file, parsed.error().source(), one_line(parsed.error().description())));
    Reading reading;
    reading.table("", parsed.table());
    reading.together(parsed.table());
    return reading.end(file);
}

std::string controller_example() {
    std::string text = "# Settings of lpm-controller. What is commented out is what holds without it.\n";
    std::string_view table;
    for (const Key& key : keys) {
        if (key.table != table)
            text.append("\n[").append(key.table).append("]\n");
        table = key.table;
        text.append("# ").append(key.means).append("\n# (").append(key.expects).append(")\n#");
        if (key.name != "*")
            text.append(key.name).append(" = ");
        text.append(key.standard).append("\n");
    }
    return text;
}

} // namespace lpm::config
