// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kubectl/object.hpp"

#include <algorithm>

#include "base/format.hpp"
#include "base/text.hpp"
#include "config/forms.hpp"

namespace lpm::cli::kubectl {

static constexpr std::size_t longest_message = 4000;

std::string text_at(const json::Value& object, std::string_view path) {
    return one_line(json::text_or_empty(object, path), longest_message);
}

Result<std::string> read_name(std::string_view text, Kind kind) {
    static constexpr std::string_view pods[] = {"pod", "pods", "po"};
    static constexpr std::string_view checkpoints[] = {"ckpt",
                                                       "cckpt",
                                                       "containercheckpoint",
                                                       "containercheckpoints",
                                                       resource,
                                                       "containercheckpoints.lpm.my.domain"};
    std::string_view name = text;
    if (text.contains('/')) {
        const auto said = next_part(name, '/');
        const bool known =
            kind == Kind::pod ? std::ranges::contains(pods, said) : std::ranges::contains(checkpoints, said);
        if (!known)
            return fail(Errc::invalid, one_line(text, 300) + " is no " +
                                           (kind == Kind::pod ? "pod: write its name, or pod/NAME"
                                                              : "checkpoint: write its name, or ckpt/NAME"));
    }
    if (!config::is_subdomain(name))
        return fail(Errc::invalid,
                    one_line(text, 300) + " is no name of Kubernetes: small letters, digits, - and dots");
    return std::string(name);
}

static bool is_refused(const json::Value& object) {
    const json::Value* conditions = json::find_path(object, "status.conditions");
    return conditions != nullptr && conditions->is_array() &&
           std::ranges::any_of(*conditions, [](const json::Value& one) {
               return json::text_or_empty(one, "type") == "PreflightPassed" &&
                      json::text_or_empty(one, "status") == "False";
           });
}

static bool is_blocked(const json::Value& object) {
    const json::Value* checks = json::find_path(object, "status.checks");
    return checks != nullptr && checks->is_array() &&
           std::ranges::any_of(*checks, [](const json::Value& one) {
               return json::text_or_empty(one, "verdict") == "block";
           });
}

End end_of(const json::Value& object) {
    const std::string phase = json::text_or_empty(object, "status.phase");
    if (phase == "Completed" || phase == "Succeeded")
        return End::completed;
    if (phase != "Failed")
        return End::open;
    return is_refused(object) || is_blocked(object) ? End::refused : End::failed;
}

std::string name_of(const json::Value& object) {
    return text_at(object, "metadata.name");
}

std::string title_of(const json::Value& object) {
    return lpm::format("{}/{}", resource, name_of(object));
}

std::string why_text(const json::Value& object) {
    const std::string reason = text_at(object, "status.reason");
    const std::string message = text_at(object, "status.message");
    return reason + (reason.empty() || message.empty() ? "" : ": ") + message;
}

std::string progress_text(const json::Value& object) {
    const std::string phase = text_at(object, "status.phase");
    const std::string why = why_text(object);
    return (phase.empty() ? "waits for lpm-controller" : phase) + (why.empty() ? "" : ": " + why);
}

std::string size_text(const json::Value& object) {
    const auto size = json::natural(object, "status.sizeBytes");
    return size ? human_size(*size) : std::string();
}

std::string colour_phase(std::string_view phase) {
    if (phase == "Completed" || phase == "Succeeded")
        return coloured(phase, Colour::green);
    if (phase == "Failed")
        return coloured(phase, Colour::red);
    return coloured(phase, Colour::yellow);
}

// As HumanDuration of k8s.io/apimachinery: two units where one would be coarse.
std::string age_text(std::string_view rfc3339, std::chrono::sys_seconds now) {
    using namespace std::chrono;
    const auto then = parse_rfc3339(rfc3339);
    if (!then)
        return {};
    const auto age = std::max(now - sys_seconds(seconds(then->tv_sec)), seconds(0));
    const auto two = [](auto large, std::string_view unit, auto small, std::string_view below) {
        return small == 0 ? lpm::format("{}{}", large, unit)
                          : lpm::format("{}{}{}{}", large, unit, small, below);
    };
    const auto s = age.count();
    const auto m = s / 60;
    const auto h = m / 60;
    const auto d = h / 24;
    const auto y = d / 365;
    if (s < 120)
        return lpm::format("{}s", s);
    if (m < 10)
        return two(m, "m", s % 60, "s");
    if (h < 3)
        return lpm::format("{}m", m);
    if (h < 8)
        return two(h, "h", m % 60, "m");
    if (h < 48)
        return lpm::format("{}h", h);
    if (d < 8)
        return two(d, "d", h % 24, "h");
    if (y < 2)
        return lpm::format("{}d", d);
    return y < 8 ? two(y, "y", d % 365, "d") : lpm::format("{}y", y);
}

std::optional<std::chrono::seconds> read_duration(std::string_view text) {
    constexpr std::int64_t most = 86'400; // a day
    std::int64_t unit = 1;
    if (text.ends_with('s') || text.ends_with('m') || text.ends_with('h')) {
        unit = text.back() == 'h' ? 3600 : text.back() == 'm' ? 60 : 1;
        text.remove_suffix(1);
    }
    const auto number = to_number<std::int64_t>(text);
    if (!number || *number < 1 || *number > most / unit)
        return std::nullopt;
    return std::chrono::seconds(*number * unit);
}

Result<std::string> default_container(const json::Value& pod) {
    const json::Value* annotations = json::find_path(pod, "metadata.annotations");
    if (annotations != nullptr)
        if (const json::Value* named = json::find(*annotations, "kubectl.kubernetes.io/default-container");
            named != nullptr && named->is_string() && !named->get_ref<const std::string&>().empty())
            return named->get<std::string>();
    std::string names;
    std::size_t count = 0;
    const json::Value* containers = json::find_path(pod, "spec.containers");
    if (containers != nullptr && containers->is_array())
        for (const auto& one : *containers) {
            names += (names.empty() ? "" : ", ") + text_at(one, "name");
            ++count;
        }
    if (count != 1)
        return fail(Errc::invalid, "pod " + name_of(pod) + " has the containers " + one_line(names) +
                                       ": name the one that is meant with -c");
    return names;
}

} // namespace lpm::cli::kubectl
