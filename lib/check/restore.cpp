// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/text.hpp"
#include "check/themes.hpp"

namespace lpm::check {

// Errors of reading, as against of what was read, say nothing about the images.
static Finding judge_read(const Facts& facts, const Result<>& read) {
    if (read)
        return {};
    if (read.error().code != Errc::absent && read.error().code != Errc::invalid)
        return {Verdict::unknown, one_line(read.error().text)};
    return {Verdict::block, "no complete checkpoint in " + one_line(facts.subject.image_path, 200) + ": " +
                                one_line(read.error().text)};
}

Finding judge_images(const Facts& facts) {
    if (!facts.images)
        return {Verdict::unknown, "the image directory cannot be read"};
    return judge_read(facts, *facts.images);
}

Finding judge_descriptors(const Facts& facts) {
    // Without the directory, ImageIncomplete says so.
    if (!facts.descriptors)
        return {Verdict::unknown, "the image directory cannot be read"};
    return judge_read(facts, *facts.descriptors);
}

} // namespace lpm::check
