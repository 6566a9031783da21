// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "runtimes.hpp"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "criu/tooling.hpp"
#include "linux/boot.hpp"
#include "oci/argv.hpp"

namespace lpm::cli {

using oci::RuntimeKind;

std::string Implementation::text() const {
    if (path.empty())
        return "none";
    std::string text = kind == RuntimeKind::unknown ? "an unknown runtime" : std::string(oci::name_of(kind));
    if (!version.empty())
        text += " " + one_line(version, 100);
    return text + " (" + one_line(path) + ")";
}

bool Implementation::is_like(const Implementation& other) const {
    return (kind == other.kind && kind != RuntimeKind::unknown) ||
           (!path.empty() && same_file(path.c_str(), other.path.c_str()));
}

// Links followed; `path` itself when it leads nowhere.
static std::string final_path(const std::string& path) {
    const std::unique_ptr<char, decltype([](char* text) { std::free(text); })> real(
        ::realpath(path.c_str(), nullptr));
    return real ? real.get() : path;
}

Implementation implementation_of(const std::string& path) {
    if (path.empty())
        return {};
    const auto tooling = criu::read_tooling(paths::probe_file, boot_id());
    if (const auto* known = tooling.runtime(file_key(path)); known != nullptr)
        return {.path = path, .version = known->version, .kind = known->kind};
    auto kind = oci::kind_by_path(final_path(path));
    if (kind == RuntimeKind::unknown) // a wrapper that is called runc stands for runc
        kind = oci::kind_by_path(path);
    return {.path = path, .version = {}, .kind = kind};
}

Implementation real_runtime() {
    return implementation_of(oci::runtime_path());
}

bool is_lpm(const std::string& path) {
    return same_file(path.c_str(), paths::front_program) ||
           oci::names_library(path, paths::front_mark) == true;
}

bool calls_lpm(const std::string& path) {
    constexpr std::size_t most = 65536;
    const std::string handler = paths::handler_program;
    const auto script = read_head(AT_FDCWD, path, most);
    return script && script->starts_with("#!") &&
           (script->contains(paths::front_program) ||
            script->contains(handler.substr(0, handler.rfind('/') + 1)));
}

std::vector<std::string> live_containers(const std::vector<std::string>& roots) {
    constexpr std::size_t most = 100'000;
    std::vector<std::string> ids;
    for (const auto& root : roots)
        each_entry(root, [&](int dir, const dirent& entry) {
            const std::string id = entry.d_name;
            if (oci::valid_id(id.c_str()))
                for (const char* state : {"/state.json", "/status"}) // runc's, crun's
                    if (::faccessat(dir, (id + state).c_str(), F_OK, 0) == 0) {
                        ids.push_back(id);
                        break;
                    }
            return ids.size() < most;
        });
    std::ranges::sort(ids);
    ids.erase(std::ranges::unique(ids).begin(), ids.end());
    return ids;
}

std::string live_text(const std::vector<std::string>& roots) {
    for (const auto& root : roots)
        if (::access(root.c_str(), R_OK | X_OK) != 0 && errno != ENOENT)
            return "containers may live in " + one_line(root) + ", which cannot be read";
    const auto count = live_containers(roots).size();
    if (count == 0)
        return {};
    std::string places;
    for (const auto& root : roots)
        places += (places.empty() ? "" : ", ") + one_line(root);
    return std::to_string(count) + (count == 1 ? " container lives (" : " containers live (") + places + ")";
}

} // namespace lpm::cli
