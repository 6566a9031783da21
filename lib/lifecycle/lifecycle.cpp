// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "lifecycle/lifecycle.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/deadline.hpp"
#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "config/hook.hpp"
#include "lifecycle/trusted.hpp"
#include "json/json.hpp"

namespace lpm::lifecycle {

using Clock = std::chrono::steady_clock;
using record::HookOutcome;
using std::chrono::milliseconds;

static constexpr std::size_t max_hooks = 64;
static constexpr std::size_t max_declaration = 65536;
static constexpr std::size_t max_output = 65536;
static constexpr std::string_view suffix = ".toml";

static std::vector<std::string> list_names(int dir) {
    std::vector<std::string> names;
    each_entry(dir, [&](int, const dirent& entry) {
        std::string_view name = entry.d_name;
        if (!name.starts_with('.') && name.ends_with(suffix))
            names.emplace_back(name);
        return names.size() < 10 * max_hooks;
    });
    std::ranges::sort(names);
    return names;
}

static Result<config::LifecycleHook> read_hook(const std::string& folder, const std::string& file) {
    // It becomes the name of a file beside the logs.
    constexpr auto letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    if (file.size() > 64 || file.find_first_not_of(letters) != std::string::npos)
        return fail(Errc::invalid, "its name has more than 64 letters, or others than A-Z a-z 0-9 - _ .");
    TRY_ASSIGN(const Fd declaration, open_trusted(folder + "/" + file));
    TRY_ASSIGN(const std::string text,
               read_file(AT_FDCWD, "/proc/self/fd/" + std::to_string(declaration.get()), max_declaration));
    TRY_ASSIGN(config::LifecycleHook hook,
               config::parse_hook(text, file, file.substr(0, file.size() - suffix.size())));
    return hook;
}

std::string state_of(const HookContext& round, const record::Record& record) {
    json::Value state{{"schema", 1},
                      {"hook", name_of(round.point)},
                      {"operation", record.operation.text()},
                      {"record", record.id},
                      {"id", record.container},
                      {"root", record.root},
                      {"bundle", record.bundle},
                      {"image_path", record.image_path},
                      {"frozen", round.frozen},
                      {"leave_running", record.leave_running}};
    if (record.pid > 0)
        state["pid"] = record.pid;
    if (!record.outcome.empty())
        state["outcome"] = record.outcome.text();
    if (!record.code.empty())
        state["code"] = record.code;
    for (const auto& [name, value] : record.names)
        state["names"][name] = value;
    return json::write(state) + "\n";
}

// Not the caller's: an engine's has secrets of its own, and need not have a PATH.
static std::vector<std::string> environment_of(const HookContext& round, const record::Record& record) {
    return {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            std::string("LPM_HOOK=").append(name_of(round.point)),
            "LPM_OPERATION=" + record.operation.text(),
            "LPM_RECORD=" + record.id,
            "LPM_CONTAINER=" + record.container,
            "LPM_PID=" + std::to_string(record.pid),
            "LPM_BUNDLE=" + record.bundle,
            "LPM_IMAGE_PATH=" + record.image_path,
            "LPM_OUTCOME=" + record.outcome.text()};
}

// The last line says most about a failure.
static std::string last_line(std::string_view text) {
    text = trim(text);
    return one_line(text.substr(text.rfind('\n') + 1), 200);
}

// Why it failed; empty when it did not.
static std::string run_one(const config::LifecycleHook& hook, const HookContext& round,
                           const record::Record& record, milliseconds left) {
    const auto program = open_trusted(hook.path);
    if (!program)
        return "not run: " + program.error().text;
    Job job;
    job.program = program->get();
    job.argv = hook.args;
    job.argv.insert(job.argv.begin(), hook.path);
    job.timeout = std::min(hook.timeout, left);
    job.limit = max_output;
    job.input = state_of(round, record);
    job.environment = environment_of(round, record);
    const auto output = run(job);
    if (!output)
        return output.error().text;
    if (!output->text.empty() && round.keep)
        round.keep("hook-" + std::string(name_of(round.point)) + "-" + hook.name + ".log", output->text);
    std::string why;
    if (output->late)
        why = "did not end in " + std::to_string(job.timeout.count()) + " ms and was killed";
    else if (output->status != 0)
        why = "ended with status " + std::to_string(output->status);
    if (const std::string said = last_line(output->text); !why.empty() && !said.empty())
        why += ": " + said;
    return why;
}

static bool is_part(const config::LifecycleHook& hook, const HookContext& round) {
    return round.part == Part::all || hook.frozen == (round.part == Part::frozen);
}

// The container stands still for the caller, and this hook needs one that runs.
static bool is_skipped(const config::LifecycleHook& hook, const HookContext& round) {
    return round.frozen && !hook.frozen;
}

namespace {

// The hooks of one point, one after the other.
class Runner {
  public:
    Runner(const HookContext& round, const record::Record& record)
        : round_(round), record_(record), deadline_(round.total) {}

