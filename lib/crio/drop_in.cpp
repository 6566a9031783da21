// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "crio/drop_in.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/fnv.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "config/forms.hpp"

namespace lpm::crio {

using config::CrioHandler;
using config::CrioKey;

static constexpr std::string_view sum_line = "# Sum of the lines below: ";

// What CRI-O's built-in handler has (pkg/config/config.go, defaultRuntimeHandler), and would lose by a table.
// The annotations have names that all releases know.
static CrioHandler built_in(std::string_view name) {
    CrioHandler handler;
    handler.name = name;
    handler.keys = {
        {"allowed_annotations", R"(["io.containers.trace-syscall", "io.kubernetes.cri-o.Devices"])"}};
    if (name == "crun") // without it 12 MiB: pods of less would be refused
        handler.keys.push_back({"container_min_memory", R"("500KiB")"});
    handler.keys.push_back(
        {"monitor_env", R"(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])"});
    return handler;
}

std::string default_handler(const Configuration& configuration, std::string_view built_in) {
    return configuration.default_runtime.empty() ? std::string(built_in) : configuration.default_runtime;
}

std::string built_in_handler(std::string_view version_output) {
    constexpr unsigned first_with_crun = 31;
    while (!version_output.empty()) {
        auto line = next_line(version_output);
        const auto name = next_word(line);
        auto version = next_word(line);
        if (const bool named = name == "crio" && version == "version"; named || name == "Version:")
            version = named ? next_word(line) : version;
        else
            continue;
        const auto major = to_number<unsigned>(next_part(version, '.'));
        const auto minor = to_number<unsigned>(next_part(version, '.'));
        if (major == 1U && minor)
            return *minor < first_with_crun ? "runc" : "crun";
    }
    return {};
}

// CRI-O takes a key for `name` in whatever case.
static bool is_key(const CrioKey& key, std::string_view name) {
    return std::ranges::equal(
        key.name, name, [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

static void set(std::vector<CrioKey>& keys, std::string_view name, std::string_view value) {
    std::erase_if(keys, [&](const CrioKey& key) { return is_key(key, name); });
    const CrioKey key{std::string(name), config::quote_toml(value)};
    keys.insert(std::ranges::lower_bound(keys, key.name, {}, &CrioKey::name), key);
}

static Result<> check(const CrioHandler& handler, const std::string& path) {
    const std::string of = "handler " + one_line(handler.name, 100) + " in " + handler.file;
    if (comes_before(path, handler.file))
        return fail(Errc::invalid, handler.file + " sets handler " + one_line(handler.name, 100) +
                                       " again, and CRI-O reads it after " + path +
                                       ": rename it so that its name sorts before");
    if (!handler.odd_key.empty())
        return fail(Errc::invalid,
                    of + ": the value of " + one_line(handler.odd_key, 100) +
                        " cannot be repeated to the letter: write it in ASCII, as a text, a whole "
                        "number, a flag or a list of them");
    if (handler.inherit_default_runtime)
        return fail(Errc::invalid, of + " inherits the default handler's runtime: enable lpm for that one");
    if (handler.runtime_type == "vm") // "pod" is conmon-rs, which calls an OCI runtime, too
        return fail(Errc::invalid, of + " is of runtime_type vm: lpm-runc stands in for OCI runtimes only");
    return {};
}

// With what the default handler has, but for what names its implementation.
static CrioHandler new_handler(std::string_view name, CrioHandler base, const Wanted& wanted) {
    base.name = name;
    for (const char* key : {"runtime_path", "runtime_config_path", "platform_runtime_paths"})
        std::erase_if(base.keys, [&](const CrioKey& one) { return is_key(one, key); });
    set(base.keys, "runtime_root", "/run/" + wanted.implementation + "-" + std::string(name));
    return base;
}

static Result<CrioHandler> find(const Configuration& others, const Wanted& wanted, std::string_view name,
                                const std::string& path) {
    if (const auto* known = others.handler(name)) {
        TRY(check(*known, path));
        return *known;
    }
    constexpr std::size_t longest = 63;
    if (!config::is_name(name, longest, false))
        return fail(Errc::invalid, one_line(name, 100) +
                                       ": the name of a new handler has lower case letters, "
                                       "digits and - only, 63 at most");
    const std::string chosen = default_handler(others, wanted.built_in);
    if (chosen.empty())
        return fail(Errc::invalid,
                    "no file sets default_runtime, and crio --version does not say which one is "
                    "built in: set default_runtime in a file of crio.conf.d");
    if (name == chosen)
        return built_in(name);
    const auto* base = others.handler(chosen);
    if (base != nullptr)
        TRY(check(*base, path));
    return new_handler(name, base != nullptr ? *base : built_in(chosen), wanted);
}

Result<std::string> make_drop_in(const Configuration& others, const Wanted& wanted, const std::string& path) {
    if (!others.problems.empty())
        return fail(Errc::invalid, others.problems.front() + ": mend it first: CRI-O does not start with it");
    if (wanted.handlers.empty())
        return fail(Errc::invalid,
                    "no file sets default_runtime, and crio --version does not say which one is "
                    "built in: name a handler by --handler");
    std::string body = "#\n# CRI-O takes this file at its start only. lpmctl node disable removes it.\n"
                       "# When files before it have changed: lpmctl node enable writes it again.\n";
    for (const auto& name : wanted.handlers) {
        TRY_ASSIGN(CrioHandler handler, find(others, wanted, name, path));
        set(handler.keys, "runtime_path", wanted.runtime_path);
        body += "\n# " +
                (handler.file.empty() ? "No other file sets it." : "As in " + one_line(handler.file)) + "\n" +
                config::write_crio_handler(handler.name, handler.keys);
    }
    return lpm::format(
        "# Written by lpmctl node enable. lpmctl leaves it alone once it is changed by hand.\n{}{:016x}\n{}",
        sum_line, fnv1a(body.data(), body.size()), body);
}

bool is_as_made(std::string_view text) {
    static_cast<void>(next_line(text));
    const auto line = next_line(text);
    return line == lpm::format("{}{:016x}", sum_line, fnv1a(text.data(), text.size()));
}

} // namespace lpm::crio
