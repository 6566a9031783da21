// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/restore_from.hpp"

#include <algorithm>
#include <fcntl.h>
#include <utility>

#include "base/file.hpp"
#include "base/text.hpp"
#include "json/json.hpp"

namespace lpm::oci {

static constexpr std::size_t max_bytes = std::size_t{8} << 20;
static constexpr std::size_t max_name = 253; // of an object of Kubernetes
static constexpr std::string_view fallback = "lpm.my.domain/restore-fallback";
static constexpr std::string_view policy = "lpm.my.domain/restore-policy";

// Of objects of Kubernetes, and of files of archives, which have underscores and colons as well.
static bool is_name(std::string_view text, std::string_view also = "") {
    return !text.empty() && text.size() <= max_name && !text.starts_with('.') &&
           std::ranges::all_of(text, [&](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '.' ||
                      also.contains(c);
           });
}

static bool asks(const json::Value& annotations) {
    if (!annotations.is_object())
        return false;
    // Sorted: those that begin with the prefix stand together.
    const auto& members = annotations.get_ref<const json::Value::object_t&>();
    const auto first = members.lower_bound(std::string(restore_from));
    return first != members.end() && first->first.starts_with(restore_from);
}

static Result<> read_digest(const std::string& key, std::string_view text, RestoreFrom& from) {
    constexpr std::string_view algorithm = "@sha256:";
    constexpr std::size_t digits = 64;
    const auto digest = text.starts_with(algorithm) ? text.substr(algorithm.size()) : "";
    if (digest.size() != digits || digest.find_first_not_of("0123456789abcdef") != std::string_view::npos)
        return fail(Errc::invalid, "the annotation " + key + " ends in \"" + one_line(text, 100) +
                                       "\": a digest is @sha256: and 64 digits, as in status.archiveDigest");
    from.digest = digest;
    return {};
}

static Result<> read_source(const json::Value& annotations, RestoreFrom& from) {
    const std::string key = std::string(restore_from) + from.container;
    const std::string text = json::member_text(annotations, key);
    const auto mark = text.find('@');
    from.source = text.substr(0, mark);
    static constexpr std::string_view of_files = "_:ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (!is_name(from.source, from.names_file() ? of_files : ""))
        return fail(Errc::invalid, "the annotation " + key + " says \"" + one_line(text, 100) +
                                       "\": it takes the name of a ContainerCheckpoint, or of an archive's "
                                       "file, which ends in .tar and is named without its folder");
    return mark == std::string::npos ? Result<>() : read_digest(key, text.substr(mark), from);
}

static Result<bool> read_word(const json::Value& annotations, std::string_view key, std::string_view yes,
                              std::string_view no) {
    const std::string word = json::member_text(annotations, key);
    if (word != yes && word != no && !word.empty())
        return fail(Errc::invalid, "the annotation " + std::string(key) + " says \"" + one_line(word, 100) +
                                       "\": it takes \"" + std::string(yes) + "\" or \"" + std::string(no) +
                                       "\"");
    return word == yes;
}

static Result<> read_owner(const json::Value& annotations, RestoreFrom& from) {
    const auto labels = json::parse(json::member_text(annotations, "io.kubernetes.cri-o.Labels"),
                                    {.bytes = std::size_t{1} << 20});
    const auto label = [&](std::string_view key) {
        return labels ? json::member_text(*labels, key) : std::string();
    };
    from.name_space = label("io.kubernetes.pod.namespace");
    from.pod = label("io.kubernetes.pod.name");
    from.pod_uid = label("io.kubernetes.pod.uid");
    from.container = label("io.kubernetes.container.name");
    for (const auto* name : {&from.name_space, &from.pod, &from.pod_uid, &from.container})
        if (!is_name(*name))
            return fail(Errc::invalid, "the pod asks for a restore, and config.json does not say in CRI-O's "
                                       "own words whose container this is: only containers that a kubelet "
                                       "makes by CRI-O can be restored at their create");
    return {};
}

static void read_confinement(const json::Value& spec, RestoreFrom& from) {
    from.selinux_label = json::text_or_empty(spec, "process.selinuxLabel");
    from.selinux_mount_label = json::text_or_empty(spec, "linux.mountLabel");
    from.apparmor_profile = json::text_or_empty(spec, "process.apparmorProfile");
    from.root = json::text_or_empty(spec, "root.path");
    from.hostname = json::text_or_empty(spec, "hostname");
    from.cgroups_path = json::text_or_empty(spec, "linux.cgroupsPath");
    from.user_namespace =
        std::ranges::any_of(json::list_at(spec, "linux.namespaces"), [](const json::Value& entry) {
            return json::text_or_empty(entry, "type") == "user";
        });
}

static Result<> read_request(const json::Value& annotations, RestoreFrom& from) {
    TRY(read_source(annotations, from));
    TRY_ASSIGN(from.may_start, read_word(annotations, fallback, "start", "never"));
    TRY_ASSIGN(from.every_time, read_word(annotations, policy, "always", "once"));
    return {};
}

Result<std::optional<RestoreFrom>> parse_restore_from(std::string_view config_json) {
    TRY_ASSIGN(const json::Value spec, json::parse(config_json, {.bytes = max_bytes}));
    const auto* annotations = json::find(spec, "annotations");
    if (annotations == nullptr || !asks(*annotations) ||
        json::member_text(*annotations, "io.kubernetes.cri-o.ContainerType") == "sandbox")
        return std::nullopt;
    RestoreFrom from;
    read_confinement(spec, from);
    auto read = read_owner(*annotations, from);
    if (read && json::find(*annotations, std::string(restore_from) + from.container) == nullptr)
        return std::nullopt; // another container of the pod does
    if (read)
        read = read_request(*annotations, from);
    if (!read)
        from.fault = std::move(read).error().text;
    return from;
}

Result<std::optional<RestoreFrom>> read_restore_from(const std::string& bundle) {
    TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, bundle + "/config.json", max_bytes));
    return parse_restore_from(text);
}

} // namespace lpm::oci
