// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"

// The drop-in on the disk. CRI-O reads every file of crio.conf.d, whatever its name, so that a draft there
// would be read as well: drafts and backups lie one folder above, in that of crio.conf.
namespace lpm::crio {

class DropInFile {
  public:
    // `folder`: /etc/crio/crio.conf.d, made when it is missing. One process at a time: Errc::busy for one
    // that has waited two seconds for another. Drafts that a killed one has left are removed.
    [[nodiscard]] static Result<DropInFile> open(const std::string& folder);

    // On the disk when it returns; at no moment half of it, or none where there was one.
    [[nodiscard]] Result<> publish(std::string_view text);
    [[nodiscard]] Result<> remove();
    // A copy of `text` in the folder above, as it was before; returns its path. Earlier copies stay.
    [[nodiscard]] Result<std::string> keep(std::string_view text);

  private:
    DropInFile(std::string path, Fd lock, Fd above, Fd folder)
        : path_(std::move(path)), lock_(std::move(lock)), above_(std::move(above)),
          folder_(std::move(folder)) {}
    std::string path_; // of the folder
    Fd lock_;
    Fd above_;
    Fd folder_;
};

[[nodiscard]] std::string drop_in_path(const std::string& folder);
// Nothing when there is none.
[[nodiscard]] Result<std::optional<std::string>> read_drop_in(const std::string& folder);

} // namespace lpm::crio
