// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "signature.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "archive_folder.hpp"
#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "report.hpp"
#include "service/keep.hpp"

namespace lpm::gate {

using namespace std::chrono_literals;

static constexpr std::size_t digest_size = 64;    // characters
static constexpr std::size_t signature_size = 64; // bytes, of ed25519
static constexpr auto openssl_time = 10s;
static constexpr auto one_archive = 300s; // to read it
static constexpr auto all_archives = 60s; // none is begun later; the next round goes on

Result<std::string> digest_of(const OpenedArchive& archive, std::chrono::milliseconds time) {
    if (::lseek(archive.content.get(), 0, SEEK_SET) != 0)
        return fail_errno(errno, "read it");
    TRY_ASSIGN(const Output output,
               run(Job{.argv = {"sha256sum"}, .timeout = time, .from = archive.content.get()}));
    if (output.late)
        return fail(Errc::unavailable,
                    "it cannot be read in " + std::to_string(time / 1s) + " s, which is what is left");
    if (output.status != 0 || output.text.size() < digest_size)
        return fail(Errc::unavailable, "sha256sum of coreutils failed");
    return output.text.substr(0, digest_size);
}

static std::string message_of(const std::string& digest) {
    return "lpm archive 1\nsha256:" + digest + "\n";
}

// Its input is a file in memory: openssl wants to know the size beforehand.
static Result<Output> openssl(std::vector<std::string> words, const std::string& digest,
                              std::chrono::milliseconds time) {
    words.insert(words.begin(), {"openssl", "pkeyutl", "-rawin", "-in", "/dev/stdin"});
    return run(Job{.argv = std::move(words), .timeout = time, .input = message_of(digest)});
}

static Refusal unknown(const std::string& path, const std::string& why) {
    return {"SignatureUnknown", "the signature of " + path + " cannot be verified: " + why};
}

// Who can read a private key, or write any, has the last word instead of root.
static Result<> check_key(const std::string& key, mode_t others, std::string_view remedy) {
    struct stat info{};
    if (::stat(key.c_str(), &info) != 0)
        return fail_errno(errno, "read " + one_line(key));
    if (info.st_uid != 0 || (info.st_mode & others) != 0)
        return fail(Errc::denied, one_line(key) + " is not for root alone: " + std::string(remedy));
    return {};
}

std::expected<void, Refusal> verify_signature(const config::Settings& settings, const OpenedArchive& archive,
                                              const std::string& digest, const Deadline& deadline) {
    const std::string path = one_line(archive.file.path);
    const std::string file = signature_name(archive.file.path);
    const auto signature = read_file(AT_FDCWD, file, signature_size);
    if (!signature && signature.error().sys == ENOENT)
        return std::unexpected(Refusal{"SignatureMissing",
                                       path + " is not signed (there is no " + one_line(file) +
                                           "), and signed_by in [restore] of this node's lpm.toml wants it"});
    if (!signature)
        return std::unexpected(unknown(path, signature.error().text));
    std::string faults;
    for (const auto& key : settings.signed_by) {
        if (const auto usable = check_key(key, 0022, "chown root, chmod go-w"); !usable) {
            faults += "; " + usable.error().text;
            continue;
        }
        const auto done = openssl({"-verify", "-pubin", "-inkey", key, "-sigfile", file}, digest,
                                  std::min<std::chrono::milliseconds>(openssl_time, deadline.left()));
        if (!done)
            return std::unexpected(
                unknown(path, done.error().text + (done.error().sys == ENOENT ? "; install openssl" : "")));
        if (done->late)
            return std::unexpected(unknown(path, "openssl did not end in time"));
        if (done->status == 0)
            return {};
        if (!done->text.contains("Verification Failure"))
            faults += "; " + one_line(key) + ": " + one_line(trim(done->text), 200);
    }
    if (!faults.empty())
        return std::unexpected(
            unknown(path, "of the keys of [restore] signed_by some cannot be used" + faults));
    return std::unexpected(Refusal{"SignatureWrong", path + " is signed by none of the keys of [restore] "
                                                            "signed_by of this node's lpm.toml, or has been "
                                                            "changed since it was signed"});
}

static Result<std::string> sign_digest(const std::string& key, const std::string& digest) {
    TRY_ASSIGN(const Output output, openssl({"-sign", "-inkey", key}, digest, openssl_time));
    if (output.status != 0 || output.late || output.text.size() != signature_size)
        return fail(Errc::unavailable,
                    "openssl cannot sign with " + one_line(key) +
                        ", which is to be a private key of ed25519: " + one_line(trim(output.text), 200));
    return output.text;
}

static Result<> sign(const config::Settings& settings, const OpenedArchive& archive) {
    TRY_ASSIGN(const std::string digest, digest_of(archive, one_archive));
    TRY_ASSIGN(const std::string signature, sign_digest(settings.sign_with, digest));
    const auto slash = archive.file.path.rfind('/');
    TRY_ASSIGN(const Fd folder, open_archive_folder(archive.file.path.substr(0, slash)));
    return replace_file(folder.get(), signature_name(archive.file.path.substr(slash + 1)), signature, 0644);
}

// Not that of another archive, which had the name before.
static bool has_signature(const service::ArchiveFile& file) {
    struct stat info{};
    return ::lstat(signature_name(file.path).c_str(), &info) == 0 &&
           to_milliseconds(info.st_mtim) >= file.modified_ms;
}

static Result<bool> sign_new(const config::Settings& settings, const service::ArchiveFile& file) {
    const auto opened = open_archive(settings, file.path, file.id);
    if (!opened || service::may_be_written(opened->file, to_milliseconds(now())))
        return false; // it went, or is written again
    if (!only_root_writes(*opened))
        return fail(Errc::denied, "others than root can write it");
    TRY(sign(settings, *opened));
    return true;
}

// The newest first.
static std::vector<service::ArchiveFile> list_unsigned(const config::Settings& settings,
                                                       std::uint64_t most_bytes) {
    auto files = std::move(list_archives(settings).front().files);
    std::erase_if(files, [&](const service::ArchiveFile& file) {
        return file.size > most_bytes || service::may_be_written(file, to_milliseconds(now())) ||
               has_signature(file);
    });
    std::ranges::sort(files, std::ranges::greater{}, &service::ArchiveFile::modified_ms);
    return files;
}

bool sign_archives(const config::Settings& settings, std::uint64_t most_bytes) {
    if (settings.sign_with.empty())
        return true;
    ::signal(SIGIO, SIG_IGN); // of a lease on an archive
    const auto files = list_unsigned(settings, most_bytes);
    if (files.empty())
        return true;
    const auto usable = check_key(settings.sign_with, 0077, "chown root, chmod 600").and_then([&] {
        return sign_digest(settings.sign_with, std::string(digest_size, '0')); // before all is read
    });
    if (!usable) {
        warn({"no archive is signed: " + usable.error().text});
        return false;
    }
    const Deadline deadline(all_archives);
    bool all = true;
    for (const auto& file : files) {
        if (deadline.passed())
            break;
        const auto done = sign_new(settings, file);
        if (!done)
            warn({one_line(file.path) + " is not signed: " + done.error().text});
        else if (*done)
            std::printf("signed %s\n", one_line(file.path).c_str());
        all = all && done;
    }
    std::fflush(stdout);
    return all;
}

} // namespace lpm::gate
