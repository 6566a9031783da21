// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "convert_processes.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "criu/images/core.hpp"
#include "criu/images/fs.hpp"
#include "criu/images/mm.hpp"
#include "criu/images/pstree.hpp"
#include "node/archive_memory.hpp"

namespace lpm::sidecar {

static constexpr std::size_t most_processes = 10'000; // of some 100 bytes each, without what follows
// Of an answer, in bytes.
static constexpr std::size_t room_of_descriptors = std::size_t{3} << 18;
static constexpr std::size_t room_of_memory = std::size_t{3} << 18;
static constexpr std::uint64_t longest_text = 65536; // bytes, of all arguments of a process

static constexpr std::string_view no_room = "the answer has no room for more";

using Process = node::v1::ArchiveProcess;

static std::string state_of(criu::TaskState state) {
    using enum criu::TaskState;
    switch (state) {
    case alive:
        return "alive";
    case dead:
        return "dead";
    case stopped:
        return "stopped";
    case zombie:
        return "zombie";
    }
    return {};
}

static bool has_ended(const Process& process) {
    return process.state() == "dead" || process.state() == "zombie";
}

void Reasons::add(Process& process, std::string_view what, std::string_view why) {
    std::string reason = std::string(what) + ": " + one_line(why, 200);
    if (room_.take(reason.size() + 4))
        process.add_unread(std::move(reason));
}

void Reasons::tell(node::v1::InspectArchiveResponse& to) const {
    constexpr std::string_view text = "reasons: it has too many";
    if (room_.full() && !std::ranges::contains(to.left_out(), text))
        to.add_left_out(std::string(text));
}

namespace {

// One process after the other, as long as there is room.
class Filling {
  public:
    Filling(const lpm::node::ArchiveImages& images, node::v1::InspectArchiveResponse& to)
        : images_(images), to_(to), files_(open_files()) {}

    void add(const criu::PstreeEntry& task) {
        Process& process = *to_.add_processes();
        process.set_pid(task.pid);
        process.set_parent(task.ppid);
        process.set_threads(static_cast<std::uint32_t>(task.threads.size()));
        if (const auto read = set_core(process); !read)
            reasons_.add(process, "name", read.error().text);
        if (has_ended(process))
            return;
        if (const auto read = add_descriptors(process); !read)
            reasons_.add(process, "descriptors", read.error().text);
        if (const auto read = set_folders(process); !read)
            reasons_.add(process, "folders", read.error().text);
    }
    void end() {
        if (room_.full() || work_.full())
            to_.add_left_out("descriptors: it has too many");
        reasons_.tell(to_);
    }

  private:
    Result<criu::FileTable> open_files() {
        TRY_ASSIGN(const std::string_view image, images_.view(criu::files_img));
        return criu::FileTable::open(image);
    }

    Result<> set_core(Process& process) {
        TRY_ASSIGN(const std::string_view image, images_.view(criu::core_img(process.pid())));
        TRY_ASSIGN(const criu::TaskCoreEntry task, criu::parse_tc(image));
        process.set_name(one_line(task.comm, 64));
        process.set_state(state_of(task.task_state));
        return {};
    }

    // The first fault, of descriptors of which not all can be said.
    Result<> add_descriptors(Process& process) {
        TRY_ASSIGN(const std::string_view ids_image, images_.view(criu::ids_img(process.pid())));
        TRY_ASSIGN(const criu::TaskKobjIdsEntry ids, criu::parse_ids(ids_image));
        TRY_ASSIGN(const std::string_view image, images_.view(criu::fdinfo_img(ids.files_id)));
        if (room_.full() || !work_.take(image.size()))
            return fail(Errc::unavailable, std::string(no_room));
        TRY_ASSIGN(const auto entries, criu::parse_fdinfo(image));
        Result<> good;
        for (const auto& entry : entries) {
            node::v1::ArchiveDescriptor one;
            auto read = convert(entry, files_, one);
            constexpr std::size_t at_least = 32; // of what it takes here, beside what is sent
            if (!room_.take(one.ByteSizeLong() + at_least))
                return fail(Errc::unavailable, std::string(no_room));
            *process.add_descriptors() = std::move(one);
            if (good && !read)
                good = std::move(read);
        }
        return good;
    }

    Result<std::string> path_of(std::uint32_t id) {
        criu::FdinfoEntry folder;
        folder.id = id;
        node::v1::ArchiveDescriptor one;
        TRY(convert(folder, files_, one));
        if (!room_.take(one.path().size()))
            return fail(Errc::unavailable, std::string(no_room));
        return std::move(*one.mutable_path());
    }

