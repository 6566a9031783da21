// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "request.hpp"

#include <array>
#include <unistd.h>

#include "base/file.hpp"
#include "base/paths.hpp"
#include "delegate.hpp"
#include "linux/boot.hpp"

namespace lpm::gate {

using oci::Option;

const char* Arguments::variable(std::string_view name) const {
    for (char** entry = environment; *entry != nullptr; ++entry)
        if (std::string_view(*entry).starts_with(name) && (*entry)[name.size()] == '=')
            return *entry + name.size() + 1;
    return nullptr;
}

static std::string current_dir() {
    std::array<char, 4096> dir{};
    return ::getcwd(dir.data(), dir.size()) == nullptr ? std::string() : std::string(dir.data());
}

static std::string absolute(const char* path, const std::string& base) {
    return *path == '/' ? std::string(path) : base + "/" + path;
}

static bool given(const char* text) {
    return text != nullptr && *text != '\0';
}

// --root, or the default of the runtime for root and for others (runc main.go, crun's libcrun/status.c).
static std::string root_of_states(const Arguments& arguments, oci::RuntimeKind kind) {
    if (const char* root = arguments.invocation.text(Option::root); given(root))
        return root;
    const std::string name = kind == oci::RuntimeKind::crun ? "/crun" : "/runc";
    const char* runtime_dir = arguments.variable("XDG_RUNTIME_DIR");
    return (::geteuid() != 0 && runtime_dir != nullptr ? std::string(runtime_dir) : "/run") + name;
}

Request::Request(const Arguments& arguments, inspect::Stage stage)
    : settings(config::read(paths::settings_file)), boot_id(lpm::boot_id()),
      runtime_path(gate::runtime_path()) {
    const oci::Invocation& invocation = arguments.invocation;
    tooling = criu::read_tooling(paths::probe_file, boot_id);
    subject.runtime_key = file_key(runtime_path);
    const auto* runtime = tooling.runtime(subject.runtime_key);
    subject.kind = runtime != nullptr ? runtime->kind : oci::kind_by_path(runtime_path);
    subject.stage = stage;
    subject.id = invocation.id;
    subject.kubelet_dir = settings.kubelet_dir;
    subject.root = root_of_states(arguments, subject.kind);

    const std::string here = current_dir();
    const char* bundle = invocation.text(Option::bundle);
    if (stage == inspect::Stage::restore)
        subject.bundle_dir = bundle == nullptr ? here : absolute(bundle, here);
    // runc opens relative paths of a restore after it has changed to the bundle; a checkpoint stays where it
    // is.
    const std::string& base = stage == inspect::Stage::restore ? subject.bundle_dir : here;
    // Without --image-path runc takes the directory that it was started in, also for a restore.
    const char* images = invocation.text(Option::image_path);
    subject.image_path = given(images) ? absolute(images, base) : here + "/checkpoint";
    const char* work = invocation.text(Option::work_path);
    work_path = given(work) ? absolute(work, base) : subject.image_path;
    if (const char* parent = invocation.text(Option::parent_path))
        parent_path = parent;
}

} // namespace lpm::gate
