// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <optional>
#include <string>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/deadline.hpp"
#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "oci/restore_from.hpp"
#include "pending.hpp"
#include "report.hpp"
#include "restore.hpp"
#include "wake.hpp"

extern char** environ; // NOLINT(readability-redundant-declaration): unistd.h has it for _GNU_SOURCE only

namespace lpm::gate {

using oci::Option;
using oci::RestoreFrom;

static std::string text_of(const char* text) {
    return text == nullptr ? std::string() : std::string(text);
}

static bool has_apparmor() {
    return read_file(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 16).value_or("").starts_with('Y');
}

// CRI-O waits 240 s for a create, and then deletes the container.
static constexpr std::chrono::seconds create_time{200};

// The words of the runtime's `restore` that stand for those of its `create`. What that has and this has not,
// --preserve-fds and --pidfd-socket, is of the first program, which CRIU makes anew.
static std::vector<std::string> restore_words(const Arguments& arguments, const RestoreFrom& from,
                                              const std::string& dir) {
    const oci::Invocation& call = arguments.invocation;
    std::vector<std::string> words(arguments.argv, arguments.argv + call.verb_at);
    words.insert(words.end(),
                 {"restore", "--detach", "--image-path", dir + "/checkpoint", "--work-path", dir});
    const auto pass = [&](const char* word, const std::string& value) {
        if (!value.empty())
            words.insert(words.end(), {word, value});
    };
    pass("--bundle", text_of(call.text(Option::bundle)));
    pass("--pid-file", text_of(call.text(Option::pid_file)));
    pass("--console-socket", text_of(call.text(Option::console_socket)));
    if (call.on(Option::no_pivot))
        words.emplace_back("--no-pivot");
    if (!from.selinux_label.empty())
        pass("--lsm-profile", "selinux:" + from.selinux_label);
    else if (!from.apparmor_profile.empty() && has_apparmor())
        pass("--lsm-profile", "apparmor:" + from.apparmor_profile);
    pass("--lsm-mount-context", from.selinux_mount_label);
    words.emplace_back("--");
    words.emplace_back(call.id);
    return words;
}

// CRI-O 1.30 gives `create` no PATH, and runc looks for criu there.
static char** environment_with_path() {
    ::setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0); // NOLINT: one thread
    return environ;
}

static bool deny(const Call& call, const Refusal& refusal) {
    refuse(call, refusal.code, refusal.message);
    return false;
}

