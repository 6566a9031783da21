// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// The bundle and the image files of a restore.
#include "base/text.hpp"
#include "check/found.hpp"
#include "check/judges.hpp"

namespace lpm::check {

Judgement judge_missing_mounts(const Facts& facts) {
    // Then CRIU may be given more than config.json has.
    for (const char* option : {"external", "ext-mount-map"})
        if (const auto set = facts.options.find(option))
            return {Verdict::unknown, std::string(option) + " is set in " + set->source};
    return judge_list(facts.images.missing_mounts,
                      "config.json lacks mounts that the container had at the checkpoint");
}

Judgement judge_new_mounts(const Facts& facts) {
    return judge_list(
        facts.images.new_mounts,
        "config.json has mounts that the container did not have at the checkpoint, and a restore "
        "makes none of them",
        Verdict::warn);
}

Judgement judge_settings(const Facts& facts) {
    return judge_list(facts.images.other_settings,
                      "config.json has other settings of its process than at the checkpoint, and a restore "
                      "applies none of them",
                      Verdict::warn);
}

Judgement judge_missing_sources(const Facts& facts) {
    return judge_list(facts.images.missing_sources, "sources of mounts are not on this node");
}

Judgement judge_unlike_sources(const Facts& facts) {
    return judge_list(facts.images.unlike_sources, "mounts whose source cannot be mounted on its place");
}

Judgement judge_foreign_images(const Facts& facts) {
    return judge_list(facts.images.foreign_images, "the image directory contains non-regular files");
}

Judgement judge_writable_images(const Facts& facts) {
    return judge_list(facts.images.writable_images,
                      "not only root could have changed what the processes will be made of", Verdict::warn);
}

Judgement judge_taken_sockets(const Facts& facts) {
    return judge_list(facts.images.taken_sockets,
                      "CRIU removes these sockets to make its own, and who listens there is reached no more",
                      Verdict::warn);
}

// The part of an image's name that tells its content, and what kind of name it was: an id, or the digest of a
// manifest. Empty: a tag, which may lead to another image tomorrow.
static std::string_view content_of(std::string_view name, bool& manifest) {
    constexpr std::string_view mark = "@sha256:";
    constexpr std::string_view prefix = "sha256:";
    const auto at = name.find(mark);
    manifest = at != std::string_view::npos;
    if (manifest)
        return name.substr(at + mark.size());
    if (name.starts_with(prefix))
        name.remove_prefix(prefix.size());
    constexpr std::size_t digits = 64;
    const bool id =
        name.size() == digits && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    return id ? name : std::string_view{};
}

// A digest of the same kind on both sides, or nothing is said: a tag may have stayed while the image changed.
Judgement judge_changed_image(const Facts& facts) {
    if (!facts.images.manifest || !facts.bundle)
        return not_compared();
    bool compared = false;
    const auto& manifest = *facts.images.manifest;
    for (const auto& [name, now] : facts.bundle->names) {
        const std::string_view then = name == "image_ref" ? manifest.image_ref
                                      : name == "image"   ? manifest.image
                                                          : std::string_view{};
        bool manifest_then = false;
        bool manifest_now = false;
        const auto content_then = content_of(then, manifest_then);
        const auto content_now = content_of(now, manifest_now);
        if (content_then.empty() || content_now.empty() || manifest_then != manifest_now)
            continue;
        compared = true;
        if (content_then != content_now)
            return {Verdict::warn, "the container's image was " + one_line(then, 120) +
                                       " at the checkpoint and is " + one_line(now, 120) +
                                       " here: programs and libraries may differ"};
    }
    return compared ? Judgement{} : not_compared();
}

// At a restore runc calls prestart and createRuntime hooks when CRIU has made the namespaces, before anything
// is mounted, and calls none of those that follow (libcontainer/criu_linux.go, "setup-namespaces").
Judgement judge_hooks(const Facts& facts) {
    if (!facts.bundle)
        return no_bundle();
    std::vector<std::string> early;
    std::vector<std::string> never;
    for (const auto& [when, path] : facts.bundle->hooks)
        if (when == "prestart" || when == "createRuntime")
            early.push_back(std::string(when).append(" ").append(path));
        else if (when != "poststop")
            never.push_back(std::string(when).append(" ").append(path));
    std::string text;
    if (!early.empty())
        text = "hooks run before anything is mounted: " + some_of(early);
    if (!never.empty())
        text += (text.empty() ? "" : "; ") + ("hooks do not run at a restore: " + some_of(never));
    return text.empty() ? Judgement{} : Judgement{Verdict::warn, text};
}

} // namespace lpm::check
