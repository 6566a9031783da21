// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "service/archives.hpp"

// Archives of checkpoints on this node: those of the kubelet that runs, and of [archives] in lpm.toml.
// Nothing here looks into one.
namespace lpm::gate {

// The kubelet's comes first.
[[nodiscard]] std::vector<std::string> archive_folders(const config::Settings& settings);
[[nodiscard]] std::vector<service::ArchiveFolder> list_archives(const config::Settings& settings);

struct OpenedArchive {
    service::ArchiveFile file;
    Fd content; // to read
};
// Of the file that holds the signature of an archive, by its name or path.
[[nodiscard]] inline std::string signature_name(const std::string& archive) {
    return archive + ".sig";
}

// Who can write it can say whose it is, and what the processes are.
[[nodiscard]] bool only_root_writes(const OpenedArchive& archive);
// Errc::absent when `path` is none that is listed; Errc::busy when it is not the file `id`, unless that is
// empty.
[[nodiscard]] Result<OpenedArchive> open_archive(const config::Settings& settings, const std::string& path,
                                                 const std::string& id);

// Errc::busy as well when it is pinned, or somebody has it open.
[[nodiscard]] Result<service::ArchiveFile> delete_archive(const config::Settings& settings,
                                                          const std::string& path, const std::string& id);

} // namespace lpm::gate
