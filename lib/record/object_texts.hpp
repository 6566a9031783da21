// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>

#include "record/record.hpp"

// For this folder only.
namespace lpm::record {

// Members of an object's name, as records and lpm.json have them.
struct ObjectText {
    std::string_view name;
    std::string ObjectName::* member;
};
inline constexpr ObjectText object_texts[] = {
    {"namespace", &ObjectName::name_space}, {"name", &ObjectName::name}, {"uid", &ObjectName::uid}};

} // namespace lpm::record
