// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/text.hpp"
#include "check/found.hpp"
#include "check/judges.hpp"
#include "criu/images/inventory.hpp"

namespace lpm::check {

// runc asks for 3.16 when an LSM label is given, and CRI-O always gives one or checks for it first.
static constexpr std::uint32_t oldest_criu = 31600;

Judgement judge_tooling(const Facts& facts) {
    if (facts.tools.runtime && facts.tools.runtime->criu == false)
        return {Verdict::block, "the runtime " + facts.tools.runtime->path + " is built without CRIU",
                "point /etc/lpm/runtime at a runtime that is built with CRIU"};
    if (facts.tools.runtime && !facts.tools.runtime->missing_library.empty())
        return {Verdict::block,
                "the runtime " + facts.tools.runtime->path + " loads " +
                    facts.tools.runtime->missing_library + " for it, which this node has not",
                "install it (libcriu2 in Debian and Ubuntu, criu-libs in Fedora and RHEL) and run lpm-gate "
                "--probe"};
    if (facts.tools.criu_by_flag)
        return {Verdict::unknown,
                "--criu is given, and whether the runtime heeds it is not known yet: run lpm-gate --probe"};
    if (facts.tools.criu_path.empty() && !facts.caller.environment)
        return no_environment();
    if (facts.tools.criu_path.empty()) {
        const std::string& search_path = facts.caller.environment->path;
        const std::string path =
            search_path.empty() ? "the caller gave no PATH" : "PATH is " + one_line(search_path);
        return {Verdict::block, "criu is not installed where the runtime looks for it (" + path + ")"};
    }
    if (!facts.tools.criu || facts.tools.criu->version == 0)
        return {Verdict::unknown,
                "the version of " + facts.tools.criu_path + " is not known yet: run lpm-gate --probe"};
    if (facts.tools.criu->version < oldest_criu)
        return {Verdict::block, facts.tools.criu_path + " is CRIU " +
                                    criu::version_text(facts.tools.criu->version) +
                                    ", the runtime needs at least " + criu::version_text(oldest_criu)};
    return {};
}

// CRIU ends at such a line before it looks at anything else, and says so to nobody: there is no log yet.
Judgement judge_criu_config(const Facts& facts) {
    const std::uint32_t version = facts.tools.criu ? facts.tools.criu->version : 0;
    std::string doubt;
    for (const criu::Setting& setting : facts.options.all()) {
        if (setting.line == 0)
            continue;
        const auto known = criu::knows_option(setting.written, version);
        const bool takes = criu::takes_value(setting);
        if (known == true && takes)
            continue;
        const std::string what = "line " + std::to_string(setting.line) + " of " +
                                 one_line(setting.source, 200) + " names the option " +
                                 one_line(setting.written, 60);
        if (known == true)
            return {Verdict::block,
                    what + " with the value \"" + one_line(setting.value, 60) +
                        "\", which CRIU does not take: it ends at such a line",
                    "give it a value that criu(8) names, or take the line out of the file"};
        if (known == false)
            return {Verdict::block, what + ", which CRIU " + criu::version_text(version) +
                                        " does not know: it ends at such a line"};
        if (doubt.empty())
            doubt = what + ", and whether this CRIU takes it for one is not known";
    }
    if (!doubt.empty())
        return {Verdict::unknown, std::move(doubt)};
    return {};
}

static std::string lock_method(const Facts& facts, std::string& source) {
    const auto& inventory = facts.images.inventory;
    if (facts.subject.stage == Stage::restore && inventory && inventory->network_lock_method) {
        // A restore unlocks with what the dump locked with, whatever is set now.
        source = "the images";
        return criu::lock_method(*inventory->network_lock_method);
    }
    if (const auto set = facts.options.find("network-lock")) {
        source = set->source;
        return set->value;
    }
    source = "CRIU's default";
    return facts.tools.criu ? facts.tools.criu->network_lock.value_or("") : "";
}

Judgement judge_network_lock(const Facts& facts) {
    // Some crash when this option comes from the file that the runtime names, 4.1.1 among them (seen: runc
    // says only "read unixpacket @->@: EOF", and there is no dump.log). In the default file they read it.
    if (const auto set = facts.options.find("network-lock");
        set && set->source == facts.tools.runtime_config && facts.tools.criu &&
        facts.tools.criu->crashes_on_lock == true)
        return {Verdict::block,
                "network-lock in " + one_line(facts.tools.runtime_config) + " makes CRIU " +
                    criu::version_text(facts.tools.criu->version) + " crash",
                "move that line to /etc/criu/default.conf"};
    // Without a network namespace of its own, the container's network is not locked as a whole.
    if (!facts.bundle)
        return no_bundle();
    if (!facts.bundle->network_namespace)
        return {};
    std::string source;
    const std::string method = lock_method(facts, source);
    const bool missing = !facts.tools.has_iptables || (facts.host.has_ipv6 && !facts.tools.has_ip6tables);
    if (!missing &&
        (method != "iptables" || !facts.tools.criu || facts.tools.criu->lock_failure.value_or("").empty()))
        return {};
    // Not certain: it was tried when CRIU was probed, and by another caller.
    if (!missing)
        return {Verdict::warn, "iptables-restore, with which CRIU locks the container's network (" + source +
                                   "), failed when lpm-gate --probe tried it: " +
                                   one_line(*facts.tools.criu->lock_failure, 200)};
    if (!facts.caller.environment)
        return no_environment();
    const std::string tool = facts.tools.has_iptables ? "ip6tables-restore" : "iptables-restore";
    if (method.empty())
        return {Verdict::unknown,
                tool + " is not on PATH, and what this CRIU locks the network with is not known"};
    if (method != "iptables")
        return {Verdict::covered,
                tool + " is not on PATH, but " + source + " says network-lock " + one_line(method)};
    return {Verdict::block,
            tool + " is not on PATH, and CRIU locks the container's network with it (" + source + ")"};
}

// CRIU packs what is in a tmpfs with tar --gzip, and every container has one at /dev.
Judgement judge_tar(const Facts& facts) {
    if (facts.tools.missing_tar.empty())
        return {};
    if (!facts.bundle)
        return no_bundle();
    if (!facts.bundle->has_tmpfs)
        return {};
    if (!facts.caller.environment)
        return no_environment();
    return {Verdict::block,
            facts.tools.missing_tar + " is not on PATH, and CRIU packs the container's tmpfs mounts with it"};
}

} // namespace lpm::check
