// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <vector>

#include "program.hpp"

// What a shell offers when somebody presses TAB, from the same tables as --help. The scripts in
// cli/completions ask for it: PROGRAM __complete WORD..., the last word as far as it is typed.
namespace lpm::cli {

struct Completion {
    std::vector<Suggestion> words;
    bool files = false; // and names of files
};
[[nodiscard]] Completion complete(const CLI::App& app, const std::vector<std::string>& words,
                                  Suggest suggest);

// As kubectl reads it of kubectl_complete-lpm: a line for each word, what it means behind a tab, and last :0
// when names of files fit as well, else :4.
[[nodiscard]] std::string text_of(const Completion& completion);

} // namespace lpm::cli