    // The next would be one too many.
    bool is_full() {
        if (done.hooks.size() < max_hooks)
            return false;
        done.hooks.back().message +=
            " (and no more are run: they are over " + std::to_string(max_hooks) + ")";
        return true;
    }

    // False when the operation is to end here.
    bool visit(const std::string& folder, const std::string& file) {
        const auto hook = read_hook(folder, file);
        if (!hook) {
            note(file.substr(0, file.size() - suffix.size()), HookOutcome::failed,
                 "not run: " + hook.error().text);
            return true;
        }
        if (!hook->wants(record_.names) || !is_part(*hook, round_))
            return true;
        if (is_skipped(*hook, round_)) {
            note(hook->name, HookOutcome::skipped,
                 "it needs a container that runs, and the caller has frozen this one");
            return true;
        }
        const auto start = Clock::now();
        const auto left = deadline_.left();
        const std::string why = left.count() > 0
                                    ? run_one(*hook, round_, record_, left)
                                    : "not run: no time was left, see total_ms in [hooks] of lpm.toml";
        note(hook->name, why.empty() ? HookOutcome::done : HookOutcome::failed, why);
        done.hooks.back().time_ms = static_cast<std::uint64_t>(
            std::chrono::duration_cast<milliseconds>(Clock::now() - start).count());
        if (why.empty() || !hook->abort)
            return true;
        done.failure = "hook " + hook->name + ": " + why;
        return false;
    }

    void note(const std::string& name, HookOutcome outcome, const std::string& message) {
        done.hooks.push_back({one_line(name, 100), round_.point, outcome, one_line(message), 0});
    }

    HookResults done;

  private:
    const HookContext& round_;
    const record::Record& record_;
    Deadline deadline_;
};

} // namespace

static std::string folder_of(const HookContext& round) {
    return round.dir + "/" + std::string(name_of(round.point));
}

bool any(const HookContext& round) {
    return ::access(folder_of(round).c_str(), F_OK) == 0 || errno != ENOENT;
}

std::vector<std::string> skipped_hooks(const HookContext& round,
                                       const std::vector<std::pair<std::string, std::string>>& names) {
    std::vector<std::string> skipped;
    const auto dir = open_trusted(folder_of(round));
    if (!dir)
        return skipped;
    for (const std::string& file : list_names(dir->get()))
        if (const auto hook = read_hook(folder_of(round), file);
            hook && hook->abort && hook->wants(names) && is_part(*hook, round) && is_skipped(*hook, round))
            skipped.push_back(hook->name);
    return skipped;
}

HookResults run_hooks(const HookContext& round, const record::Record& record) {
    Runner runner(round, record);
    const std::string path = folder_of(round);
    const auto dir = open_trusted(path);
    if (!dir) {
        if (dir.error().sys != ENOENT)
            runner.note(path, HookOutcome::failed, "not run: " + dir.error().text);
        return std::move(runner.done);
    }
    // Those of the point after it are for tidying up: one that fails does not keep the others from it.
    const bool before = round.point == Point::pre_checkpoint || round.point == Point::pre_restore;
    for (const std::string& file : list_names(dir->get()))
        if (runner.is_full() || (!runner.visit(path, file) && before))
            break;
    return std::move(runner.done);
}

} // namespace lpm::lifecycle
