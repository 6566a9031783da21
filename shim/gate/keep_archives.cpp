// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "keep_archives.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "archives.hpp"
#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "report.hpp"
#include "service/keep.hpp"

namespace lpm::gate {

using namespace std::chrono_literals;
using service::ArchiveFile;
using service::JudgedArchive;
using service::KeptArchive;

// A packed archive is unpacked to its end.
static constexpr auto one_archive = 60s;
static constexpr auto all_archives = 60s; // none is begun later; the next round goes on
static constexpr unsigned hard_end = 300; // seconds: a file system may not answer
// In /run/lpm: an archive is judged once for each boot.
static constexpr const char* judged_file = "archives";

// Of this one only. An error: none can be judged.
static Result<JudgedArchive> judge(int content) {
    const Job job{.argv = {paths::judge_program},
                  .timeout = one_archive,
                  .limit = service::max_judged,
                  .from = content,
                  .environment = std::vector<std::string>{}};
    auto output = run(job);
    if (!output)
        return std::unexpected(std::move(output).error());
    JudgedArchive unknown;
    if (output->late) {
        unknown.message = "lpm-judge did not end in " + std::to_string(one_archive / 1s) + " s";
        return unknown;
    }
    if (output->status > 128) {
        unknown.message = "lpm-judge was ended by signal " + std::to_string(output->status - 128);
        return unknown;
    }
    auto judged = service::parse_judged(output->text);
    if (output->status == 0 && judged)
        return judged;
    const bool said =
        !judged && judged.error().code != Errc::io; // else the dynamic linker's words, for example
    return fail(Errc::io, "lpm-judge ended with status " + std::to_string(output->status) + ": " +
                              one_line(said ? judged.error().text : output->text, 200));
}

static std::string name_of(const JudgedArchive& judged) {
    const std::string pod = judged.pod.empty() ? "" : judged.name_space + "/" + judged.pod + "/";
    return one_line(judged.engine + " " + pod + judged.name);
}

// Once for each file: what nobody removes would fill a disk in silence.
static void tell_apart(const ArchiveFile& file, const JudgedArchive& judged) {
    const std::string why =
        !judged.whole ? "is not whole (" + judged.message + ")" : "does not say of which container it is";
    if (!judged.whole || !judged.has_identity())
        warn({one_line(file.path) + " " + why + ": archives.keep neither counts nor removes it"});
}

namespace {

class Round {
  public:
    explicit Round(const config::Settings& settings)
        : settings_(settings), folders_(list_archives(settings)),
          run_dir_(open_at(AT_FDCWD, paths::run_dir, O_RDONLY | O_DIRECTORY)) {}

    // An error: none can be judged.
    Result<> judge_all() {
        const auto before = run_dir_ ? read_file(run_dir_->get(), judged_file, service::max_judged_archives)
                                     : std::unexpected(run_dir_.error());
        const auto known = before ? service::parse_judged_archives(*before) : service::JudgedArchives{};
        const Deadline deadline(all_archives);
        for (const auto& folder : folders_) {
            if (!folder.fault.empty())
                warn({"archives in " + one_line(folder.path) + " are not all known: " + folder.fault});
            for (const auto& file : folder.files)
                if (const auto one = known.find({file.path, file.id}); one != known.end())
                    judged_.insert(*one);
                else if (!deadline.passed())
                    TRY(judge_new(file));
        }
        return {};
    }

    void remember() const {
        const auto done = run_dir_ ? replace_file(run_dir_->get(), judged_file,
                                                  service::write_judged_archives(judged_), 0600, Sync::none)
                                   : std::unexpected(run_dir_.error());
        if (!done)
            warn({"archives are judged again the next time: " + done.error().text});
    }

    void remove() const {
        std::vector<KeptArchive> all;
        for (const auto& folder : folders_)
            for (const auto& file : folder.files)
                if (const auto one = judged_.find({file.path, file.id}); one != judged_.end())
                    all.push_back({&file, &one->second});
        for (const auto& one : service::beyond(all, settings_.keep_archives, to_milliseconds(now())))
            remove(one);
    }

  private:
    Result<> judge_new(const ArchiveFile& file) {
        if (service::may_be_written(file, to_milliseconds(now())))
            return {};
        const auto opened = open_archive(settings_, file.path, file.id);
        if (!opened || service::may_be_written(opened->file, to_milliseconds(now())))
            return {}; // it went, or is written again
        TRY_ASSIGN(JudgedArchive judged, judge(opened->content.get()));
        tell_apart(file, judged);
        judged_.emplace(std::pair(file.path, file.id), std::move(judged));
        return {};
    }

    // By the very steps of delete-archive: it may have been pinned, opened or replaced since it was listed.
    void remove(const KeptArchive& one) const {
        const auto removed = delete_archive(settings_, one.file->path, one.file->id);
        if (!removed)
            return warn({"archives.keep = " + std::to_string(settings_.keep_archives) +
                         " would remove an archive that stays: " + removed.error().text});
        const std::string& attempt = one.judged->attempt;
        std::printf(
            "removed the archive %s (%s) of %s%s: archives.keep = %u\n", one_line(removed->path).c_str(),
            human_size(removed->size).c_str(), name_of(*one.judged).c_str(),
            (attempt.empty() ? ", of no attempt" : ", attempt " + attempt).c_str(), settings_.keep_archives);
        std::fflush(stdout); // it is gone, whatever becomes of us
    }

    const config::Settings& settings_;
    std::vector<service::ArchiveFolder> folders_;
    Result<Fd> run_dir_;
    service::JudgedArchives judged_;
};

} // namespace

bool keep_archives(const config::Settings& settings) {
    if (settings.keep_archives == 0)
        return true;
    ::signal(SIGIO, SIG_IGN); // of a lease on an archive
    ::alarm(hard_end);
    Round round(settings);
    const auto judged = round.judge_all();
    round.remember();
    if (judged)
        round.remove();
    else
        warn({"no archive is removed, as none can be judged (" + judged.error().text +
              "): archives.keep needs lpm-judge, which is installed with lpm-sidecar, and the user lpm"});
    ::alarm(0);
    return judged.has_value();
}

} // namespace lpm::gate
