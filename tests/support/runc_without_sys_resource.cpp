// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// runc for machines that have no CAP_SYS_RESOURCE and no hugetlb cgroup, where nothing that the kubelet makes
// would start: takes from the configuration what such a machine cannot do, and becomes /usr/sbin/runc. Stands
// below lpm, as /etc/lpm/runtime: above it CRI-O's calls are seen as they come. The bundle's config.json
// stays changed, so an archive's spec.dump has no rlimits.
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "base/file.hpp"
#include "json/json.hpp"

using lpm::json::Value;

namespace {

constexpr const char* runc = "/usr/sbin/runc";

// A negative oom_score_adj and raised limits need the capability; a process below its ancestors' limits does
// not.
void lower(Value& process) {
    if (lpm::json::integer(process, "oomScoreAdj").value_or(0) < 0)
        process["oomScoreAdj"] = 0;
    process.erase("rlimits");
    if (lpm::json::find(process, "capabilities") == nullptr)
        return;
    for (Value& set : process["capabilities"])
        if (set.is_array())
            std::erase(set.get_ref<Value::array_t&>(), "CAP_SYS_RESOURCE"); // a privileged container's
}

void lower_file(const std::string& path, bool is_bundle) {
    auto document = lpm::json::read(AT_FDCWD, path);
    if (!document || !document->is_object())
        return; // runc says what is wrong with it
    const Value before = *document;
    if (!is_bundle)
        lower(*document);
    else if (document->contains("process"))
        lower((*document)["process"]);
    if (is_bundle && lpm::json::find_path(*document, "linux.resources") != nullptr)
        (*document)["linux"]["resources"].erase("hugepageLimits");
    if (*document == before)
        return;
    const std::string text = lpm::json::write(*document);
    const int fd = open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0 || write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        std::perror(path.c_str());
    close(fd);
}

} // namespace

int main(int argc, char** argv) {
    std::string bundle;
    std::string process;
    for (int i = 1; i + 1 < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--bundle" || word == "-b")
            bundle = argv[i + 1];
        else if (word == "--process" || word == "-p")
            process = argv[i + 1];
    }
    if (!bundle.empty())
        lower_file(bundle + "/config.json", true);
    if (!process.empty())
        lower_file(process, false);
    argv[0] = const_cast<char*>(runc);
    execv(runc, argv);
    std::perror(runc);
    return 127;
}
