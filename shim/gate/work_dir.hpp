// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <sys/stat.h>

#include "base/fd.hpp"
#include "recorder.hpp"

namespace lpm::gate {

// CRIU's work directory, and which of its log and figures is of this call: CRI-O makes dump.log before the
// call, and an earlier try may have left one. It is held open: of a restore in the foreground it may be gone
// by name when the container ends.
class WorkDir {
  public:
    [[nodiscard]] static WorkDir of_dump(std::string path);
    [[nodiscard]] static WorkDir of_restore(std::string path);

    // The runtime makes it if need be.
    void open();
    // Before the runtime runs; else whatever lies there is taken for this call's.
    void remember_files();
    // False when another process has it: another restore works here. It ends with this process.
    [[nodiscard]] bool try_lock() const;

    [[nodiscard]] bool log_written() const { return written(log_); }
    [[nodiscard]] bool stats_written() const { return written(stats_); }
    // The log that this call has written; nothing when it wrote none.
    [[nodiscard]] std::optional<struct stat> log_stat() const;
    [[nodiscard]] std::optional<std::string> read_log() const;

    // Puts the figures into the record, and log and figures beside it: of a call that went well nobody reads
    // more of a big log than the beginning and the end.
    void keep(Recorder& recorder, bool succeeded) const;

  private:
    WorkDir(std::string path, const char* log_name, const char* stats_name);
    // A file as it was before the runtime ran.
    struct FileStamp {
        unsigned long long inode = 0;
        long long size = 0;
        timespec changed{};
        [[nodiscard]] bool operator==(const FileStamp& other) const;
    };
    struct File {
        std::string name;
        FileStamp before;
    };
    [[nodiscard]] FileStamp stamp_of(const std::string& name) const;
    [[nodiscard]] bool written(const File& file) const;
    void keep_stats(Recorder& recorder) const;
    void keep_file(Recorder& recorder, int logs, const File& file, std::uint64_t limit) const;

    std::string path_;
    File log_;
    File stats_;
    Fd dir_;
};

} // namespace lpm::gate
