// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "config/settings.hpp"
#include "config/sidecar.hpp"
#include "doctor/gather.hpp"
#include "doctor/parse.hpp"
#include "inspect/space.hpp"
#include "kube/tls_chain.hpp"
#include "linux/local_files.hpp"
#include "node/unix_socket.hpp"
#include "record/store.hpp"

namespace lpm::doctor {

using namespace std::chrono_literals;

static constexpr std::size_t longest_node_file = std::size_t{1} << 20;

Result<Time> change_of(const std::string& path) {
    struct stat st{};
    if (::stat(path.c_str(), &st) != 0)
        return fail_errno(errno, path);
    return Time(std::chrono::milliseconds(to_milliseconds(st.st_ctim)));
}

// A file system that may hang is not touched.
static Place space_of(const std::optional<LocalFiles>& node, std::string what, const std::string& path) {
    Place place{std::move(what), std::nullopt};
    if (node && node->is_local(path))
        place.space = inspect::find_space(path);
    return place;
}

static std::optional<std::uint64_t> read_limit(const char* name) {
    const auto text = read_file(AT_FDCWD, std::string("/proc/sys/fs/inotify/") + name, 64);
    return text ? to_number<std::uint64_t>(trim(*text)) : std::nullopt;
}

static std::string socket_fault(const std::string& path) {
    const auto connected = node::connect_unix(path, 2s);
    return connected ? "" : "nobody listens at " + path + " (" + connected.error().text + ")";
}

static Certificate read_certificate() {
    constexpr const char* file = "/etc/lpm/sidecar.toml";
    Certificate certificate;
    const auto text = read_file(AT_FDCWD, file, longest_node_file);
    if (!text && text.error().code == Errc::absent)
        return certificate;
    const auto settings = text ? config::parse_sidecar(*text, file) : std::unexpected(text.error());
    if (!settings) {
        certificate.fault = settings.error().text;
        return certificate;
    }
    certificate.wanted_by = settings->tls;
    certificate.file = settings->certificate_file;
    if (certificate.wanted_by.empty())
        return certificate;
    const auto pem = read_file(AT_FDCWD, certificate.file, longest_node_file);
    const auto validity = pem ? kube::validity_of(*pem) : std::unexpected(pem.error());
    if (validity)
        certificate.until = validity->until;
    else
        certificate.fault = "the certificate " + certificate.file + ": " + validity.error().text;
    return certificate;
}

static void read_records(NodeState& state, const std::string& path) {
    const auto store = record::Store::open_existing(path);
    if (!store && store.error().code == Errc::absent)
        return;
    const auto listing =
        store ? store->list("", 1, record::Store::Listed::newest_first) : std::unexpected(store.error());
    if (!listing)
        state.records_fault = listing.error().text;
    else if (!listing->faults.empty())
        state.records_fault = path + "/" + listing->faults.front();
    else if (!listing->records.empty() && !listing->records.front().record)
        state.records_fault = listing->records.front().record.error().text;
    state.has_records = listing && !listing->records.empty();
}

NodeState gather_node(const Places& places, const KubeletState& kubelet) {
    NodeState state;
    state.now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    utsname system{};
    ::uname(&system);
    state.kernel = inspect::parse_kernel_version(system.release);
    state.glibc = ::gnu_get_libc_version();
    for (const char* file : {"/etc/os-release", "/usr/lib/os-release"})
        if (state.distribution.empty())
            state.distribution = parse_os_release(read_file(AT_FDCWD, file, longest_node_file).value_or(""));
    state.restore_wanted = config::read(paths::settings_file).restore_at_create;
    state.restore_switched = ::access(paths::restore_switch, F_OK) == 0;
    state.can_wake = ::access(paths::wake_program, X_OK) == 0;
    state.bypass = ::access(paths::bypass_file, F_OK) == 0;
    std::optional<LocalFiles> node;
    if (auto files = LocalFiles::of_process(0))
        node = *std::move(files);
    state.places = {space_of(node, "the kubelet's archives", kubelet.dir + "/checkpoints"),
                    space_of(node, "images of checkpoints", "/var/lib/containers/storage")};
    state.inotify_instances = read_limit("max_user_instances");
    state.inotify_watches = read_limit("max_user_watches");
    state.gate_fault = socket_fault(places.gate);
    state.sidecar_fault = socket_fault(std::string(paths::run_dir) + "/sidecar.sock");
    state.certificate = read_certificate();
    read_records(state, places.store);
    state.systemd = ::access("/run/systemd/system", F_OK) == 0; // as sd_booted(3) has it
    if (state.systemd)
        for (const char* timer : {"lpm-settle.timer", "lpm-rescue.timer"}) {
            const auto call = call_program({"systemctl", "is-active", timer});
            state.timers.push_back({timer, call ? call->said : ""});
        }
    return state;
}

Facts gather(const Places& places) {
    Facts facts;
    facts.runtime = gather_runtime();
    facts.crio = gather_crio();
    facts.criu = gather_criu(facts.crio);
    facts.kubelet = gather_kubelet();
    facts.node = gather_node(places, facts.kubelet);
    return facts;
}

} // namespace lpm::doctor
