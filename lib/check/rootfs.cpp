// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "check/found.hpp"
#include "check/judges.hpp"

namespace lpm::check {

Judgement judge_lost_files(const Facts& facts) {
    if (!facts.bundle)
        return no_bundle();
    if (!facts.bundle->node_paths)
        return {};
    if (!facts.container.lost)
        return {Verdict::unknown, "the layers of the container's root file system cannot be read"};
    const LostFiles& lost = *facts.container.lost;
    std::string unseen;
    if (!lost.all)
        unseen = "the changes of the root file system are too many to look at all of them";
    else if (!lost.reached)
        unseen =
            "whether this node has some of the changed files is not known: they would be on a file system "
            "that may not answer";
    if (lost.paths.empty())
        return {unseen.empty() ? Verdict::pass : Verdict::unknown, unseen};
    return {Verdict::warn, "the container has changed files of its image that this node has not, and an "
                           "archive is made without them: " +
                               some_of(lost.paths) + (unseen.empty() ? "" : "; " + unseen)};
}

} // namespace lpm::check
