// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "base/words.hpp"

// How long a container stands still for a checkpoint whose caller pauses it first, as CRI-O does: from
// `pause` to `resume`, which is after the gate's end. lpm-runc and lpm-gate note it in /run/lpm; `lpm-gate
// --settle` puts it into the record, and thaws what nobody resumes any more.
//
//   <hash of --root>/<id>/paused      NS PID START NAMESPACE: since when, by whom. There as long as it is
//   paused <hash of --root>/<id>/checkpoint  RECORD NS PID START NAMESPACE CHAIN: who paused it asked for
//   this checkpoint ended/RECORD                      the same, and a line "resumed NS", "deleted NS" or
//   "thawed NS"
//
// NS: nanoseconds of CLOCK_BOOTTIME. PID, START, NAMESPACE: of the caller, its start in clock ticks after
// boot, its PID namespace as /proc/self/ns/pid names it. CHAIN: whether CRIU's iptables chain was in the
// container's network before: yes, no, unknown.
namespace lpm::record {

struct Pause {
    std::uint64_t since = 0;
    pid_t pid = 0;
    std::uint64_t start = 0;
    std::string pid_namespace;
};
// Errc::invalid also when something could not be told as it was written: nothing may be done by it.
[[nodiscard]] Result<Pause> parse_pause(std::string_view text);
// Its caller's number means the same here. Not when that cannot be told.
[[nodiscard]] bool is_of_this_namespace(const Pause& pause);

enum class Chain { unknown, absent, present };
inline constexpr std::string_view chains[] = {"unknown", "no", "yes"};
constexpr std::span<const std::string_view> words_of(Chain) {
    return chains;
}

// How a stand-still ends. lpm-runc writes the first two.
enum class End { resumed, deleted, thawed };
inline constexpr std::string_view ends[] = {"resumed", "deleted", "thawed"};
constexpr std::span<const std::string_view> words_of(End) {
    return ends;
}

struct StandStill {
    std::string record;
    Pause pause;
    Chain chain = Chain::unknown;
    std::optional<End> end;  // nothing: not yet
    std::uint64_t until = 0; // then
};
[[nodiscard]] Result<StandStill> parse_stand_still(std::string_view text);

struct ContainerName {
    std::string root_hash;
    std::string id;
    [[nodiscard]] static ContainerName of(const std::string& root, const std::string& id);
};

// Of one container.
class ContainerNotes {
  public:
    // Errc::absent when nobody has paused it.
    [[nodiscard]] static Result<ContainerNotes> open(const std::string& run_dir, const ContainerName& name);

    // Nothing when it is not paused.
    [[nodiscard]] Result<std::optional<Pause>> pause() const;
    [[nodiscard]] Result<std::optional<StandStill>> checkpoint() const;
    [[nodiscard]] Result<> write_checkpoint(const StandStill& note) const;
    // As lpm-runc does at a resume.
    [[nodiscard]] Result<> end(const StandStill& note, End how) const;
    // There is nothing to be ended, and when that came is not known.
    void forget() const;
    // When the caller was first seen dead, as of `write_orphaned`; 0: never.
    [[nodiscard]] std::uint64_t orphaned_since() const;
    [[nodiscard]] Result<> write_orphaned(std::uint64_t since) const;

  private:
    ContainerNotes(Fd run, Fd dir) : run_(std::move(run)), dir_(std::move(dir)) {}
    Fd run_;
    Fd dir_;
};

// Of those with a checkpoint that is not ended.
[[nodiscard]] std::vector<ContainerName> list_checkpoints(const std::string& run_dir);

// Records whose stand-still has ended.
[[nodiscard]] std::vector<std::string> list_ended(const std::string& run_dir);
[[nodiscard]] Result<StandStill> read_ended(const std::string& run_dir, const std::string& record);
void remove_ended(const std::string& run_dir, const std::string& record);

} // namespace lpm::record
