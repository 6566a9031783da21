// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "command.hpp"

#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.hpp"

namespace lpm::gate {

static constexpr std::string_view name = "CRIU_CONFIG_FILE=";

Command::Command(char** argv, int argc, char** environment) : argv_(argv, argv + argc) {
    argv_.push_back(nullptr);
    for (char** entry = environment; *entry != nullptr; ++entry)
        environment_.push_back(*entry);
    environment_.push_back(nullptr);
}

Result<> Command::add(const criu::Additions& additions, int verb_at) {
    words_.reserve(additions.words.size());
    for (const auto& word : additions.words)
        words_.push_back(criu::word_of(word));
    auto at = argv_.begin() + verb_at + 1;
    for (const std::string& word : words_)
        at = argv_.insert(at, word.c_str()) + 1;
    if (!additions.lines.empty())
        TRY(write_lines(additions.lines));
    return {};
}

// In memory: nothing is left behind when this process is killed, and no full disk is in the way. CRIU reads
// it through /proc, as a child of a child of this process.
Result<> Command::write_lines(const std::vector<criu::Setting>& lines) {
    constexpr std::size_t most = std::size_t{1} << 20;
    std::string text;
    char** old = environment_.data();
    while (*old != nullptr && !std::string_view(*old).starts_with(name))
        ++old;
    if (*old != nullptr && (*old)[name.size()] != '\0') {
        TRY_ASSIGN(text, read_file(AT_FDCWD, *old + name.size(), most));
        text += '\n';
    }
    for (const auto& line : lines)
        text += criu::line_of(line) + "\n";
    file_ = Fd(::memfd_create("lpm-criu.conf", MFD_CLOEXEC));
    if (!file_ || ::write(file_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return fail_errno(errno, "configuration for CRIU");
    variable_ =
        std::string(name) + "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(file_.get());
    if (*old != nullptr)
        *old = variable_.data();
    else
        environment_.insert(environment_.end() - 1, variable_.data());
    return {};
}

} // namespace lpm::gate
