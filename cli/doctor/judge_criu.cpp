// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

#include "base/format.hpp"
#include "base/text.hpp"
#include "doctor/judges.hpp"
#include "inspect/tools.hpp"

namespace lpm::doctor {

using inspect::KernelVersion;

// What runc asks for when CRI-O gives it a label for a restore; and what has no fault that is known here.
static constexpr std::uint32_t oldest = 31600;
static constexpr std::uint32_t good = 40200;

std::string how_to_get_criu(const NodeState& node) {
    const auto value = [&](const char* name) {
        const auto found = node.distribution.find(name);
        return found == node.distribution.end() ? std::string() : found->second;
    };
    const std::string id = value("ID");
    const std::string like = " " + id + " " + value("ID_LIKE") + " ";
    if (id == "ubuntu" && value("VERSION_ID") == "24.04")
        return "Ubuntu 24.04 has no package of CRIU: add-apt-repository ppa:criu/ppa && apt install criu, or "
               "build 4.2 from its sources";
    if (id == "debian")
        return "apt install criu (4.1.1 in Debian 13), or apt install -t forky criu (4.2.1)";
    if (like.contains(" debian ") || like.contains(" ubuntu "))
        return "apt install criu; if that is older than 4.2, build 4.2 from its sources";
    if (like.contains(" fedora ") || like.contains(" rhel "))
        return "dnf install criu";
    if (like.contains(" suse ") || like.contains(" opensuse "))
        return "zypper install criu";
    return "install CRIU 4.2 or newer where that PATH finds it";
}

Finding judge_criu(const Facts& facts) {
    std::string there;
    for (const auto& [whose, path, criu] : facts.criu.paths) {
        if (criu.empty())
            return {State::fail, lpm::format("criu is not on the PATH of {} ({})", whose, one_line(path)),
                    there.empty()
                        ? how_to_get_criu(facts.node) + "; then " + std::string(restart)
                        : lpm::format("add the folder of {} to that PATH; then {}", there, restart)};
        if (there.empty())
            there = criu;
    }
    if (there.empty())
        return {State::unknown, "no PATH in which criu is looked for is known", "which criu"};
    return {State::ok, there + ", on the PATH of " + facts.criu.paths.front().whose};
}

static Finding no_criu(const Facts& facts) {
    return {State::unknown, "there is no criu to ask", how_to_get_criu(facts.node)};
}

Finding judge_criu_version(const Facts& facts) {
    const auto& criu = facts.criu.facts;
    if (!criu)
        return no_criu(facts);
    if (criu->version == 0)
        return {State::unknown, criu->path + " --version tells no version", criu->path + " --version"};
    const std::string version = criu::version_text(criu->version);
    if (criu->version < oldest)
        return {State::fail,
                lpm::format("{} is CRIU {}, and the runtime needs at least {}", criu->path, version,
                            criu::version_text(oldest)),
                how_to_get_criu(facts.node)};
    return {State::ok, "CRIU " + version};
}

Finding judge_criu_check(const Facts& facts) {
    const auto& criu = facts.criu.facts;
    if (!criu)
        return no_criu(facts);
    const std::string remedy = criu->path + " check --all names what the kernel lacks: another kernel, or " +
                               how_to_get_criu(facts.node);
    if (criu->dump_failure && !criu->dump_failure->empty())
        return {State::fail,
                lpm::format("CRIU cannot dump even a process that sleeps: {}", one_line(*criu->dump_failure)),
                remedy};
    if (!criu->dump_failure || !criu->check_failure)
        return {State::unknown, "criu check, or a dump of a sleeping process, could not be tried",
                criu->path + " check"};
    if (!criu->check_failure->empty())
        return {State::warn,
                lpm::format("criu check fails ({}), and a sleeping process could be dumped",
                            one_line(*criu->check_failure)),
                remedy};
    return {State::ok, "criu check passes, and a sleeping process could be dumped"};
}

// "2.41" against 2.35.
static bool knows_rseq(std::string_view glibc) {
    constexpr unsigned begins = 35;
    const auto major = to_number<unsigned>(next_part(glibc, '.'));
    const auto minor = to_number<unsigned>(next_part(glibc, '.'));
    return major && minor && (*major > 2 || (*major == 2 && *minor >= begins));
}

Finding judge_known_pairs(const Facts& facts) {
    const auto& criu = facts.criu.facts;
    const auto& kernel = facts.node.kernel;
    if (!criu || criu->version == 0 || !kernel)
        return {State::unknown, "the version of the kernel or of CRIU is not known",
                "uname -r; criu --version"};
    const std::string version = criu::version_text(criu->version);
    const std::string on = lpm::format("CRIU {} on Linux {}.{}", version, kernel->major, kernel->minor);
    const std::string newer = "CRIU 4.2 or newer: " + how_to_get_criu(facts.node);
    if (criu->version < good && *kernel >= KernelVersion{6, 16})
        return {State::fail, on + " cannot dump a network socket", newer};
    constexpr std::uint32_t restores_rseq = 31700;
    if (knows_rseq(facts.node.glibc) && criu->version < restores_rseq)
        return {State::fail,
                lpm::format("CRIU {} restores programs of glibc 2.35 and newer (here {}) so that they crash",
                            version, facts.node.glibc),
                newer};
    if (knows_rseq(facts.node.glibc) && *kernel < KernelVersion{5, 13})
        return {State::warn, on + " fails on programs of glibc 2.35 and newer",
                "a kernel of 5.13 or newer; or GLIBC_TUNABLES=glibc.pthread.rseq=0 in the containers"};
    if (inspect::guards_matter(kernel, criu) == true)
        return {State::warn, on + " cannot dump guard pages, which glibc 2.42 and newer make for threads",
                criu->version < good ? newer : "a kernel of 6.16 or newer"};
    if (criu->crashes_on_lock == true)
        return {State::warn, "CRIU " + version + " crashes when network-lock stands in /etc/criu/runc.conf",
                "set network-lock in /etc/criu/default.conf only; or " + newer};
    const auto& runtime = facts.runtime.told;
    if (runtime && runtime->kind == oci::RuntimeKind::runc && !runtime->ignores_cgroups)
        return {State::ok, on + "; a restore with runc " + runtime->version +
                               " is in the cgroup of the checkpoint (runc 1.2 and newer can leave it)"};
    return {State::ok, on + " has no fault that is known"};
}

} // namespace lpm::doctor
