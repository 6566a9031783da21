// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <csignal>
#include <fcntl.h>
#include <google/protobuf/util/json_util.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "archives.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "convert.hpp"
#include "linux/lease.hpp"
#include "powerless.hpp"
#include "read_archive.hpp"
#include "service/answer.hpp"
#include "service/told_images.hpp"

using namespace lpm;

static constexpr const char* usage = "usage: lpm-read-archive identity|inspect|environment|verify <ARCHIVE\n"
                                     "Reads the archive on standard input without any power, and prints one "
                                     "JSON object: `answer`, a message of "
                                     "node.proto,\nand `images` of verify; or `error`. For lpmctl.\n";

static Result<std::string> json_of(const google::protobuf::Message& message) {
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    std::string text;
    if (const auto done = google::protobuf::util::MessageToJsonString(message, &text, options); !done.ok())
        return fail(Errc::io, std::string(done.message()));
    return text;
}

// What is known of the file without its path. Asks for a lease, which a file's owner and root may.
static Result<service::ArchiveFile> file_of(int fd) {
    struct stat info{};
    if (::fstat(fd, &info) != 0)
        return fail_errno(errno, "stat");
    if (!S_ISREG(info.st_mode))
        return fail(Errc::invalid, "standard input is no file: an archive is read from there");
    return service::ArchiveFile{.size = static_cast<std::uint64_t>(info.st_size),
                                .modified_ms = to_milliseconds(info.st_mtim),
                                .writing = opened_by_others(fd, F_RDLCK)};
}

static Result<std::string> read(std::string_view what, const service::ArchiveFile& file, int fd) {
    const auto go_on = [] { return Result<>(); };
    if (what == "identity") {
        TRY_ASSIGN(lpm::node::Archive archive,
                   lpm::node::read_archive(fd, lpm::node::Depth::identity, go_on));
        lpm::node::v1::Archive answer;
        sidecar::convert(sidecar::known_of(file, std::move(archive)), answer);
        TRY_ASSIGN(const std::string text, json_of(answer));
        return "{\"answer\":" + text + "}";
    }
    if (what == "verify") {
        lpm::node::v1::VerifyArchiveResponse answer;
        TRY_ASSIGN(sidecar::VerifiedArchive verified, sidecar::verify_archive(fd, go_on, answer));
        sidecar::convert(sidecar::known_of(file, std::move(verified.archive)), *answer.mutable_archive());
        TRY_ASSIGN(std::string text, json_of(answer));
        if (verified.images)
            text += ",\"images\":" + json::write(service::write_images(*verified.images));
        return "{\"answer\":" + text + "}";
    }
    lpm::node::v1::InspectArchiveResponse answer;
    TRY_ASSIGN(lpm::node::Archive archive,
               sidecar::inspect_archive(fd, what == "environment", go_on, answer));
    sidecar::convert(sidecar::known_of(file, std::move(archive)), *answer.mutable_archive());
    TRY_ASSIGN(const std::string text, json_of(answer));
    return "{\"answer\":" + text + "}";
}

// Exit status: 0, or 1 for an error, 2 for a wrong command line.
int main(int argc, char** argv) {
    const std::string_view what = argc == 2 ? argv[1] : "";
    if (what != "identity" && what != "inspect" && what != "environment" && what != "verify") {
        (void)write_all(STDERR_FILENO, usage);
        return 2;
    }
    ::signal(SIGIO, SIG_IGN); // of a lease
    const auto file = file_of(STDIN_FILENO);
    const auto powerless = file ? sidecar::give_power_away({}) : std::unexpected(file.error());
    const auto told = powerless ? read(what, *file, STDIN_FILENO) : std::unexpected(powerless.error());
    const bool written =
        write_all(STDOUT_FILENO, (told ? *told : service::write_error(told.error())) + "\n").has_value();
    return told && written ? 0 : 1;
}
