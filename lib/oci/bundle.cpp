// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/bundle.hpp"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <sys/mount.h>

#include "base/file.hpp"
#include "base/fnv.hpp"
#include "base/text.hpp"
#include "oci/read_privileges.hpp"
#include "json/json.hpp"

namespace lpm::oci {

static constexpr std::size_t max_bytes = std::size_t{8} << 20;

// Annotation of an engine -> name in the record. The first of each name that is present wins.
struct NamedAnnotation {
    std::string_view annotation;
    std::string_view name;
};
static constexpr NamedAnnotation named[] = {
    {"io.kubernetes.pod.namespace", "namespace"},
    {"io.kubernetes.cri.sandbox-namespace", "namespace"},
    {"io.kubernetes.pod.name", "pod"},
    {"io.kubernetes.cri.sandbox-name", "pod"},
    {"io.kubernetes.pod.uid", "pod_uid"},
    {"io.kubernetes.cri.sandbox-uid", "pod_uid"},
    {"io.kubernetes.container.name", "name"},
    {"io.kubernetes.cri.container-name", "name"},
    {"io.kubernetes.cri-o.ImageName", "image"},
    {"io.kubernetes.cri-o.ImageRef", "image_ref"},
    {"io.kubernetes.cri.image-name", "image"},
    {"io.kubernetes.cri-o.SandboxID", "sandbox"},
    {"io.kubernetes.cri.sandbox-id", "sandbox"},
};

struct OurAnnotation {
    std::string_view annotation;
    std::string Bundle::* member;
};
static constexpr OurAnnotation ours[] = {
    {"lpm.my.domain/skip-checks", &Bundle::skip_checks},
    {"lpm.my.domain/options", &Bundle::options},
    {"lpm.my.domain/checkpoint", &Bundle::checkpoint},
};

static bool has_name(const Bundle& bundle, std::string_view name) {
    return std::ranges::any_of(bundle.names, [&](const auto& one) { return one.first == name; });
}

static void add_name(Bundle& bundle, std::string_view name, std::string_view value) {
    if (!value.empty() && !has_name(bundle, name))
        bundle.names.emplace_back(std::string(name), std::string(value));
}

// Where nobody sets the kubelet's labels, as crictl does not, CRI-O's own annotations tell: the metadata of
// the container, and the sandbox's name, k8s_POD_NAMESPACE_UID_ATTEMPT, of which no part has an underscore.
static void read_crio_names(const json::Value& annotations, Bundle& bundle) {
    const std::string metadata_text = json::member_text(annotations, "io.kubernetes.cri-o.Metadata");
    if (const auto metadata = json::parse(metadata_text, {.bytes = 65536}))
        add_name(bundle, "name", json::text_or_empty(*metadata, "name"));
    const std::string sandbox = json::member_text(annotations, "io.kubernetes.cri-o.SandboxName");
    std::string_view rest = sandbox;
    if (next_part(rest, '_') != "k8s" || std::ranges::count(sandbox, '_') != 4)
        return;
    for (const char* name : {"pod", "namespace", "pod_uid"})
        add_name(bundle, name, next_part(rest, '_'));
}

static void read_names(const json::Value& annotations, Bundle& bundle) {
    for (const auto& [annotation, name] : named) {
        const auto* value = json::find(annotations, annotation);
        if (value == nullptr || !value->is_string())
            continue;
        add_name(bundle, name, value->get_ref<const std::string&>());
    }
    read_crio_names(annotations, bundle);
    if (const auto* manager = json::find(annotations, "io.container.manager"); manager != nullptr) {
        bundle.crio = *manager == "cri-o";
        bundle.node_paths = bundle.crio || *manager == "libpod";
    }
    if (const auto* criu = json::find(annotations, "org.criu.config"); criu != nullptr && criu->is_string())
        bundle.criu_config = criu->get<std::string>();
    if (const auto* asked = json::find(annotations, checkpointable); asked != nullptr && asked->is_string())
        bundle.checkpointable = asked->get<std::string>();
    for (const auto& [annotation, member] : ours)
        if (const auto* text = json::find(annotations, annotation); text != nullptr && text->is_string())
            bundle.*member = text->get<std::string>();
}

static void read_namespace(const json::Value& entry, Bundle& bundle) {
    const auto type = json::text_or_empty(entry, "type");
    const bool own = json::text_or_empty(entry, "path").empty();
    bundle.network_namespace = bundle.network_namespace || type == "network";
    bundle.user_namespace = bundle.user_namespace || type == "user";
    bundle.ipc_namespace = bundle.ipc_namespace || type == "ipc";
    bundle.own_ipc = bundle.own_ipc || (type == "ipc" && own);
    bundle.own_pid = bundle.own_pid || (type == "pid" && own);
    if (!own)
        bundle.joined.push_back({type, json::text_or_empty(entry, "path")});
}

static constexpr std::string_view usual_binds[] = {
    "/etc/hosts",           "/etc/hostname",      "/etc/resolv.conf", "/dev/shm",
    "/dev/termination-log", "/run/.containerenv", "/run/secrets",     "/var/run/secrets"};

bool is_usual_bind(std::string_view place) {
    return std::ranges::any_of(usual_binds, [&](std::string_view known) { return is_below(place, known); });
}

static bool is_word_of(const json::Value* list, std::string_view word) {
    if (list == nullptr || !list->is_array())
        return false;
    return std::ranges::any_of(*list, [&](const json::Value& entry) { return entry == word; });
}

// The last word of two counts (runc's libcontainer/specconv); "rro" and its like stand in the place of "ro".
static unsigned long read_flags(const json::Value* options) {
    struct Word {
        std::string_view text;
        bool set;
        unsigned long flag;
    };
    static constexpr Word words[] = {
        {"ro", true, MS_RDONLY},     {"rw", false, MS_RDONLY},   {"nosuid", true, MS_NOSUID},
        {"suid", false, MS_NOSUID},  {"nodev", true, MS_NODEV},  {"dev", false, MS_NODEV},
        {"noexec", true, MS_NOEXEC}, {"exec", false, MS_NOEXEC},
    };
    unsigned long flags = 0;
    if (options == nullptr || !options->is_array())
        return flags;
    for (const json::Value& option : *options)
        for (const Word& word : words)
            if (option == word.text || option == "r" + std::string(word.text)) // of all below it, too
                flags = word.set ? flags | word.flag : flags & ~word.flag;
    return flags;
}

// runc cleans it before it joins it to the root file system (libcontainer/specconv, securejoin).
static std::string clean_path(const std::string& text) {
    if (text.empty())
        return text;
    std::string path = std::filesystem::path("/" + text).lexically_normal();
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    return path;
}

static void read_mount(const json::Value& entry, Bundle& bundle) {
    const auto* options = json::find(entry, "options");
    const auto type = json::text_or_empty(entry, "type");
    auto place = clean_path(json::text_or_empty(entry, "destination"));
    const bool bind = type == "bind" || is_word_of(options, "bind") || is_word_of(options, "rbind");
    bundle.has_tmpfs = bundle.has_tmpfs || type == "tmpfs";
    const unsigned long flags = read_flags(options);
    bundle.mounts.push_back(
        {place, bind ? json::text_or_empty(entry, "source") : std::string(), bind, type, flags});
    if (!bind)
        return;
    bundle.shared_shm = bundle.shared_shm || place == "/dev/shm";
    if (!is_usual_bind(place) && (flags & MS_RDONLY) == 0)
        bundle.volumes.push_back(place);
    bundle.binds.push_back(std::move(place));
}

// Names by which pods are told where they are (the downward API has no fixed ones; these are the usual).
static constexpr std::string_view pod_identity_variables[] = {"POD_IP",  "POD_IPS",   "HOST_IP", "HOST_IPS",
                                                              "NODE_IP", "NODE_NAME", "POD_UID", "POD_NAME"};

// The pod's name, and what the kubelet says of services.
static bool differs_by_pod(std::string_view name) {
    return name == "HOSTNAME" || name.contains("_SERVICE_") || name.contains("_PORT") ||
           std::ranges::contains(pod_identity_variables, name);
}

static void add_setting(Bundle& bundle, std::string name, std::string_view value) {
    bundle.settings.insert_or_assign(std::move(name), fnv1a(value.data(), value.size()));
}

static void read_settings(const json::Value& spec, Bundle& bundle) {
    for (const char* name :
         {"args", "cwd", "user.umask", "oomScoreAdj", "rlimits", "ioPriority", "scheduler"})
        if (const auto* value = json::find_path(spec, std::string("process.") + name))
            add_setting(bundle, name, json::write(*value));
}

static void read_variable(const json::Value& entry, Bundle& bundle) {
    if (!entry.is_string())
        return;
    const std::string_view text = entry.get_ref<const std::string&>();
    const auto variable = text.substr(0, text.find('='));
    if (!differs_by_pod(variable))
        add_setting(bundle, "env " + std::string(variable), text);
    for (const auto name : pod_identity_variables)
        if (text.starts_with(name) && text.substr(name.size()).starts_with('='))
            bundle.pod_identity.emplace_back(name);
}

static constexpr std::string_view hook_points[] = {"prestart",       "createRuntime", "createContainer",
                                                   "startContainer", "poststart",     "poststop"};

static void read_hooks(const json::Value& spec, Bundle& bundle) {
    for (const auto point : hook_points)
        for (const auto& entry : json::list_at(spec, "hooks." + std::string(point)))
            bundle.hooks.push_back({std::string(point), json::text_or_empty(entry, "path")});
}

std::string joined_path(const Bundle& bundle, std::string_view type) {
    std::string path;
    for (const auto& joined : bundle.joined)
        if (joined.type == type)
            path = joined.path;
    return path;
}

Result<Bundle> parse_bundle(std::string_view config_json) {
    TRY_ASSIGN(const json::Value spec, json::parse(config_json, {.bytes = max_bytes}));
    if (!spec.is_object())
        return fail(Errc::invalid, "config.json: not an object");
    Bundle bundle;
    bundle.terminal = json::is_true(spec, "process.terminal");
    bundle.root = json::text_or_empty(spec, "root.path");
    bundle.cgroups_path = json::text_or_empty(spec, "linux.cgroupsPath");
    if (const auto limit = json::natural(spec, "linux.resources.memory.limit"))
        bundle.memory_limit = *limit;
    bundle.swap_limit = json::natural(spec, "linux.resources.memory.swap");
    if (const auto limit = json::natural(spec, "linux.resources.pids.limit"))
        bundle.pids_limit = *limit;
    for (const auto& entry : json::list_at(spec, "process.env"))
        read_variable(entry, bundle);
    for (const auto& entry : json::list_at(spec, "linux.namespaces"))
        read_namespace(entry, bundle);
    for (const auto& entry : json::list_at(spec, "mounts"))
        read_mount(entry, bundle);
    for (const auto& entry : json::list_at(spec, "linux.maskedPaths"))
        if (entry.is_string())
            bundle.masked.push_back(entry.get<std::string>());
    for (const auto& entry : json::list_at(spec, "linux.devices"))
        bundle.devices.push_back(json::text_or_empty(entry, "path"));
    bundle.granted = read_privileges(spec);
    read_settings(spec, bundle);
    read_hooks(spec, bundle);
    if (const auto* annotations = json::find(spec, "annotations"); annotations != nullptr)
        read_names(*annotations, bundle);
    return bundle;
}

Result<Bundle> read_spec(const std::string& file) {
    TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, file, max_bytes));
    auto bundle = parse_bundle(text);
    if (!bundle)
        return std::unexpected(std::move(bundle).error().in(file));
    return bundle;
}

Result<Bundle> read_bundle(const std::string& path) {
    return read_spec(path + "/config.json");
}

} // namespace lpm::oci
