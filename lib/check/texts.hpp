// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "inspect/facts.hpp"

// What is found, in words for a message: one line, bounded, and nothing that callers take for another error.
namespace lpm::check {

[[nodiscard]] std::string text_of(const std::string& name);
[[nodiscard]] std::string text_of(const inspect::Gap& gap);
[[nodiscard]] std::string text_of(const inspect::IgnoredOption& option);
[[nodiscard]] std::string text_of(const inspect::ChangedFile& file);
[[nodiscard]] std::string text_of(const inspect::Endpoint& endpoint);
[[nodiscard]] std::string text_of(const inspect::Connection& connection);
[[nodiscard]] std::string text_of(const inspect::MissingSource& mount);
[[nodiscard]] std::string text_of(const inspect::UnlikeSource& mount);
[[nodiscard]] std::string text_of(const inspect::TakenPid& taken);
[[nodiscard]] std::string text_of(const inspect::ForeignImage& image);
[[nodiscard]] std::string text_of(const inspect::WritableImage& image);
[[nodiscard]] std::string text_of(const inspect::LsmMismatch& mismatch);
[[nodiscard]] std::string text_of(const oci::NamespacePath& joined);
[[nodiscard]] std::string text_of(const inspect::Excess& excess);

// The first five, and how many more there are.
template <class T> [[nodiscard]] std::string some_of(const std::vector<T>& list) {
    constexpr std::size_t most = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(most, list.size()); ++i)
        text += (i == 0 ? "" : ", ") + text_of(list[i]);
    if (list.size() > most)
        text += " and " + std::to_string(list.size() - most) + " more";
    return text;
}

} // namespace lpm::check