    Result<> set_folders(Process& process) {
        TRY_ASSIGN(const std::string_view image, images_.view(criu::fs_img(process.pid())));
        TRY_ASSIGN(const criu::FsEntry fs, criu::parse_fs(image));
        TRY_ASSIGN(*process.mutable_cwd(), path_of(fs.cwd_id));
        TRY_ASSIGN(*process.mutable_root(), path_of(fs.root_id));
        return {};
    }

    const lpm::node::ArchiveImages& images_;
    node::v1::InspectArchiveResponse& to_;
    Result<criu::FileTable> files_;
    Room room_{room_of_descriptors};
    Room work_{std::size_t{1} << 26}; // bytes of lists that are read: several processes may have the same
    Reasons reasons_;
};

} // namespace

void add_processes(const lpm::node::ArchiveImages& images, node::v1::InspectArchiveResponse& to) {
    const auto image = images.view(criu::pstree_img);
    const auto tree = image ? criu::parse_pstree(*image) : std::unexpected(image.error());
    if (!tree) {
        to.add_left_out("processes: " + one_line(tree.error().text, 200));
        return;
    }
    Filling filling(images, to);
    std::set<std::uint32_t> seen; // no process has two, but an image may
    for (const auto& task : *tree) {
        if (!seen.insert(task.pid).second)
            continue;
        if (seen.size() > most_processes) {
            to.add_left_out("processes: it has too many");
            break;
        }
        filling.add(task);
    }
    filling.end();
}

namespace {

// Where in an answer a piece of memory goes.
struct Target {
    Process* process;
    const char* what;
    google::protobuf::RepeatedPtrField<std::string>* to;
    bool cut_off = false;
};

// What is to be read of the processes' memory.
class Plan {
  public:
    Plan(const lpm::node::ArchiveImages& images, Reasons& reasons) : images_(images), reasons_(reasons) {}

    void add(Process& process, bool environment) {
        const auto image = images_.view(criu::mm_img(process.pid()));
        const auto mm = image ? criu::parse_mm(*image) : std::unexpected(image.error());
        if (!mm)
            return reasons_.add(process, "arguments", mm.error().text);
        add({&process, "arguments", process.mutable_arguments()}, mm->arg_start, mm->arg_end);
        if (environment)
            add({&process, "environment", process.mutable_environment()}, mm->env_start, mm->env_end);
    }

    std::vector<lpm::node::MemoryPiece> pieces;
    std::vector<Target> targets; // of each

  private:
    void add(Target target, std::uint64_t begin, std::uint64_t end) {
        target.cut_off = end - begin > longest_text;
        end = target.cut_off ? begin + longest_text : end;
        const auto size = static_cast<std::size_t>(end - begin);
        if (!room_.take(size))
            return reasons_.add(*target.process, target.what, no_room);
        pieces.push_back({.pid = target.process->pid(), .begin = begin, .end = end});
        targets.push_back(target);
    }

    const lpm::node::ArchiveImages& images_;
    Reasons& reasons_;
    Room room_{room_of_memory};
};

} // namespace

// Each has a zero at its end, but for the last one where a process has written over it.
// False when not all has found room.
static bool split(std::string_view content, Target& target, Room& room) {
    std::size_t end = content.size();
    while (end > 0 && content[end - 1] == '\0')
        --end;
    for (std::string_view rest = content.substr(0, end); !rest.empty();) {
        std::string text = to_utf8(next_part(rest, '\0')); // up to three times as long as what was read
        constexpr std::size_t at_least = 16;               // of what it takes here, beside what is sent
        if (!room.take(text.size() + at_least))
            return false;
        target.to->Add(std::move(text));
    }
    return true;
}

Result<> add_memory(int fd, const lpm::node::ArchiveImages& images, bool environment,
                    const lpm::node::TarReader::Ask& ask, node::v1::InspectArchiveResponse& to) {
    Reasons reasons;
    Plan plan(images, reasons);
    for (auto& process : *to.mutable_processes())
        if (!has_ended(process))
            plan.add(process, environment);
    TRY(lpm::node::read_memory(fd, images, plan.pieces, ask));
    Room room(room_of_memory);
    for (std::size_t i = 0; i < plan.pieces.size(); ++i) {
        Target& target = plan.targets[i];
        if (!plan.pieces[i].fault.empty())
            reasons.add(*target.process, target.what, plan.pieces[i].fault);
        else if (target.cut_off)
            reasons.add(*target.process, target.what, "more than 64 KiB");
        if (!split(plan.pieces[i].content, target, room))
            reasons.add(*target.process, target.what, no_room);
    }
    reasons.tell(to);
    return {};
}

} // namespace lpm::sidecar
