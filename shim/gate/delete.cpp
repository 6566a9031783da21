// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "base/deadline.hpp"
#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "cleanup/processes.hpp"
#include "creation.hpp"
#include "linux/procfs.hpp"
#include "verbs.hpp"

namespace lpm::gate {

// CRI-O restores, and deletes when that takes longer than it waits: the restore may well go on for minutes.
static constexpr std::chrono::seconds patience{10};
static constexpr std::chrono::milliseconds pause{50};
static constexpr std::size_t max_words = 65536; // bytes

static bool same_root(const oci::Invocation& one, const oci::Invocation& other) {
    const char* first = one.text(oci::Option::root);
    const char* second = other.text(oci::Option::root);
    if (first == nullptr && second == nullptr)
        return true;
    return same_file(first == nullptr ? oci::default_root : first,
                     second == nullptr ? oci::default_root : second);
}

// Its command line says so: that of the runtime, or of lpm before and around it. Others may call themselves
// what they like, so it must be our own user's and in no inner PID namespace; and a life-cycle hook that
// deletes is not to wait for the gate that runs it.
static bool restores(pid_t pid, const oci::Invocation& call) {
    const std::string folder = "/proc/" + std::to_string(pid);
    struct stat st{};
    if (::stat(folder.c_str(), &st) != 0 || st.st_uid != ::geteuid())
        return false;
    const auto text = read_file(AT_FDCWD, folder + "/cmdline", max_words);
    if (!text || !text->contains("restore"))
        return false;
    std::vector<const char*> words;
    for (std::string_view rest = *text; !rest.empty();) {
        words.push_back(rest.data());
        rest.remove_prefix(std::min(rest.find('\0'), rest.size() - 1) + 1);
    }
    const auto other = oci::parse(static_cast<int>(words.size()), words.data());
    if (!other.gated || other.verb != oci::Verb::restore || std::string_view(other.id) != call.id ||
        !same_root(other, call) || is_ancestor(pid))
        return false;
    const auto status = procfs::read_status(pid);
    return status && status->ns_pids.size() < 2;
}

// 0 when there is none.
static pid_t find_restore(const oci::Invocation& call) {
    pid_t found = 0;
    each_entry("/proc", [&](int, const dirent& entry) {
        if (const auto pid = to_number<pid_t>(entry.d_name); pid && restores(*pid, call))
            found = *pid;
        return found == 0;
    });
    return found;
}

static void await_restore(const oci::Invocation& call) {
    const Deadline deadline(patience);
    pid_t restore = 0;
    while (shim::creation_in_progress(call) && !deadline.passed()) {
        // All of /proc is read only when the one that was found is gone.
        if (restore == 0 || !restores(restore, call))
            restore = find_restore(call);
        if (restore == 0)
            return;
        std::this_thread::sleep_for(pause);
    }
}

void before_delete(const oci::Invocation& call) {
    try {
        await_restore(call);
    } catch (...) { // NOLINT(bugprone-empty-catch): no memory; the delete goes on
    }
    shim::unbind_root(call);
}

} // namespace lpm::gate
