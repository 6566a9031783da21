// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/swrk.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deadline.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"

namespace lpm::criu {

// Descriptors of `criu swrk`: its socket, and the directory of the images.
static constexpr int socket_there = 3;
static constexpr int images_there = 4;

namespace {

// A message of protobuf that is written (images/rpc.proto), field by field.
class Request {
  public:
    Request& number(unsigned field, std::uint64_t value) {
        varint(field << 3U);
        varint(value);
        return *this;
    }
    Request& text(unsigned field, std::string_view value) {
        varint(field << 3U | 2U);
        varint(value.size());
        bytes_ += value;
        return *this;
    }
    [[nodiscard]] const std::string& bytes() const { return bytes_; }

  private:
    void varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7U)
            bytes_ += static_cast<char>(value | 0x80U);
        bytes_ += static_cast<char>(value);
    }
    std::string bytes_;
};

} // namespace

static std::string dump_request(const SwrkDump& dump) {
    constexpr unsigned type = 1;
    constexpr unsigned dump_type = 1;
    constexpr unsigned opts = 2;
    constexpr unsigned images_dir_fd = 1;
    constexpr unsigned pid = 2;
    constexpr unsigned leave_running = 3;
    constexpr unsigned shell_job = 7;
    constexpr unsigned log_file = 10;
    constexpr unsigned config_file = 51;
    Request options;
    options.number(images_dir_fd, images_there).number(pid, static_cast<std::uint64_t>(dump.pid));
    options.number(leave_running, 1).number(shell_job, 1).text(log_file, "dump.log");
    options.text(config_file, dump.config_file);
    return Request().number(type, dump_type).text(opts, options.bytes()).bytes();
}

static pid_t start(const std::string& criu, int socket, int images) {
    const pid_t pid = ::fork();
    if (pid != 0)
        return pid;
    const int null = ::open("/dev/null", O_RDWR); // NOLINT: handed to the program that follows
    // Above both, so that neither is overwritten before it is copied.
    const int own = ::fcntl(socket, F_DUPFD, 64);
    const int dir = ::fcntl(images, F_DUPFD, 64);
    for (int fd = 0; fd <= 2; ++fd)
        ::dup2(null, fd);
    ::dup2(own, socket_there);
    ::dup2(dir, images_there);
    ::close_range(images_there + 1, ~0U, 0);
    ::execl(criu.c_str(), "criu", "swrk", "3", nullptr);
    ::_exit(127);
}

Result<int> run_swrk(const SwrkDump& dump, std::chrono::milliseconds timeout) {
    const Deadline deadline(timeout);
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0)
        return fail_errno(errno, "make a socket for criu");
    const Fd ours(pair[0]);
    Fd theirs(pair[1]);
    TRY_ASSIGN(const Fd images, open_at(AT_FDCWD, dump.images, O_RDONLY | O_DIRECTORY));
    const std::string request = dump_request(dump);
    if (::send(ours.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0)
        return fail_errno(errno, "ask criu for a dump");
    const pid_t pid = start(dump.criu, theirs.get(), images.get());
    if (pid < 0)
        return fail_errno(errno, "start criu");
    theirs = Fd();
    std::string answer;
    (void)read_until(ours.get(), deadline, 65536, answer);
    int status = 0;
    while (::waitpid(pid, &status, WNOHANG) == 0) {
        if (deadline.passed()) {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, &status, 0);
            return fail(Errc::unavailable, "criu swrk did not end in time");
        }
        ::usleep(1000);
    }
    return status;
}

} // namespace lpm::criu
