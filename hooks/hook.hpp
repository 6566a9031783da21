// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>

#include "check/check.hpp"
#include "config/settings.hpp"
#include "note.hpp"
#include "oci/bundle.hpp"
#include "oci/hook_state.hpp"

namespace lpm::hook {

// One line on standard error, which runtimes hand on when a hook fails.
void say(std::string_view message);

// One call of the hook. Our own trouble ends well, so that no container is stopped by it, unless the
// container asks to be refused when it is not known to be checkpointable.
class HookCall {
  public:
    // `input` has the state. The exit status: not 0 stops the container.
    [[nodiscard]] int run(int input);
    [[nodiscard]] bool required() const { return required_; } // the container asks for it

  private:
    [[nodiscard]] bool restored() const;
    [[nodiscard]] int create();
    [[nodiscard]] int clean_up() const;
    [[nodiscard]] int refuse(std::string_view code, std::string_view why);
    // Something is in the way of looking at the container.
    [[nodiscard]] int give_up(std::string_view why);
    [[nodiscard]] check::Outcome judge(const oci::Bundle& bundle) const;

    oci::HookState state_;
    config::Settings settings_;
    Note note_;
    bool required_ = false;
};

} // namespace lpm::hook
