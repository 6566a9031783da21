// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "wake.hpp"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "signature.hpp"

namespace lpm::gate {

using namespace std::chrono_literals;
using service::ArchiveFile;

static constexpr std::chrono::milliseconds manifest_time = 10s;
static constexpr std::size_t max_looked_at = 1000; // archives, for the name of an object

// Bytes of the list of a layer: lpm-wake takes a million names, of 64 MiB together.
static constexpr std::size_t max_list = std::size_t{128} << 20;

// What lpm-wake ends with when the archive itself is at fault, and when it was taken without lpm.
static constexpr int bad_archive = 2;
static constexpr int no_manifest = 3;

static std::expected<std::string, Refusal> run_wake(const OpenedArchive& archive,
                                                    std::vector<std::string> words,
                                                    std::chrono::milliseconds time,
                                                    std::size_t limit = 65536) {
    const std::string verb = words.front();
    words.insert(words.begin(), paths::wake_program);
    const std::string about = one_line(archive.file.path) + ": ";
    if (::lseek(archive.content.get(), 0, SEEK_SET) != 0)
        return std::unexpected(Refusal{"ArchiveUnreadable", about + "cannot be read"});
    auto output = run(Job{.argv = std::move(words),
                          .timeout = time,
                          .limit = limit,
                          .from = archive.content.get(),
                          .environment = std::vector<std::string>{}});
    if (!output)
        return std::unexpected(
            Refusal{"ArchiveUnreadable", about + output.error().text + "; install lpm-runc again"});
    if (output->status == 0 && !output->late)
        return std::move(output->text);
    std::string why = one_line(trim(output->text), 1000);
    if (!output->late && output->status == no_manifest)
        return std::unexpected(Refusal{"ArchiveForeign", about +
                                                             "was taken without lpm: nothing in it says of "
                                                             "which namespace it is"});
    if (output->late)
        why = "lpm-wake " + verb + " did not end in " + std::to_string(time / 1s) +
              " s, which is what CRI-O's 240 s leave";
    else if (why.empty())
        why = "lpm-wake " + verb + " ended with status " + std::to_string(output->status);
    return std::unexpected(Refusal{
        output->status == bad_archive && !output->late ? "ArchiveUnsafe" : "ArchiveUnreadable", about + why});
}

static std::expected<WakeArchive, Refusal>
open_archive_of(const config::Settings& settings, const std::string& path, const Deadline& deadline) {
    auto opened = open_archive(settings, path, "");
    if (!opened)
        return std::unexpected(Refusal{"ArchiveMissing", opened.error().text});
    if (!only_root_writes(*opened))
        return std::unexpected(
            Refusal{"ArchiveUnsafe", one_line(path) + " can be written by others than root: take it for "
                                                      "tampered with, and make a new checkpoint"});
    auto text = run_wake(*opened, {"manifest"}, std::min(manifest_time, deadline.left()));
    if (!text)
        return std::unexpected(std::move(text).error());
    auto manifest = record::parse_manifest(*text);
    if (!manifest)
        return std::unexpected(Refusal{"ArchiveUnsafe", one_line(path) + ": " + manifest.error().text});
    return WakeArchive{*std::move(opened), *std::move(manifest)};
}

static Refusal missing(std::string what) {
    return {"ArchiveMissing",
            std::move(what) + " on this node: a container is restored where its archive is (status.nodeName "
                              "of the ContainerCheckpoint); `lpmctl archives` lists those of a node"};
}

static std::expected<WakeArchive, Refusal> find_file(const config::Settings& settings,
                                                     const std::string& name, const Deadline& deadline) {
    for (const auto& folder : archive_folders(settings))
        if (auto archive = open_archive_of(settings, std::string(folder).append("/").append(name), deadline);
            archive || archive.error().code != "ArchiveMissing")
            return archive;
    return std::unexpected(missing("there is no archive " + name));
}

// The kubelet calls them checkpoint-POD_NAMESPACE-CONTAINER-TIME.tar (kubelet.go), where a namespace and a
// name may have dashes; who exports others calls them as he likes.
static bool may_be_of(const ArchiveFile& file, const std::string& name_space) {
    const auto name = std::string_view(file.path).substr(file.path.rfind('/') + 1);
    return !name.starts_with("checkpoint-") || name.contains("_" + name_space + "-");
}

static std::expected<WakeArchive, Refusal>
find_object(const config::Settings& settings, const oci::RestoreFrom& from, const Deadline& deadline) {
    std::vector<ArchiveFile> files;
    for (auto& folder : list_archives(settings))
        for (auto& file : folder.files)
            if (file.writing != true && may_be_of(file, from.name_space))
                files.push_back(std::move(file));
    std::ranges::sort(files, std::ranges::greater{}, &ArchiveFile::modified_ms);
    if (files.size() > max_looked_at)
        files.resize(max_looked_at);
    std::string unread;
    for (const auto& file : files) {
        auto archive = open_archive_of(settings, file.path, deadline);
        // Those that others have made are no reason to tell of them.
        if (!archive && archive.error().code != "ArchiveForeign" && unread.empty())
            unread = "; one that could not be looked at: " + archive.error().message;
        if (archive && archive->manifest.object.name == from.source &&
            archive->manifest.object.name_space == from.name_space)
            return archive;
    }
    Refusal refusal =
        missing("there is no archive that names the ContainerCheckpoint " + from.name_space + "/" +
                from.source + " (one does when the controller asks this node's lpm-sidecar, and none other)");
    refusal.message += unread;
    return std::unexpected(std::move(refusal));
}

// Nobody but root can write the file meanwhile.
static std::expected<void, Refusal> verify(const config::Settings& settings, const OpenedArchive& archive,
                                           const std::string& wanted, const Deadline& deadline) {
    if (wanted.empty() && settings.signed_by.empty())
        return {};
    const std::string path = one_line(archive.file.path);
    const auto digest = digest_of(archive, deadline.left());
    if (!digest)
        return std::unexpected(Refusal{"ArchiveUnreadable",
                                       "the digest of " + path + " cannot be told: " + digest.error().text});
    if (!wanted.empty() && *digest != wanted)
        return std::unexpected(Refusal{"DigestMismatch", path +
                                                             " has the digest sha256:" + one_line(*digest) +
                                                             ", and the pod asks for sha256:" + wanted +
                                                             ": it is not that archive, or not what it was"});
    if (settings.signed_by.empty())
        return {};
    return verify_signature(settings, archive, *digest, deadline);
}

static std::expected<void, Refusal>
judge_namespace(const config::Settings& settings, const oci::RestoreFrom& from, const WakeArchive& archive) {
    const std::string& theirs = archive.manifest.name_space;
    if (theirs == from.name_space || settings.restore_across_namespaces)
        return {};
    return std::unexpected(Refusal{
        "OtherNamespace",
        one_line(archive.opened.file.path) + " was taken in " +
            (theirs.empty() ? "no namespace that is known" : "another namespace") + " than " +
            from.name_space +
            ", which is this pod's: a pod gets the memory of its own namespace only, unless lpm.toml of "
            "this node says across_namespaces = true in [restore]"});
}

std::expected<WakeArchive, Refusal> find_archive(const config::Settings& settings,
                                                 const oci::RestoreFrom& from, const Deadline& deadline) {
    auto archive = from.names_file() ? find_file(settings, from.source, deadline)
                                     : find_object(settings, from, deadline);
    if (!archive)
        return archive;
    if (const auto judged = judge_namespace(settings, from, *archive); !judged)
        return std::unexpected(judged.error());
    if (const auto verified = verify(settings, archive->opened, from.digest, deadline); !verified)
        return std::unexpected(verified.error());
    return archive;
}

// Held until it is closed.
static std::expected<Fd, Refusal> lock_unpacking(const std::string& dir, const Deadline& deadline) {
    const std::string folder = dir.substr(0, dir.rfind('/')); // of the runtime's root
    auto lock = open_at(AT_FDCWD, folder.substr(0, folder.rfind('/')), O_RDONLY | O_DIRECTORY);
    if (!lock)
        return std::unexpected(Refusal{"ArchiveUnreadable", lock.error().text});
    while (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
        if (deadline.passed())
            return std::unexpected(Refusal{
                "ArchiveUnreadable", "other archives are unpacked on this node, one after the other, and "
                                     "it was not this one's turn in time: the next try may have it"});
        std::this_thread::sleep_for(20ms);
    }
    return *std::move(lock);
}

std::expected<inspect::Layer, Refusal> unpack_images(const WakeArchive& archive, const std::string& dir,
                                                     const Deadline& deadline) {
    const auto lock = lock_unpacking(dir, deadline);
    if (!lock)
        return std::unexpected(lock.error());
    const auto list = run_wake(archive.opened, {"images", dir}, deadline.left(), max_list);
    if (!list)
        return std::unexpected(list.error());
    auto layer = inspect::Layer::parse(*list);
    if (!layer)
        return std::unexpected(
            Refusal{"ArchiveUnreadable", one_line(archive.opened.file.path) + ": " + layer.error().text});
    return *std::move(layer);
}

std::expected<void, Refusal> unpack_root(const WakeArchive& archive, const std::string& root,
                                         const Deadline& deadline) {
    const auto done = run_wake(archive.opened, {"rootfs", root}, deadline.left());
    if (!done)
        return std::unexpected(done.error());
    return {};
}

} // namespace lpm::gate
