// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/crio_files.hpp"

#include "base/text.hpp"
#include "inspect/daemon.hpp"
#include "linux/procfs.hpp"

namespace lpm::inspect {

CrioFiles crio_files_of(std::string_view cmdline) {
    CrioFiles found;
    struct Flag {
        const char* name;
        std::string& path;
    };
    for (const auto& [name, path] :
         {Flag{"config", found.files.main}, Flag{"config-dir", found.files.folder}}) {
        const auto value = parse_flag(cmdline, name);
        if (!value || *value == path)
            continue;
        if (value->starts_with('/'))
            path = *value;
        else
            found.unknown +=
                (found.unknown.empty() ? "--" : " --") + std::string(name) + "=" + one_line(*value, 200);
    }
    return found;
}

CrioFiles find_crio_files() {
    const pid_t pid = find_daemon("crio");
    const auto cmdline = pid == 0 ? fail(Errc::absent, "") : procfs::read_proc(pid, "cmdline");
    CrioFiles found = cmdline ? crio_files_of(*cmdline) : CrioFiles{};
    found.pid = pid;
    return found;
}

crio::Configuration read_crio() {
    return crio::read_configuration(find_crio_files().files);
}

Result<crio::Files> known_crio_files() {
    CrioFiles found = find_crio_files();
    if (!found.unknown.empty())
        return fail(Errc::invalid, "CRI-O runs with " + found.unknown + ", of a directory that is not known");
    return std::move(found.files);
}

} // namespace lpm::inspect
