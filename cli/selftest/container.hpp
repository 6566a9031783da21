// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace lpm::selftest {

// A container that is made to be thrown away, below /run/lpm/selftest. Each call is one of lpm-runc, with the
// environment that CRI-O gives. All of it is gone when this ends, and what a run that was killed has left is
// gone when the next one begins.
class Container {
  public:
    // `path`: PATH of the runtime. Errc::busy: another one is there.
    [[nodiscard]] static Result<Container> make(const std::string& path);
    Container(Container&&) noexcept = default;
    Container& operator=(Container&&) = delete;
    ~Container();

    // The error is the last message of lpm-runc.
    [[nodiscard]] Result<> create();
    [[nodiscard]] Result<> start();
    [[nodiscard]] Result<> checkpoint();
    [[nodiscard]] Result<> remove();
    [[nodiscard]] Result<> restore();
    // "running", of the container that was restored.
    [[nodiscard]] Result<std::string> status();
    // Nothing of it stays. The error names what does.
    [[nodiscard]] Result<> clean();

    [[nodiscard]] const std::string& id() const { return id_; }
    // The end of CRIU's log of the call before, empty when there is none.
    [[nodiscard]] std::string end_of_log() const;

  private:
    Container(Fd&& lock, std::string path);
    [[nodiscard]] Result<> lay_out();
    [[nodiscard]] Result<> call(const std::vector<std::string>& words);

    Fd lock_; // the folder, locked; none: moved from, or cleaned
    std::string path_;
    std::string id_;
    std::string log_; // that CRIU has written last
};

} // namespace lpm::selftest
