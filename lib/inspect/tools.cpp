// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/tools.hpp"

#include <unistd.h>

#include "base/file.hpp"

namespace lpm::inspect {

std::optional<bool> guards_matter(const std::optional<KernelVersion>& kernel,
                                  const std::optional<criu::CriuFacts>& criu) {
    constexpr KernelVersion guards{6, 13};
    // Which pages they are: PAGE_IS_GUARD, which CRIU asks for since 4.2.
    constexpr KernelVersion tells{6, 16};
    constexpr std::uint32_t asks = 40200;
    if (kernel && *kernel < guards)
        return false;
    if (!kernel || !criu || criu->version == 0)
        return std::nullopt;
    return criu->version < asks || *kernel < tells;
}

// PATH, or --criu where it counts: runc 1.1 and older take it, 1.2 and 1.3 ignore it, 1.4 does not know it.
static void find_criu(const Caller& caller, const char* flag, ToolFacts& tools) {
    const bool known = tools.runtime && !tools.runtime->version.empty();
    const bool heeded =
        known && (tools.runtime->version.starts_with("1.1.") || tools.runtime->version.starts_with("1.0."));
    tools.criu_by_flag = flag != nullptr && !known;
    const std::string name = flag != nullptr && heeded ? flag : "criu";
    if (tools.criu_by_flag)
        return;
    tools.criu_path = name.contains('/') ? name : caller.find_program(name);
    if (::access((caller.root + tools.criu_path).c_str(), X_OK) != 0)
        tools.criu_path.clear();
}

ToolFacts inspect_tools(const Subject& subject, const Caller& caller,
                        const std::optional<oci::Bundle>& bundle, const char* criu_flag,
                        const criu::Tooling& tooling) {
    ToolFacts tools;
    tools.runtime_config =
        subject.kind == oci::RuntimeKind::crun ? "/etc/criu/crun.conf" : "/etc/criu/runc.conf";
    if (bundle && bundle->criu_config)
        tools.runtime_config = *bundle->criu_config;
    if (const auto* known = tooling.runtime(subject.runtime_key))
        tools.runtime = *known;
    find_criu(caller, criu_flag, tools);
    if (!tools.criu_path.empty())
        if (const auto* known = tooling.criu(file_key(caller.root + tools.criu_path)))
            tools.criu = *known;
    tools.has_iptables = !caller.find_program("iptables-restore").empty();
    tools.has_ip6tables = !caller.find_program("ip6tables-restore").empty();
    for (const char* tool : {"gzip", "tar"})
        if (caller.find_program(tool).empty())
            tools.missing_tar = tool;
    return tools;
}

} // namespace lpm::inspect
