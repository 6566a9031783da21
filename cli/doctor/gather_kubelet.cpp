// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/format.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "doctor/gather.hpp"
#include "doctor/parse.hpp"
#include "inspect/daemon.hpp"
#include "linux/procfs.hpp"

namespace lpm::doctor {

using namespace std::chrono_literals;

static constexpr std::size_t most_bytes = std::size_t{1} << 20;
static constexpr const char* usual_dir = "/var/lib/kubelet";

// Those of --config-dir, in the order in which the kubelet reads them.
static std::vector<std::string> drop_ins(const std::string& folder) {
    constexpr std::size_t most = 100;
    std::vector<std::string> files;
    each_entry(folder, [&](int, const dirent& entry) {
        if (std::string_view(entry.d_name).ends_with(".conf"))
            files.push_back(folder + "/" + entry.d_name);
        return files.size() < most;
    });
    std::ranges::sort(files);
    return files;
}

static void read_settings(KubeletState& state, const std::string& cmdline) {
    std::string certificate;
    state.config = inspect::parse_path_flag(cmdline, "config").value_or("");
    std::vector<std::string> files;
    if (!state.config.empty())
        files.push_back(state.config);
    state.config_dir = inspect::parse_path_flag(cmdline, "config-dir").value_or("");
    state.was_set = ::access(gate_patch, F_OK) == 0;
    if (!state.config_dir.empty())
        std::ranges::copy(drop_ins(state.config_dir), std::back_inserter(files));
    for (const auto& path : files) {
        auto text = read_file(AT_FDCWD, path, most_bytes);
        auto file = text ? parse_kubelet_file(*text) : std::unexpected(text.error());
        if (!file) {
            state.unread = one_line(path + ": " + file.error().text);
            continue;
        }
        if (file->gate) {
            state.gate = file->gate;
            state.gate_set_by = path;
        }
        state.port = file->port.value_or(state.port);
        state.address = file->address.empty() ? state.address : file->address;
        certificate = file->certificate.empty() ? certificate : file->certificate;
    }
    certificate = inspect::parse_path_flag(cmdline, "tls-cert-file").value_or(certificate);
    const std::string own = inspect::parse_path_flag(cmdline, "cert-dir").value_or("/var/lib/kubelet/pki");
    if (certificate.empty()) // of the cluster, or one that it has made for itself
        state.certificates = {own + "/kubelet-server-current.pem", own + "/kubelet.crt"};
    else
        state.certificates = {certificate};
    if (const auto flag = inspect::parse_flag(cmdline, "feature-gates"))
        if (const auto gate = parse_gates(*flag)) {
            state.gate = gate;
            state.gate_set_by = "--feature-gates";
        }
}

static std::string connect_fault(const sockaddr* to, socklen_t size) {
    constexpr int patience_ms = 2000;
    const Fd socket(::socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket)
        return fail_errno(errno, "socket").error().text;
    int error = ::connect(socket.get(), to, size) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        pollfd waits{socket.get(), POLLOUT, 0};
        if (::poll(&waits, 1, patience_ms) != 1)
            return "nobody answers in two seconds";
        socklen_t length = sizeof(error);
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    }
    return error == 0 ? "" : fail_errno(error, "connect").error().text;
}

// Whether somebody listens there: a handshake would only tell that we have no certificate.
static std::string endpoint_fault(const std::string& address, unsigned port) {
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(static_cast<std::uint16_t>(port));
    if (address.contains(':') && address != "::" &&
        ::inet_pton(AF_INET6, address.c_str(), &six.sin6_addr) == 1)
        return connect_fault(reinterpret_cast<const sockaddr*>(&six), sizeof(six));
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(static_cast<std::uint16_t>(port));
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (in_addr own{}; ::inet_pton(AF_INET, address.c_str(), &own) == 1 && own.s_addr != INADDR_ANY)
        four.sin_addr = own;
    return connect_fault(reinterpret_cast<const sockaddr*>(&four), sizeof(four));
}

KubeletState gather_kubelet() {
    KubeletState state;
    state.dir = usual_dir;
    const pid_t pid = inspect::find_daemon("kubelet");
    const auto cmdline = pid == 0 ? fail(Errc::absent, "") : procfs::read_proc(pid, "cmdline");
    if (!cmdline)
        return state;
    state.runs = true;
    state.dir = inspect::parse_path_flag(*cmdline, "root-dir").value_or(usual_dir);
    // The program that runs, whatever is at its path by now.
    if (const auto told = run({lpm::format("/proc/{}/exe", pid), "--version"}, 10s);
        told && told->status == 0)
        state.version = parse_kubernetes_version(told->text);
    read_settings(state, *cmdline);
    state.endpoint_fault = endpoint_fault(state.address, state.port);
    return state;
}

} // namespace lpm::doctor
