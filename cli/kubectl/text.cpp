// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kubectl/object.hpp"

#include <utility>

#include "base/format.hpp"
#include "base/text.hpp"

namespace lpm::cli::kubectl {

static std::string number_at(const json::Value& object, std::string_view path, std::string_view unit) {
    const auto number = json::integer(object, path);
    return number ? std::to_string(*number) + std::string(unit) : std::string();
}

// Entries of a list below `path`; nothing when there is none.
template <class Each> static void each_at(const json::Value& object, std::string_view path, Each each) {
    const json::Value* list = json::find_path(object, path);
    if (list != nullptr && list->is_array())
        for (const auto& one : *list)
            each(one);
}

void add_checks(const json::Value& object, Description& to) {
    bool first = true;
    each_at(object, "status.checks", [&](const json::Value& check) {
        const std::string verdict = text_at(check, "verdict");
        if (std::exchange(first, false))
            to.add("Checks", "those that had something to say");
        to.add_check(verdict, json::text_or_empty(check, "id"), json::text_or_empty(check, "message"));
    });
}

void add_times(const json::Value& object, Description& to) {
    const auto time = [&](std::string_view name) {
        return json::natural(object, "status.timings." + std::string(name)).value_or(0) * 1000;
    };
    const std::uint64_t queued = time("queuedMilliseconds");
    const std::uint64_t asked = time("checkpointMilliseconds");
    add_phases(queued + asked,
               {{"until the kubelet was asked", queued},
                {"until it answered", asked},
                {"CRIU", time("dumpMilliseconds")},
                {"archive written", time("archiveMilliseconds")},
                {"container stood still", time("frozenMilliseconds")}},
               to);
}

void add_archive(const json::Value& object, Description& to) {
    to.add("Node", text_at(object, "status.nodeName"));
    to.add("Archive", text_at(object, "status.archivePath"));
    to.add("Size", size_text(object));
    to.add("Digest", text_at(object, "status.archiveDigest"));
}

static std::string wanted_text(const json::Value& object) {
    std::string text = json::is_true(object, "spec.dryRun") ? "checks only (dryRun)" : "a checkpoint";
    const auto also = [&](std::string_view name, const std::string& value) {
        if (!value.empty())
            text += ", " + std::string(name) + "=" + value;
    };
    also("timeoutSeconds", number_at(object, "spec.timeoutSeconds", ""));
    also("deletionPolicy", text_at(object, "spec.deletionPolicy"));
    also("ttlSecondsAfterFinished", number_at(object, "spec.ttlSecondsAfterFinished", ""));
    const json::Value* options = json::find_path(object, "spec.options");
    if (options != nullptr && options->is_object())
        for (const auto& [name, value] : options->items())
            also("option " + one_line(name), value.is_string() ? one_line(value.get<std::string>()) : "");
    return text;
}

static std::string attempt_text(const json::Value& object) {
    const std::string number = number_at(object, "status.attempt.number", "");
    if (number.empty())
        return {};
    const std::string next = text_at(object, "status.attempt.notBefore");
    return number + ", begun " + text_at(object, "status.attempt.startTime") +
           (end_of(object) == End::open && !next.empty() ? ", the next not before " + next : "");
}

static void add_conditions(const json::Value& object, Description& to) {
    bool first = true;
    each_at(object, "status.conditions", [&](const json::Value& one) {
        if (std::exchange(first, false))
            to.add("Conditions", "as the controller and the node saw them");
        const std::string message = text_at(one, "message");
        to.add_line(lpm::format("{:<16} {:<8} {}{}", text_at(one, "type"), text_at(one, "status"),
                                text_at(one, "reason"), message.empty() ? "" : ": " + message));
    });
}

static void add_log(const json::Value& object, Description& to) {
    const std::string log = json::text_or_empty(object, "status.logExcerpt");
    if (log.empty())
        return;
    to.add("Log", "the lines that matter");
    for (std::string_view rest = log; !rest.empty();)
        to.add_line(one_line(next_line(rest), 1000));
}

std::string describe(const json::Value& object, std::chrono::sys_seconds now) {
    Description text;
    const std::string asked = text_at(object, "metadata.creationTimestamp");
    const std::string named = text_at(object, "spec.containerName");
    const std::string meant = text_at(object, "status.containerName");
    const std::string record = text_at(object, "status.recordID");
    text.add("Name", name_of(object));
    text.add("Namespace", text_at(object, "metadata.namespace"));
    text.add("Pod", text_at(object, "spec.podName"));
    text.add("Container", named + (meant.empty() || meant == named ? "" : " (that is " + meant + ")"));
    text.add("Wanted", wanted_text(object));
    text.add("Asked", asked.empty() ? "" : asked + " (" + age_text(asked, now) + " ago)");
    text.add("Phase", colour_phase(text_at(object, "status.phase")));
    text.add("Reason", text_at(object, "status.reason"));
    text.add("Message", text_at(object, "status.message"));
    text.add("Attempt", attempt_text(object));
    text.add("Ended", text_at(object, "status.completionTime"));
    add_archive(object, text);
    text.add("Content", text_at(object, "status.boundContentName"));
    text.add("Container id", text_at(object, "status.containerID"));
    text.add("Image", text_at(object, "status.image"));
    text.add("Image digest", text_at(object, "status.imageDigest"));
    text.add("Record", record.empty() ? "" : record + " (on the node: lpmctl show " + record + ")");
    add_times(object, text);
    add_conditions(object, text);
    add_checks(object, text);
    add_log(object, text);
    return text.text();
}

std::string verdict_text(const json::Value& object) {
    Description text;
    const End end = end_of(object);
    const std::string container = text_at(object, "status.containerName");
    text.add("Container", text_at(object, "metadata.namespace") + "/" + text_at(object, "spec.podName") +
                              "/" + (container.empty() ? text_at(object, "spec.containerName") : container));
    text.add("A checkpoint",
             end == End::completed ? coloured("would be taken", Colour::green)
             : end == End::refused
                 ? coloured("would be refused", Colour::red) + ": " + text_at(object, "status.reason")
                 : coloured("nobody could tell", Colour::yellow) + ": " + text_at(object, "status.reason"));
    text.add("Why", end == End::completed ? "" : text_at(object, "status.message"));
    text.add("Node", text_at(object, "status.nodeName"));
    add_checks(object, text);
    return text.text();
}

} // namespace lpm::cli::kubectl
