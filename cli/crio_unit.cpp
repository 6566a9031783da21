// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "crio_unit.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.hpp"

namespace lpm::cli {

// The first line tells it from a file of somebody else's. No failure of it may keep CRI-O from starting.
static constexpr std::string_view mark = "# Made by lpmctl node enable; lpmctl node disable removes it.\n";
static constexpr std::string_view content =
    "# An update of CRI-O changes its other files and starts it at once: zz-lpm.conf is made of them again "
    "before.\n"
    "[Service]\n"
    "ExecStartPre=-/usr/bin/timeout 20 /usr/bin/lpmctl node enable --renew\n";

Result<std::optional<FileChange>> plan_crio_unit(const crio::Files& files, bool wanted) {
    constexpr std::size_t longest = std::size_t{1} << 16;
    const bool usual = files == crio::files_in(crio::config_dir);
    if (wanted && (!usual || ::access("/etc/systemd/system", F_OK) != 0))
        return std::nullopt;
    auto text = read_file(AT_FDCWD, crio_unit_file, longest);
    if (!text && text.error().code != Errc::absent)
        return std::unexpected(std::move(text).error());
    FileChange change{crio_unit_file, text.value_or(""),
                      wanted ? std::string(mark) + std::string(content) : ""};
    if (change.before == change.after)
        return std::nullopt;
    if (!change.before.empty() && !change.before.starts_with(mark))
        return fail(Errc::exists,
                    change.path + " is not lpmctl's: give it another name, as lpmctl would write there");
    return change;
}

} // namespace lpm::cli
