// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "check/texts.hpp"

#include <array>
#include <charconv>

#include "base/text.hpp"

namespace lpm::check {

static constexpr std::size_t max_name = 100;
static constexpr std::size_t max_place = 80; // where two stand in one text

std::string text_of(const std::string& name) {
    return one_line(name, max_name);
}

std::string text_of(const inspect::Gap& gap) {
    using enum inspect::Gap::Why;
    switch (gap.why) {
    case processes:
        return "not all processes were looked at within the deadline";
    case descriptors:
        return "not all descriptors were looked at within the deadline";
    case sockets:
        return "not all sockets were looked at within the deadline";
    case memory:
        return "not all memory was looked at within the deadline";
    case too_many_processes:
        return "there are more than " + std::to_string(inspect::max_processes) + " processes";
    case init_unreadable:
        return "the first process of the container cannot be read";
    case socket_unreadable:
        return "a socket cannot be asked what it is: " + gap.error;
    case guards_not_told:
        return "this kernel does not tell which pages are guards";
    case stops_not_told:
        return "the container is frozen, and this kernel does not tell which of its processes a signal has "
               "stopped";
    case waits_not_told:
        return "this kernel does not tell what a process waits for";
    case error:
        break;
    }
    return gap.error;
}

std::string text_of(const inspect::IgnoredOption& option) {
    return "the annotation lpm.my.domain/options: " + one_line(option.text, max_name) +
           (option.why == inspect::IgnoredOption::Why::not_allowed
                ? ": lpm.toml of this node does not allow that; ignored"
                : ": there is no such option, or it has no such value; ignored");
}

static std::string octal(std::uint64_t mode) {
    std::array<char, 16> digits{'0'};
    const auto end = std::to_chars(digits.data() + 1, digits.data() + digits.size(), mode & 07777U, 8).ptr;
    return {digits.data(), end};
}

std::string text_of(const inspect::ChangedFile& file) {
    std::string change = "of another type";
    if (file.what == inspect::ChangedFile::What::size)
        change = "had " + std::to_string(file.had) + " bytes, has " + std::to_string(file.has);
    else if (file.what == inspect::ChangedFile::What::mode)
        change = "had mode " + octal(file.had) + ", has " + octal(file.has);
    return one_line(file.path, max_name) + " (" + change + ")";
}

std::string text_of(const inspect::Endpoint& endpoint) {
    return endpoint.address + " port " + std::to_string(endpoint.port);
}

std::string text_of(const inspect::Connection& connection) {
    return text_of(connection.local) + " with " + text_of(connection.remote);
}

static std::string mount_text(const std::string& place, const std::string& source) {
    return one_line(place, max_place) + " (source " + one_line(source, max_place);
}

std::string text_of(const inspect::MissingSource& mount) {
    return mount_text(mount.place, mount.source) + ")";
}

std::string text_of(const inspect::UnlikeSource& mount) {
    return mount_text(mount.place, mount.source) + (mount.source_is_folder
                                                        ? " is a folder, the place is a file)"
                                                        : " is a file, the place is a folder)");
}

std::string text_of(const inspect::TakenPid& taken) {
    return std::to_string(taken.pid) + " (" + one_line(taken.name, 32) + ")";
}

std::string text_of(const inspect::ForeignImage& image) {
    const std::string name = one_line(image.name, max_place);
    switch (image.kind) {
    case inspect::ForeignImage::Kind::link:
        return name + " (a link to " + one_line(image.target, max_place) + ")";
    case inspect::ForeignImage::Kind::link_to_link:
        return name + " (a link to a link)";
    case inspect::ForeignImage::Kind::pipe:
        return name + " (a pipe)";
    case inspect::ForeignImage::Kind::folder:
        return name + " (a folder)";
    case inspect::ForeignImage::Kind::special:
        break;
    }
    return name + " (a device or a socket)";
}

std::string text_of(const inspect::WritableImage& image) {
    const std::string name = image.name.empty() ? "the directory" : one_line(image.name, max_place);
    return name + (image.uid ? " (of user " + std::to_string(*image.uid) + ")" : " (others may write it)");
}

static const char* lsm_name(criu::LsmType type) {
    return type == criu::LsmType::selinux    ? "SELinux"
           : type == criu::LsmType::apparmor ? "AppArmor"
                                             : "no security module";
}

std::string text_of(const inspect::LsmMismatch& mismatch) {
    return "process " + std::to_string(mismatch.pid) + " had the " + lsm_name(mismatch.dumped) + " profile " +
           one_line(mismatch.profile, max_name) +
           (mismatch.dumped == mismatch.here ? std::string(", which is not loaded here")
                                             : std::string(", and here is ") + lsm_name(mismatch.here));
}

std::string text_of(const oci::NamespacePath& joined) {
    return joined.type + " " + one_line(joined.path, max_name);
}

static std::string capabilities_of(std::uint64_t set) {
    std::vector<std::string> names;
    for (unsigned number = 0; number < 64; ++number)
        if ((set >> number & 1U) != 0)
            names.push_back(oci::capability_name(number));
    return some_of(names);
}

// What stands before the thing and behind it, by the kind.
struct ExcessWords {
    std::string_view before;
    std::string_view after;
};
static constexpr ExcessWords excess_words[] = {
    {"holds ", ", which config.json of this container does not grant"},
    {"has the user id ", ", and config.json of this container grants another"},
    {"has the group id ", ", and config.json of this container grants others"},
    {"may gain new privileges, and config.json of this container forbids that (noNewPrivileges)", ""},
    {"has no seccomp filter, and config.json of this container has a profile", ""},
    {"has the AppArmor profile ", ", and config.json of this container names another"},
    {"has no AppArmor profile, and config.json of this container names one", ""},
    {"had another seccomp profile than config.json of this container has", ""},
    {"had no namespace of the type ", ", and config.json of this container gives it one"},
    {"had its users and groups mapped to others than config.json of this container does", ""},
    {"could see ", ", and config.json of this container masks that"},
    {"could write ", ", and config.json of this container has that read-only"},
    {"had ", ", which config.json of this container asks for"},
};

static std::string thing_of(const inspect::Excess& excess) {
    using Kind = inspect::Excess::Kind;
    if (excess.kind == Kind::capabilities)
        return capabilities_of(excess.number);
    if (excess.kind == Kind::user || excess.kind == Kind::group)
        return std::to_string(excess.number);
    return one_line(excess.text, max_name);
}

std::string text_of(const inspect::Excess& excess) {
    std::string text;
    if (excess.pid == 0)
        text = "the container that was checkpointed ";
    else if (excess.thread != excess.pid)
        text.append("thread ").append(std::to_string(excess.thread)).append(" of ");
    if (excess.pid != 0)
        text.append("process ").append(text_of(inspect::TakenPid{excess.pid, excess.name})).append(" ");
    const ExcessWords& words = excess_words[static_cast<std::size_t>(excess.kind)];
    return text.append(words.before).append(thing_of(excess)).append(words.after);
}

} // namespace lpm::check
