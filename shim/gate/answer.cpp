// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archives.hpp"
#include "base/file.hpp"
#include "base/paths.hpp"
#include "config/settings.hpp"
#include "preflight.hpp"
#include "prepare.hpp"
#include "service/message.hpp"
#include "verbs.hpp"

namespace lpm::gate {

static constexpr std::chrono::seconds patience{5}; // for the request, of one who is on this node

// Root, and who has the group of the store: the user of lpm-sidecar. The group is taken from the folder,
// which has it by setgid: a static program cannot ask glibc for names. Of standard input that is no socket
// whoever has started us is the peer.
static Result<> judge_peer(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return errno == ENOTSOCK ? Result<>() : fail_errno(errno, "who asks");
    struct stat store{};
    const bool shared = ::stat(paths::state_dir, &store) == 0 && (store.st_mode & S_ISGID) != 0;
    if (peer.uid == 0 || (shared && peer.gid == store.st_gid))
        return {};
    return fail(Errc::denied, "user " + std::to_string(peer.uid) +
                                  " may not ask lpm-gate: only root may, and the group of " +
                                  paths::state_dir);
}

static Result<service::Request> read_request(int fd) {
    std::string text;
    if (!read_until(fd, Deadline(patience), service::max_request + 1, text))
        return fail(Errc::unavailable, "the request did not end in time");
    if (text.size() > service::max_request)
        return fail(Errc::invalid,
                    "a request has at most " + std::to_string(service::max_request) + " bytes");
    // Not before: of a socket that is closed with something unread the peer gets no answer.
    TRY(judge_peer(fd));
    return service::parse_request(text);
}

static Result<record::Record> judge(const service::Request& request, char** environment) {
    if (request.verb == service::Verb::prepare)
        return prepare(request, environment);
    if (request.verb == service::Verb::judge_restore)
        return judge_restore(request.images, environment);
    TRY_ASSIGN(Preflight found, preflight(request.target, request.options, false, environment));
    return std::move(found.record);
}

// The text, and with it a descriptor, as a peer on a socket takes one.
static Result<> send_with(int socket, std::string_view text, int fd) {
    iovec part{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof fd)]{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent < 0)
        return fail_errno(errno, "send");
    return write_all(socket, text.substr(static_cast<std::size_t>(sent)));
}

static int answer_of_archives(const service::Request& request) {
    const auto settings = config::read(paths::settings_file);
    if (request.verb == service::Verb::list_archives)
        return write_all(STDOUT_FILENO, service::write_archives(list_archives(settings))) ? 0 : 1;
    if (request.verb == service::Verb::delete_archive) {
        const auto deleted = delete_archive(settings, request.path, request.file_id);
        const bool told = write_all(STDOUT_FILENO, service::write_archive(deleted)).has_value();
        return deleted && told ? 0 : 1;
    }
    const auto opened = open_archive(settings, request.path, request.file_id);
    const std::string text = service::write_archive(opened ? Result<service::ArchiveFile>(opened->file)
                                                           : std::unexpected(opened.error()));
    // A pipe takes no descriptor: by hand there is the path.
    const bool told =
        opened ? send_with(STDOUT_FILENO, text, opened->content.get()) || write_all(STDOUT_FILENO, text)
               : write_all(STDOUT_FILENO, text).has_value();
    return opened && told ? 0 : 1;
}

int answer(char** environment) {
    // A container can make /proc wait for it: then this process ends, and the next may answer.
    constexpr unsigned hard_end = 25; // seconds; prepare() takes it off before its hooks
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGIO, SIG_IGN); // of a lease on an archive
    ::alarm(hard_end);
    const auto request = read_request(STDIN_FILENO);
    if (request && is_of_archives(request->verb))
        return answer_of_archives(*request);
    const auto judged = request ? judge(*request, environment) : std::unexpected(request.error());
    const bool told = write_all(STDOUT_FILENO, service::write_answer(judged)).has_value();
    if (!told && judged && request->verb == service::Verb::prepare)
        undo_prepared(*judged);
    return judged && told ? 0 : 1;
}

} // namespace lpm::gate
