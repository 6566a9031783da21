// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sched.h>
#include <string>
#include <string_view>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "base/dir.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "cleanup/processes.hpp"
#include "linux/procfs.hpp"
#include "linux/sockdiag.hpp"
#include "oci/cgroup.hpp"
#include "oci/state.hpp"
#include "pending.hpp"
#include "report.hpp"
#include "verbs.hpp"
#include "json/json.hpp"

namespace lpm::gate {

using oci::Option;

namespace {

// The call, and the container that it asks of.
struct Asked {
    const Arguments& arguments;
    std::string root;
    std::string id;

    [[nodiscard]] const oci::Invocation& call() const { return arguments.invocation; }
};

} // namespace

static int fail_call(const Asked& asked, const std::string& why) {
    report_error(asked.call(), "lpm: " + why);
    return 1;
}

// The runtime's own answer, with other words: its exit status.
static int run_words(const Asked& asked, std::vector<const char*> words) {
    words.push_back(nullptr);
    const auto ended = run_runtime(std::move(words), asked.arguments.environment, {});
    if (!ended)
        return fail_call(asked, ended.error().text);
    if (ended->signal != 0)
        end_like(*ended);
    return ended->exit_status;
}

static std::vector<const char*> words_of(const Asked& asked) {
    return {asked.arguments.argv, asked.arguments.argv + asked.arguments.argc};
}

// The words before the verb, and it.
static std::vector<const char*> words_with(const Asked& asked, const char* verb) {
    std::vector<const char*> words(asked.arguments.argv, asked.arguments.argv + asked.call().verb_at);
    words.push_back(verb);
    return words;
}

// The runtime gives it to a container that it starts; CRIU brings that of the checkpointed one, in a UTS
// namespace of its own.
static void set_host_name(pid_t init, const std::string& name) {
    const std::string theirs = "/proc/" + std::to_string(init) + "/ns/uts";
    if (name.empty() || same_file("/proc/self/ns/uts", theirs.c_str()))
        return; // the host's is not ours to change
    const auto uts = open_at(AT_FDCWD, theirs, O_RDONLY);
    if (!uts || ::setns(uts->get(), CLONE_NEWUTS) != 0 || ::sethostname(name.data(), name.size()) != 0)
        add_line("lpm: the restored container keeps the host name of the one that was checkpointed");
}

// A mark without its container: of one that has ended, or was let go by somebody else. The runtime answers.
static bool waits(const Result<oci::State>& state) {
    return state && oci::alive(*state) && oci::frozen(*state);
}

static int start(const Asked& asked) {
    const auto state = oci::read_state(asked.root, asked.id);
    const auto pending = read_pending(asked.root, asked.id);
    if (!waits(state) || !pending)
        return run_words(asked, words_of(asked));
    // Before it goes on: what is marked and does not go on starts anew; what goes on twice harms.
    if (const auto marked = mark_restored(*pending); !marked)
        return fail_call(asked, "the restored container is not started, as it cannot be noted that it was "
                                "restored: " +
                                    marked.error().text);
    set_host_name(state->init, pending->hostname);
    if (const auto noted = note_start(asked.root, asked.id, *pending); !noted)
        return fail_call(asked, "the restored container is not started: " + noted.error().text);
    if (const auto done = oci::thaw(*state); !done)
        return fail_call(asked, "the restored container is not started: " + done.error().text);
    unmark_pending(asked.root, asked.id);
    return 0;
}

// Says `created` where the runtime says `paused`. All else is as it said it.
static std::string as_created(const std::string& text) {
    auto value = json::parse(text);
    if (!value || json::text_or_empty(*value, "status") != "paused")
        return text;
    (*value)["status"] = "created";
    return json::write(*value, 2);
}

static int state(const Asked& asked) {
    const Fd answer(::memfd_create("state", MFD_CLOEXEC));
    const Fd out(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!answer || !out || ::dup2(answer.get(), STDOUT_FILENO) < 0)
        return fail_call(asked, "state: no descriptor is left");
    const int status = run_words(asked, words_of(asked));
    ::dup2(out.get(), STDOUT_FILENO);
    const auto text =
        read_file(AT_FDCWD, "/proc/self/fd/" + std::to_string(answer.get()), std::size_t{8} << 20);
    if (!text || !write_all(STDOUT_FILENO, as_created(*text)))
        return fail_call(asked, "state: the runtime's answer cannot be passed on");
    return status;
}

// As the runtime reads it: a number, or a name in either case, with or without "SIG". Nothing: the runtime
// says what is wrong with it.
static std::optional<int> signal_of(const char* text) {
    if (text == nullptr)
        return SIGTERM;
    if (const auto number = to_number<int>(text))
        return *number >= 0 && *number <= SIGRTMAX ? number : std::nullopt;
    const char* name = ::strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    for (int number = 1; number < NSIG; ++number)
        if (const char* known = ::sigabbrev_np(number); known != nullptr && ::strcasecmp(name, known) == 0)
            return number;
    return std::nullopt;
}

// In a created container the runtime's own program, which is Go's, takes the signals: these end it
// (os/signal), and what else may come is lost on it.
static bool ends_created(int signal) {
    static constexpr int deadly[] = {SIGHUP, SIGINT,  SIGQUIT, SIGILL,  SIGTRAP,   SIGABRT, SIGBUS,
                                     SIGFPE, SIGKILL, SIGSEGV, SIGTERM, SIGSTKFLT, SIGSYS};
    return std::ranges::contains(deadly, signal);
}

// A frozen process takes no other signal than KILL; it has not begun, so there is nothing for it to end well.
// The others it would find at its start.
static int kill(const Asked& asked) {
    const auto signal = signal_of(asked.call().signal);
    if (!signal || !waits(oci::read_state(asked.root, asked.id)))
        return run_words(asked, words_of(asked));
    auto words = words_with(asked, "kill");
    if (asked.call().on(Option::all))
        words.push_back("--all");
    words.insert(words.end(), {"--", asked.call().id, ends_created(*signal) ? "KILL" : "0"});
    return run_words(asked, words);
}

// CRI-O deletes a container whose create takes longer than it waits, and does not end the create: what that
// is at would be taken away from under it. What it has started ends with it.
static void end_create(const Asked& asked) {
    const auto pending = read_pending(asked.root, asked.id);
    if (!pending || pending->gate <= 0 || is_ancestor(pending->gate))
        return; // a life-cycle hook that deletes
    const auto handle = open_pidfd(pending->gate);
    if (handle && !procfs::has_ended(pending->gate, pending->gate_start) && !end_process(*handle))
        add_line("lpm: the restore of " + asked.id + " goes on while it is deleted");
}

// How many processes of the container's cgroup were there, and are ended.
static int end_cgroup(const std::string& cgroups_path, const std::string& id) {
    int ended = 0;
    each_entry("/proc", [&](int, const dirent& entry) {
        const auto pid = to_number<pid_t>(entry.d_name);
        if (!pid || *pid == ::getpid() || is_ancestor(*pid))
            return true;
        // First: what is read then is of the process that it holds, or of one that is gone.
        const auto handle = open_pidfd(*pid);
        const auto cgroup = procfs::read_proc(*pid, "cgroup");
        if (handle && cgroup && oci::in_cgroup_of(*cgroup, cgroups_path, id) && end_process(*handle))
            ++ended;
        return true;
    });
    return ended;
}

// CRIU that was killed with its gate may leave processes that wait for it for ever. The runtime knows none of
// them, or takes the container for stopped: its delete finds a cgroup that cannot be removed.
static void end_left(const Asked& asked) {
    const auto pending = read_pending(asked.root, asked.id);
    const auto state = oci::read_state(asked.root, asked.id);
    if (!pending || (state && oci::alive(*state)) || !procfs::has_ended(pending->gate, pending->gate_start) ||
        pending->cgroups_path.empty())
        return;
    constexpr int rounds = 3; // one that was about to fork has left others
    for (int round = 0; round < rounds && end_cgroup(pending->cgroups_path, asked.id) > 0; ++round) {
    }
}

// One that is created may be deleted; the runtime takes this one for one that runs.
static int remove(const Asked& asked) {
    end_create(asked);
    end_left(asked);
    auto words = words_with(asked, "delete");
    words.insert(words.end(), {"--force", "--", asked.call().id});
    const int status = run_words(asked, words);
    if (status == 0) {
        unmark_pending(asked.root, asked.id);
        remove_unpacked(asked.root, asked.id);
    }
    return status;
}

// A gate that was killed in `start` has let it go, and not taken the mark away.
static bool has_started(const Asked& asked) {
    const auto state = oci::read_state(asked.root, asked.id);
    const auto pending = read_pending(asked.root, asked.id);
    return state && oci::alive(*state) && !oci::frozen(*state) && pending &&
           procfs::has_ended(pending->gate, pending->gate_start);
}

// The runtime would find it paused already, and would start it by a resume.
static int pause_or_resume(const Asked& asked) {
    if (!has_started(asked))
        return fail_call(asked, "container " + asked.id +
                                    " is created and not started: it cannot be paused or resumed");
    unmark_pending(asked.root, asked.id);
    return run_words(asked, words_of(asked));
}

int ask_pending(const Arguments& arguments) {
    const oci::Invocation& call = arguments.invocation;
    const char* root = call.text(Option::root);
    const Asked asked{arguments, root == nullptr ? oci::default_root : root, call.id};
    switch (call.verb) {
    case oci::Verb::start:
        return start(asked);
    case oci::Verb::state:
        return state(asked);
    case oci::Verb::kill:
        return kill(asked);
    case oci::Verb::remove:
        return remove(asked);
    default:
        return pause_or_resume(asked);
    }
}

} // namespace lpm::gate