// Until all of it stands still; a task in the kernel may take a moment.
static Result<> hold_still(const std::string& root, const std::string& id) {
    TRY_ASSIGN(const oci::State state, oci::read_state(root, id));
    TRY(oci::freeze(state));
    const Deadline deadline(std::chrono::seconds{5});
    while (oci::freezing(state)) {
        if (deadline.passed())
            return fail(Errc::unavailable, "its processes do not stand still");
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    if (!oci::frozen(state))
        return fail(Errc::unavailable, "its cgroup does not freeze");
    // Some runtimes leave it in that of the checkpointed one (docs/options.md), and an empty cgroup is soon
    // frozen.
    constexpr std::size_t enough = 100'000;
    TRY_ASSIGN(const auto pids, oci::read_pids(state, enough, deadline));
    return std::ranges::contains(pids, state.init)
               ? Result<>()
               : fail(Errc::unavailable, "it is not in its own cgroup: set own_cgroup = true in [options] of "
                                         "lpm.toml");
}

namespace {

class Create {
  public:
    Create(const config::Settings& settings, RestoreFrom from, std::string bundle)
        : settings_(settings), from_(std::move(from)), bundle_(std::move(bundle)) {}
    Create(const Create&) = delete;
    Create& operator=(const Create&) = delete;
    ~Create() {
        if (!dir_.empty())
            remove_unpacked(root_, id_);
    }

    // False: the runtime is to create the container.
    bool run(const Arguments& arguments, Progress& progress) {
        const oci::Invocation& call = arguments.invocation;
        id_ = call.id;
        const char* root = call.text(Option::root);
        root_ = root == nullptr ? oci::default_root : root;
        dir_ = unpacked_dir(root_, id_);
        auto words = restore_words(arguments, from_, dir_);
        std::vector<char*> argv;
        argv.reserve(words.size() + 1);
        for (auto& word : words)
            argv.push_back(word.data());
        argv.push_back(nullptr);
        const int argc = static_cast<int>(words.size());
        const oci::Invocation restored = oci::parse(argc, argv.data());
        const AtCreate steps{[this](const Call& of) { return unpack(of); },
                             [this](const Call& of) { return prepare(of); },
                             [this](const Call& of) { return hold(of); }, layer_};
        no_new_keyring_ = call.on(Option::no_new_keyring);
        progress.quiet = from_.may_start;
        restore({restored, argv.data(), argc, environment_with_path()}, progress, &steps);
        if (marked_ && !keeps_mark_)
            unmark_pending(root_, id_);
        return !(progress.refused && progress.quiet);
    }

  private:
    // Whether the pod may have it, and what it asks for.
    bool unpack(const Call& call) {
        record::Record& record = call.recorder.record();
        record.names = {{"namespace", from_.name_space},
                        {"pod", from_.pod},
                        {"pod_uid", from_.pod_uid},
                        {"name", from_.container}};
        if (!from_.fault.empty())
            return deny(call, {"RestoreAnnotation", from_.fault});
        if (!settings_.restore_at_create || !settings_.restore_unread.empty())
            return deny(call, {"RestoreUnsupported", "it cannot be told whose archives may be restored: " +
                                                         settings_.restore_unread});
        if (from_.user_namespace)
            return deny(call, {"RestoreUnsupported",
                               "a container with a user namespace cannot be restored at its create: take "
                               "hostUsers: false off the pod"});
        if (call.request.subject.kind == oci::RuntimeKind::crun)
            return deny(call, {"RestoreUnsupported",
                               "crun's containers cannot be restored at their create: give the pod a "
                               "runtimeClassName whose handler is runc through lpm"});
        return is_first(call) && mark(call) && fetch(call);
    }

    bool is_first(const Call& call) {
        if (from_.every_time)
            return true;
        const auto restored = was_restored(from_.pod_uid, from_.container);
        if (restored && !*restored)
            return true;
        // It starts anew, as any container that ends does: whatever the pod says of a refusal.
        call.progress.quiet = restored.has_value();
        return deny(call,
                    {"RestoredBefore",
                     restored ? "this container of this pod has been restored before, and its memory "
                                "goes on once: it starts anew. lpm.my.domain/restore-policy: always "
                                "restores it each time"
                              : "whether it was restored before cannot be told: " + restored.error().text});
    }

    // First of all: by it a delete finds who is at work, and what a gate that is killed leaves is found.
    bool mark(const Call& call) {
        Pending pending;
        pending.pod_uid = from_.pod_uid;
        pending.container = from_.container;
        pending.hostname = from_.hostname;
        pending.cgroups_path = from_.cgroups_path;
        pending.bundle = bundle_.starts_with('/') ? bundle_ : "";
        const auto marked = mark_pending(root_, id_, std::move(pending));
        marked_ = marked.has_value();
        return marked_ ||
               deny(call, {"RestoreUnsupported",
                           "cannot be marked as one that waits for its start: " + marked.error().text});
    }

    bool fetch(const Call& call) {
        auto found = find_archive(settings_, from_, deadline_);
        if (!found)
            return deny(call, found.error());
        archive_ = *std::move(found);
        record::Record& record = call.recorder.record();
        record.object = archive_->manifest.object;
        call.recorder.note("restored from " + archive_->opened.file.path);
        remove_unpacked(root_, id_); // of a gate that was killed
        if (const auto made = make_unpacked_dir(root_, id_); !made)
            return deny(call, {"ArchiveUnreadable", "cannot be unpacked: " + made.error().text});
        auto layer = unpack_images(*archive_, dir_, deadline_);
        if (!layer)
            return deny(call, layer.error());
        layer_ = *std::move(layer);
        return true;
    }

    // From here on the container's files are not those of its image any more: it is restored, or not at all.
    bool prepare(const Call& call) {
        call.progress.quiet = false;
        const std::string root = from_.root.starts_with('/') ? from_.root : bundle_ + "/" + from_.root;
        if (const auto unpacked = unpack_root(*archive_, root, deadline_); !unpacked)
            return deny(call, unpacked.error());
        // As the runtime gives a container that it makes; CRIU would leave the engine's.
        if (!no_new_keyring_)
            ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
        return is_marked() ||
               deny(call, {"RestoreUnsupported", "it was deleted while its archive was unpacked"});
    }

    bool hold(const Call& call) {
        auto done = hold_still(root_, id_);
        if (done)
            done = note_held(root_, id_);
        keeps_mark_ = true;
        if (done)
            return true;
        // Its memory would go on here, and again where the kubelet tries again. Settling finds it by its
        // mark.
        keeps_mark_ = !remove_container(call.arguments);
        call.progress.ended->exit_status = 1;
        report_error(call.arguments.invocation,
                     "lpm: the restored container cannot be paused until its start: " + done.error().text);
        return false;
    }

    // CRI-O deletes what takes longer than it waits, and hears that all is well where the runtime has not
    // begun: it would stay paused, and nobody would know of it.
    [[nodiscard]] bool is_marked() const { return read_pending(root_, id_).has_value(); }

    [[nodiscard]] bool remove_container(const Arguments& arguments) const {
        std::vector<const char*> words(arguments.argv, arguments.argv + arguments.invocation.verb_at);
        words.insert(words.end(), {"delete", "--force", "--", id_.c_str(), nullptr});
        const auto ended = run_runtime(std::move(words), arguments.environment, {});
        return ended && ended->ok(); // else it has said itself what is in its way
    }

    const config::Settings& settings_;
    RestoreFrom from_;
    std::string bundle_;
    std::string root_;
    std::string id_;
    std::string dir_;
    std::optional<WakeArchive> archive_;
    std::optional<inspect::Layer> layer_;
    Deadline deadline_{create_time};
    bool no_new_keyring_ = false;
    bool marked_ = false;
    bool keeps_mark_ = false;
};

} // namespace

bool create(const Arguments& arguments, Progress& progress) {
    const char* given = arguments.invocation.text(Option::bundle);
    const std::string bundle = given == nullptr ? "." : given;
    auto from = oci::read_restore_from(bundle);
    if (!from || !*from)
        return false;
    const auto settings = config::read(paths::settings_file);
    // Where it cannot be read, the switch's file, for which the front has come here, says that it is on.
    if (!settings.restore_at_create && settings.restore_unread.empty())
        return false;
    return Create(settings, **std::move(from), bundle).run(arguments, progress);
}

} // namespace lpm::gate
