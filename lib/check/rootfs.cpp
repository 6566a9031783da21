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
    const std::string unseen =
        lost.all ? "" : "the changes of the root file system are too many to look at all of them";
    if (lost.paths.empty())
        return {lost.all ? Verdict::pass : Verdict::unknown, unseen};
    return {Verdict::warn, "the container has changed files of its image that this node has not, and an "
                           "archive is made without them: " +
                               some_of(lost.paths) + (lost.all ? "" : "; " + unseen)};
}

} // namespace lpm::check
