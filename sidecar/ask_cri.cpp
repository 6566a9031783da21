// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "ask_cri.hpp"

#include <cerrno>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.hpp"
#include "cri.grpc.pb.h"
#include "cri_facts.hpp"
#include "crio/crio.hpp"
#include "node/unix_socket.hpp"
#include "relay.hpp"

namespace lpm::sidecar {

using Cri = ::runtime::v1::RuntimeService;

static constexpr int schema = 1;
static constexpr int longest_answer = 1 << 20;                 // bytes
static constexpr std::size_t most_read = std::size_t{4} << 20; // bytes, of all answers and their frames
// No id of a container begins with it, and nothing can be written below a file.
static constexpr const char* nobody = "0000000000000000000000000000000000000000000000000000000000000000";
static constexpr const char* nowhere = "/dev/null/checkpoint.tar";

Result<std::string> socket_of(std::string_view endpoint) {
    std::string_view path = endpoint;
    for (const std::string_view scheme : {"unix://", "unix:"})
        if (path.starts_with(scheme)) {
            path.remove_prefix(scheme.size());
            break;
        }
    if (!path.starts_with('/'))
        return fail(Errc::invalid, "the endpoint " + std::string(endpoint) +
                                       " is no socket of this node: give its path, as in "
                                       "--endpoint unix:///run/crio/crio.sock");
    TRY(node::unix_address(std::string(path)));
    return std::string(path);
}

// What to do, for a person. connect(2) says the same of a file and of a socket that was left behind.
static std::string why_not(const std::string& path, const Error& error) {
    struct stat found{};
    switch (error.sys) {
    case ECONNREFUSED:
        if (::stat(path.c_str(), &found) == 0 && !S_ISSOCK(found.st_mode))
            return "it is no socket; name the runtime's by --endpoint";
        return "nobody listens there: the runtime has ended and left its socket; start it (systemctl start "
               "crio)";
    case ENOENT:
    case ENOTDIR:
        return "there is no socket: does the runtime run (systemctl status crio)? If it has another one, "
               "name "
               "it by --endpoint";
    case EACCES:
    case EPERM:
        return "permission denied: it is for root; run this as root";
    case EPROTOTYPE:
        return "it is a socket of another kind than a runtime's; name the runtime's by --endpoint";
    case EAGAIN:
        return "nobody was let in in time: the runtime hangs, and others wait before us; its journal may say "
               "why "
               "(journalctl -u crio)";
    default:
        return error.text;
    }
}

struct Peer {
    Fd fd;
    pid_t pid; // of who listens
};

// A path leads to whoever made a socket there. What is no root's process is no runtime of root's.
static Result<Peer> connect(const std::string& path, std::chrono::seconds wait) {
    auto fd = node::connect_unix(path, wait);
    if (!fd)
        return fail(fd.error().code, why_not(path, fd.error()));
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(fd->get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
        return fail_errno(errno, "who listens there");
    if (who.uid != 0)
        return fail(Errc::denied,
                    path + ": process " + std::to_string(who.pid) + " of user " + std::to_string(who.uid) +
                        " listens there, and not root: nothing was asked; find out what it is, or "
                        "name the runtime's socket by --endpoint");
    return Peer{*std::move(fd), who.pid};
}

static std::shared_ptr<grpc::Channel> channel_of(Fd&& fd) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(longest_answer);
    // No runtime compresses; a small answer could be a large one.
    arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    return grpc::CreateCustomInsecureChannelFromFd("cri", fd.release(), arguments);
}

// The questions to one runtime.
class Questions {
  public:
    Questions(Relay& relay, std::chrono::seconds wait)
        : relay_(relay), runtime_(Cri::NewStub(channel_of(relay.take()))), wait_(wait) {}

    // What `judge` makes of what came.
    template <class Request, class Answer, class Judge>
    json::Value ask(const Request& request,
                    grpc::Status (Cri::Stub::*method)(grpc::ClientContext*, const Request&, Answer*),
                    Judge&& judge) {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + wait_);
        Answer answer;
        const grpc::Status how = (*runtime_.*method)(&context, request, &answer);
        if (relay_.overflowed())
            return unknown(
                "it has sent more than is read (4 MiB): is this the socket of a container runtime? Name it "
                "by --endpoint");
        return judge(how, answer);
    }

  private:
    Relay& relay_;
    std::unique_ptr<Cri::Stub> runtime_;
    std::chrono::seconds wait_;
};

static void ask(json::Value& facts, Relay& relay, std::chrono::seconds wait) {
    Questions questions(relay, wait);
    facts["version"] = questions.ask(::runtime::v1::VersionRequest(), &Cri::Stub::Version, version_facts);
    if (is_unknown(facts["version"]))
        return;
    ::runtime::v1::StatusRequest status;
    status.set_verbose(true);
    facts["status"] = questions.ask(status, &Cri::Stub::Status, status_facts);
    ::runtime::v1::CheckpointContainerRequest checkpoint;
    checkpoint.set_container_id(nobody);
    checkpoint.set_location(nowhere);
    facts["checkpoint"] =
        questions.ask(checkpoint, &Cri::Stub::CheckpointContainer,
                      [](const grpc::Status& how, const auto&) { return checkpoint_facts(how); });
}

Result<json::Value> ask_cri(const std::string& endpoint, const crio::Files& files,
                            std::chrono::seconds wait) {
    crio::Configuration crio;
    if (endpoint.empty())
        crio = crio::read_configuration(files);
    TRY_ASSIGN(const std::string socket, socket_of(endpoint.empty() ? crio.listen : endpoint));
    json::Value facts = {
        {"schema", schema},
        {"endpoint", {{"socket", socket}, {"problems", crio.problems}, {"pid", unknown("not connected")}}},
        {"status", unknown("not asked: `version` says why")},
        {"checkpoint", unknown("not asked: `version` says why")},
    };
    auto peer = connect(socket, wait);
    if (!peer) {
        facts["version"] = unknown(std::move(peer).error().text);
        return facts;
    }
    facts["endpoint"]["pid"] = peer->pid;
    TRY_ASSIGN(const auto relay, Relay::start(std::move(peer->fd), most_read));
    ask(facts, *relay, wait);
    return facts;
}

} // namespace lpm::sidecar
