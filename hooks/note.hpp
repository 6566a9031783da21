// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/settings.hpp"
#include "oci/bundle.hpp"
#include "oci/hook_state.hpp"
#include "record/record.hpp"

namespace lpm::hook {

// What the checks say of a container when it is made: a record like those of the gate. Of a container that is
// made it lies in /run/lpm/hooks/<id>.json for as long as the container is there; a refusal is among the
// records.
class Note {
  public:
    Note() = default;
    // `asked`: what the annotation says.
    Note(const oci::HookState& state, std::string_view asked, const config::Settings& settings);

    void add(const oci::Bundle& bundle, std::vector<record::Finding>&& findings);
    // `code` and `message` of what would have been refused, if anything.
    [[nodiscard]] Result<> write(std::string_view code, std::string_view message);
    // There is nobody to tell when it cannot be written: the refusal is said as well.
    void record_refusal(std::string_view code, std::string_view message);

  private:
    void end(record::Outcome outcome, std::string_view code, std::string_view message);

    record::Record record_;
};

// Leaves the note of another container of the same name, which a runtime with another --root may have. That
// there is none is no error.
[[nodiscard]] Result<> remove_note(const oci::HookState& state);

} // namespace lpm::hook
