// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "crio/crio.hpp"

#include <algorithm>
#include <fcntl.h>
#include <functional>
#include <sys/stat.h>
#include <utility>

#include "base/dir.hpp"
#include "base/file.hpp"

namespace lpm::crio {

static constexpr std::size_t max_files = 1000;

struct Key {
    std::string_view name;
    bool (*is_set)(const config::CrioHandler& handler);
};
// Without these a handler runs otherwise, or another implementation's folder is its state.
static constexpr Key kept_keys[] = {
    {"runtime_root", [](const config::CrioHandler& handler) { return !handler.runtime_root.empty(); }},
    {"monitor_env", [](const config::CrioHandler& handler) { return !handler.monitor_env.empty(); }},
    {"allowed_annotations",
     [](const config::CrioHandler& handler) { return !handler.allowed_annotations.empty(); }},
};

// `before` becomes `after` by that file.
static void note_lost(Configuration& to, const config::CrioHandler& before, const config::CrioHandler& after,
                      const std::string& file) {
    LostKeys lost{after.name, file, {}};
    for (auto& earlier : to.lost)
        if (earlier.handler == after.name)
            std::erase_if(earlier.keys, [&](const std::string& key) {
                return std::ranges::find(kept_keys, key, &Key::name)->is_set(after);
            });
    std::erase_if(to.lost, [](const LostKeys& earlier) { return earlier.keys.empty(); });
    for (const auto& key : kept_keys)
        if (key.is_set(before) && !key.is_set(after))
            lost.keys.emplace_back(key.name);
    if (!lost.keys.empty())
        to.lost.push_back(std::move(lost));
}

static void merge(Configuration& to, config::CrioFile&& file, const std::string& path) {
    if (file.default_runtime)
        to.default_runtime = *std::move(file.default_runtime);
    if (file.listen)
        to.listen = *std::move(file.listen);
    to.criu_support = file.enable_criu_support.value_or(to.criu_support);
    for (auto& handler : file.handlers) {
        const auto known = std::ranges::find(to.handlers, handler.name, &config::CrioHandler::name);
        if (known == to.handlers.end()) {
            to.handlers.push_back(std::move(handler));
        } else {
            note_lost(to, *known, handler, path);
            *known = std::move(handler);
        }
    }
}

static void read_file_of(Configuration& to, const std::string& path) {
    auto text = read_file(AT_FDCWD, path, config::max_crio_file);
    if (!text && text.error().code == Errc::absent)
        return;
    auto file = text ? config::parse_crio_file(*text, path) : std::unexpected(text.error());
    if (!file) {
        to.problems.push_back(file.error().text);
        return;
    }
    to.files.push_back(path);
    merge(to, *std::move(file), path);
}

// Files below the folder, unordered. Links to folders are not followed: CRI-O takes them for files, and
// fails.
static void add_files(const std::string& folder, unsigned depth, std::vector<std::string>& paths) {
    constexpr unsigned deepest = 16;
    each_entry(folder, [&](int dir, const dirent& entry) {
        const std::string_view name = entry.d_name;
        if (name == "." || name == "..")
            return true;
        std::string path = folder;
        path.append("/").append(name);
        struct stat info{};
        const bool is_folder =
            ::fstatat(dir, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
        if (!is_folder)
            paths.push_back(std::move(path));
        else if (depth < deepest)
            add_files(path, depth + 1, paths);
        return paths.size() < max_files;
    });
}

bool comes_before(std::string_view path, std::string_view other) {
    const auto order = [](char c) { return c == '/' ? '\0' : c; };
    return std::ranges::lexicographical_compare(path, other, std::less<unsigned char>(), order, order);
}

const config::CrioHandler* Configuration::handler(std::string_view name) const {
    const auto found = std::ranges::find(handlers, name, &config::CrioHandler::name);
    return found == handlers.end() ? nullptr : &*found;
}

Configuration read_configuration(const Files& from, std::string_view without) {
    Configuration configuration;
    read_file_of(configuration, from.main);
    std::vector<std::string> paths;
    add_files(from.folder, 0, paths);
    std::ranges::sort(paths, comes_before);
    for (const auto& path : paths)
        if (without.empty() || path != from.folder + "/" + std::string(without))
            read_file_of(configuration, path);
    return configuration;
}

Configuration read_configuration(const std::string& dir, std::string_view without) {
    return read_configuration(files_in(dir), without);
}

std::vector<std::string> state_roots(const Configuration& configuration) {
    std::vector<std::string> roots;
    const auto add = [&](const std::string& root) {
        if (root.starts_with('/') && !std::ranges::contains(roots, root))
            roots.push_back(root);
    };
    for (const auto& handler : configuration.handlers)
        add(handler.runtime_root);
    add("/run/runc");
    add("/run/crun"); // CRI-O's default since 1.31, whatever the runtime
    return roots;
}

} // namespace lpm::crio
