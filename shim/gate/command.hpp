// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "criu/options.hpp"

namespace lpm::gate {

// The caller's command line and environment, with what lpm adds to them.
class Command {
  public:
    Command(char** argv, int argc, char** environment);

    // Words go right behind the verb, at argv[verb_at]: in front of an id, runc's parser takes a flag without
    // a value and the id together. Lines go into a file that exists as long as this process, after the lines
    // of the file that the caller has named in CRIU_CONFIG_FILE.
    [[nodiscard]] Result<> add(const criu::Additions& additions, int verb_at);

    // Ends with nullptr. Valid as long as this object.
    [[nodiscard]] std::vector<const char*> argv() const { return argv_; }
    [[nodiscard]] char** environment() { return environment_.data(); }

  private:
    [[nodiscard]] Result<> write_lines(const std::vector<criu::Setting>& lines);

    std::vector<const char*> argv_;
    std::vector<char*> environment_;
    std::vector<std::string> words_;
    std::string variable_;
    Fd file_;
};

} // namespace lpm::gate
