// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace lpm {

// What a power cut may take: Sync::all nothing; Sync::content the new name, but never half of the content;
// Sync::none either (for a file that lies among others that nobody syncs).
enum class Sync { all, content, none };

// A file that is written under a temporary name and published under its own: whole or not at all. `dir`
// must outlive it. Never follows a link planted at the temporary name.
class Draft {
  public:
    [[nodiscard]] static Result<Draft> make(int dir, const std::string& name, mode_t mode);
    Draft(Draft&&) noexcept = default; // an Fd that is moved from is none
    Draft& operator=(Draft&& other) noexcept;
    ~Draft() { discard(); }

    // With `size` blank bytes that are on the disk already: content that fits into them needs no commit of
    // the file system's journal to be durable, which takes milliseconds. For work done ahead, while nobody
    // waits. Has no name until it is published, so that nothing stays when we are killed; not every file
    // system can.
    [[nodiscard]] static Result<Draft> make_ahead(int dir, const std::string& name, mode_t mode,
                                                  std::size_t size);
    // temporary file, fsync, rename, fsync of the directory, as far as `sync` asks for them.
    [[nodiscard]] Result<> publish(std::string_view bytes, Sync sync);

  private:
    Draft(int dir, const std::string& name);
    [[nodiscard]] Result<> write(std::string_view bytes, Sync sync);
    [[nodiscard]] Result<> give_name();
    void discard();

    int dir_;
    Fd file_;
    std::string name_;
    std::string temp_;
    std::size_t reserved_ = 0;
    bool named_ = false;
};

// What a draft of the file is called while process `pid` writes it; it stays if that is killed.
[[nodiscard]] std::string draft_name(const std::string& name, pid_t pid);
// It is the name of a draft whose process is gone.
[[nodiscard]] bool is_left_draft(std::string_view name);

[[nodiscard]] Result<> replace_file(int dir, const std::string& name, std::string_view bytes, mode_t mode,
                                    Sync sync = Sync::all);
[[nodiscard]] Result<> sync_dir(int dir);

} // namespace lpm
