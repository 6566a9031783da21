// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// Bytes become a command line, split at newlines; whatever parse() says about it must hold together.
#include "oci/argv.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

using namespace lpm::oci;

namespace {

void require(bool holds) {
    if (!holds)
        std::abort();
}

// True if the pointer is into one of the words (a value may be the end of `--flag=value`).
bool inside(const std::vector<std::string>& words, const char* pointer) {
    for (const std::string& word : words)
        if (pointer >= word.c_str() && pointer <= word.c_str() + word.size())
            return true;
    return false;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> words{"runc"};
    std::string word;
    for (std::size_t i = 0; i < size; ++i) {
        if (data[i] == '\n') {
            words.push_back(word);
            word.clear();
        } else if (data[i] != '\0') {
            word.push_back(static_cast<char>(data[i]));
        }
    }
    words.push_back(word);
    std::vector<const char*> argv;
    for (const std::string& w : words)
        argv.push_back(w.c_str());
    argv.push_back(nullptr);

    const Invocation got = parse(static_cast<int>(words.size()), argv.data());
    if (got.gated) {
        require(got.verb == Verb::checkpoint || got.verb == Verb::restore);
        require(got.id != nullptr && valid_id(got.id));
    }
    if (got.id != nullptr) {
        require(got.verb != Verb::other);
        require(inside(words, got.id));
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(Option::count); ++i)
        if (got.values[i] != nullptr)
            require(inside(words, got.values[i]));

    // A word in front that no runc knows makes everything opaque.
    argv.insert(argv.begin() + 1, "--no-such-flag");
    const Invocation opaque = parse(static_cast<int>(words.size()) + 1, argv.data());
    require(opaque.verb == Verb::other && !opaque.gated && opaque.id == nullptr);

    char hash[17];
    root_hash(got.text(Option::root), hash);
    require(std::strlen(hash) == 16);
    return 0;
}
