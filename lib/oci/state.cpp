// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/state.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "linux/procfs.hpp"
#include "oci/argv.hpp"
#include "oci/pending.hpp"
#include "json/json.hpp"

namespace lpm::oci {

static constexpr std::size_t max_bytes = std::size_t{8} << 20;

static pid_t pid_or_zero(const json::Value& value, std::string_view key) {
    const auto pid = json::integer(value, key).value_or(0);
    return pid > 0 && pid <= INT32_MAX ? static_cast<pid_t>(pid) : 0;
}

// runc lists one directory per v1 controller, or "" -> the v2 directory.
static void read_cgroup_paths(const json::Value& paths, State& state) {
    if (auto v1 = json::text_or_empty(paths, "freezer"); v1.starts_with('/')) {
        state.freezer = std::move(v1);
        return;
    }
    const auto* v2 = json::find(paths, "");
    if (v2 != nullptr && v2->is_string() && v2->get_ref<const std::string&>().starts_with('/')) {
        state.freezer = v2->get<std::string>();
        state.unified = true;
    }
}

Result<State> parse_runc_state(std::string_view state_json) {
    TRY_ASSIGN(const json::Value value, json::parse(state_json, {.bytes = max_bytes}));
    if (!value.is_object())
        return fail(Errc::invalid, "state.json: not an object");
    State state;
    state.init = pid_or_zero(value, "init_process_pid");
    state.init_start = json::natural(value, "init_process_start").value_or(0);
    // runc keeps annotations as "key=value" labels and adds the bundle as one more; its own comes last,
    // so an annotation named "bundle" cannot stand in for it.
    if (const auto* labels = json::find_path(value, "config.labels"); labels != nullptr && labels->is_array())
        for (const auto& label : *labels)
            if (label.is_string() && label.get_ref<const std::string&>().starts_with("bundle=/"))
                state.bundle = label.get_ref<const std::string&>().substr(7);
    if (const auto* paths = json::find(value, "cgroup_paths"); paths != nullptr)
        read_cgroup_paths(*paths, state);
    return state;
}

Result<State> parse_crun_status(std::string_view status_json) {
    TRY_ASSIGN(const json::Value value, json::parse(status_json, {.bytes = max_bytes}));
    if (!value.is_object())
        return fail(Errc::invalid, "status: not an object");
    State state;
    state.init = pid_or_zero(value, "pid");
    state.init_start = json::natural(value, "process-start-time").value_or(0);
    state.bundle = json::text_or_empty(value, "bundle");
    // crun writes the path below the cgroup mount; which mount it is decides the version.
    if (auto path = json::text_or_empty(value, "cgroup-path"); path.starts_with('/')) {
        const std::string v1 = "/sys/fs/cgroup/freezer";
        state.unified = ::access(v1.c_str(), F_OK) != 0;
        state.freezer = (state.unified ? "/sys/fs/cgroup" : v1) + path;
    }
    return state;
}

static Result<State> read_either(const std::string& dir) {
    auto text = read_file(AT_FDCWD, dir + "/state.json", max_bytes);
    if (text)
        return parse_runc_state(*text);
    if (text.error().code != Errc::absent)
        return std::unexpected(std::move(text).error());
    TRY_ASSIGN(const std::string status, read_file(AT_FDCWD, dir + "/status", max_bytes));
    return parse_crun_status(status);
}

Result<State> read_state(const std::string& root, const std::string& id) {
    const std::string dir = root + "/" + id;
    TRY_ASSIGN(State state, read_either(dir));
    state.waits_for_start = ::access((dir + "/exec.fifo").c_str(), F_OK) == 0 ||
                            (is_pending(root.c_str(), id.c_str()) && frozen(state));
    return state;
}

Result<std::vector<pid_t>> read_inits(const std::string& root) {
    std::vector<pid_t> inits;
    Result<> read;
    const bool opened = each_entry(root, [&](int, const dirent& entry) {
        if (entry.d_type != DT_DIR || !valid_id(entry.d_name))
            return true;
        if (const auto state = read_state(root, entry.d_name))
            inits.push_back(state->init);
        else if (state.error().code != Errc::absent)
            read = std::unexpected(state.error());
        return read.has_value();
    });
    if (!opened && errno != ENOENT)
        return fail_errno(errno, root);
    if (!read)
        return std::unexpected(std::move(read).error());
    return inits;
}

bool alive(const State& state) {
    if (state.init <= 0)
        return false;
    const auto stat = procfs::read_stat(state.init);
    // A start time of 0 is "not recorded": then the pid alone has to do.
    return stat && !stat->ended() && (state.init_start == 0 || stat->start == state.init_start);
}

bool frozen(const State& state) {
    if (state.freezer.empty())
        return false;
    const char* file = state.unified ? "/cgroup.events" : "/freezer.state";
    const auto text = read_file(AT_FDCWD, state.freezer + file, 4096);
    if (!text)
        return false;
    if (!state.unified)
        return text->starts_with("FROZEN") || text->starts_with("FREEZING");
    if (text->find("frozen 1") != std::string::npos)
        return true;
    const auto asked = read_file(AT_FDCWD, state.freezer + "/cgroup.freeze", 4096);
    return asked && asked->starts_with('1');
}

bool freezing(const State& state) {
    if (state.freezer.empty())
        return false;
    if (!state.unified) {
        const auto text = read_file(AT_FDCWD, state.freezer + "/freezer.state", 4096);
        return text && text->starts_with("FREEZING");
    }
    const auto events = read_file(AT_FDCWD, state.freezer + "/cgroup.events", 4096);
    const auto asked = read_file(AT_FDCWD, state.freezer + "/cgroup.freeze", 4096);
    return events && asked && asked->starts_with('1') && events->find("frozen 0") != std::string::npos;
}

static Result<> tell_freezer(const State& state, std::string_view v2, std::string_view v1) {
    if (state.freezer.empty())
        return fail(Errc::absent, "the container has no known freezer cgroup");
    const std::string file = state.freezer + (state.unified ? "/cgroup.freeze" : "/freezer.state");
    TRY_ASSIGN(Fd fd, open_at(AT_FDCWD, file, O_WRONLY));
    return write_all(fd.get(), state.unified ? v2 : v1);
}

Result<> freeze(const State& state) {
    return tell_freezer(state, "1", "FROZEN");
}

Result<> thaw(const State& state) {
    return tell_freezer(state, "0", "THAWED");
}

} // namespace lpm::oci
