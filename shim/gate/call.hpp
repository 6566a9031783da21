// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check/check.hpp"
#include "command.hpp"
#include "config/settings.hpp"
#include "criu/log.hpp"
#include "criu/network_lock.hpp"
#include "criu/tooling.hpp"
#include "delegate.hpp"
#include "leftovers.hpp"
#include "oci/argv.hpp"
#include "record/store.hpp"

namespace lpm::gate {

// One gated call, from the intent to the final record. The steps come in the order of the functions below.
// Nothing here may keep the operation from happening except a check that blocks: an unwritable store, a
// broken lpm.toml or a missing cache become notes, or nothing.
class Call {
  public:
    Call(const oci::Invocation& invocation, char** argv, int argc, char** environment);

    // Reads the settings and the cache, and publishes the intent.
    void begin(inspect::Stage stage);
    // Judges the checks. True when one blocks: then the refusal is recorded and reported.
    [[nodiscard]] bool refused();
    // Runs the runtime. False when it cannot be run at all: recorded and reported.
    [[nodiscard]] bool delegate();
    // Keeps logs and figures, explains a failure, publishes the final record.
    void end();

    // The runtime is not to be run, whatever comes now.
    [[nodiscard]] bool decided() const { return decided_; }
    // Whether the runtime has been run, and how it ended.
    [[nodiscard]] const std::optional<Ended>& ended() const { return ended_; }

  private:
    // A file of the work directory, as it was before the runtime ran: engines leave old ones there.
    struct FileStamp {
        std::string name;
        unsigned long long inode = 0;
        long long size = 0;
        timespec changed{};
        [[nodiscard]] bool operator==(const FileStamp& other) const;
    };

    void fill_record(inspect::Stage stage);
    // Puts into the command what lpm adds to it, and into the record that it did.
    void add(const inspect::Facts& facts);
    // Runs the life-cycle hooks before or after the runtime's run; why one of them ends the operation.
    [[nodiscard]] std::string run_hooks(bool before);
    // `[CODE]` or `[CODE, transient]` ends the message, by which callers tell what another try may cure.
    void refuse(std::string code, std::string message, bool transient);
    // No other gate checkpoints this container, and none will until this process ends.
    [[nodiscard]] bool try_lock_container();
    void note(std::string_view text);
    void say(std::string line);
    void publish();
    void finish(std::string_view outcome);
    void look_at_work_dir();
    void open_work_dir();
    [[nodiscard]] bool succeeded() const;
    void keep_files(bool ok);
    void keep(int logs, const std::string& name, std::uint64_t limit);
    void keep_stats();
    [[nodiscard]] std::optional<criu::LogError> read_failure();
    void explain_failure();
    void thaw_if_left_frozen();
    void look_at_network(const inspect::Facts& facts);
    // CRIU's log of this call, once there is one.
    [[nodiscard]] std::optional<struct stat> find_log() const;
    void wait_for_criu();
    void unlock_network();
    void report_lock_left(const std::string& what, std::string_view why);
    void report_tasks();
    // While the runtime runs: see that it does not wait for what a dead CRIU has left.
    void look_after(pid_t runtime);
    bool end_orphans(); // true when there were some
    void unbind_root();
    void write_manifest();
    void read_lineage();
    [[nodiscard]] const char* variable(std::string_view name) const;
    [[nodiscard]] std::string root_of_states() const;
    [[nodiscard]] std::string image_dir() const;
    [[nodiscard]] std::string absolute(const char* path) const;
    [[nodiscard]] static FileStamp stamp_of(int dir, const std::string& name);
    [[nodiscard]] bool written_by_this_call(const std::string& name) const;
    [[nodiscard]] const char* log_name() const;
    [[nodiscard]] const char* stats_name() const;

    const oci::Invocation& invocation_;
    char** argv_;
    int argc_;
    char** environment_;

    Command command_;
    config::Settings settings_;
    criu::Tooling tooling_;
    std::optional<record::Store> store_;
    record::Record record_;
    inspect::Subject subject_;
    std::string runtime_key_;
    std::string bundle_dir_; // of a restore
    std::optional<oci::State> state_;
    // Of a restore into a PID namespace of its own.
    std::optional<std::string> cgroups_path_;
    bool fresh_ = false; // a restore, and the runtime had nothing of that name before
    bool sole_ = false;  // no other restore works in this work directory
    Delegate delegate_;
    Fd container_lock_; // the runtime's folder of the container, locked
    Fd work_;           // the work directory, once it is there
    std::vector<FileStamp> stamps_;
    std::optional<Ended> ended_;
    bool hooks_began_ = false;
    bool decided_ = false;
    std::string run_id_;        // of the dump, as CRIU's log tells it
    std::optional<Fd> network_; // the namespace that CRIU locks
    std::optional<criu::NetworkLock> lock_before_;
    // How long the runtime has not noticed that its CRIU is dead, or what that was making.
    int seconds_dead_ = 0;
    int seconds_lost_ = 0;
    bool none_stopped_ = false; // before the call, as far as known
    bool was_alive_ = false;
    Running running_;
    std::vector<std::string> lines_; // for standard error, after the record is safe
};

} // namespace lpm::gate
