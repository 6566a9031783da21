// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "deletion.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>
#include <vector>

#include "base/dir.hpp"
#include "base/procfs.hpp"
#include "base/text.hpp"
#include "making.hpp"

namespace lpm::gate {

// CRI-O restores, and deletes when that takes longer than it waits: the restore may well go on for minutes.
static constexpr std::chrono::seconds patience{10};
static constexpr std::chrono::milliseconds pause{50};

static bool same_root(const oci::Invocation& one, const oci::Invocation& other) {
    char first[17];
    char second[17];
    oci::root_hash(one.text(oci::Option::root), first);
    oci::root_hash(other.text(oci::Option::root), second);
    return std::string_view(first) == second;
}

// Its command line says so: that of the runtime, or of lpm before and around it.
static bool restores(pid_t pid, const oci::Invocation& call) {
    const auto text = procfs::read_proc(pid, "cmdline");
    if (!text || !text->contains("restore"))
        return false;
    std::vector<const char*> words;
    for (std::string_view rest = *text; !rest.empty();) {
        words.push_back(rest.data());
        rest.remove_prefix(std::min(rest.find('\0'), rest.size() - 1) + 1);
    }
    const auto other = oci::parse(static_cast<int>(words.size()), words.data());
    return other.gated && other.verb == oci::Verb::restore && std::string_view(other.id) == call.id &&
           same_root(other, call);
}

static bool restore_runs(const oci::Invocation& call) {
    bool found = false;
    each_entry("/proc", [&](int, const dirent& entry) {
        const auto pid = to_number<pid_t>(entry.d_name);
        found = pid && restores(*pid, call);
        return !found;
    });
    return found;
}

void await_restore(const oci::Invocation& call) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (shim::being_made(call) && restore_runs(call) && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(pause);
}

} // namespace lpm::gate
