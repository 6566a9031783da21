// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/section.hpp"

#include "base/text.hpp"
#include "kube/base64.hpp"

namespace lpm::kube {

using Kind = yaml::Item::Kind;

static constexpr std::size_t longest_name = 100; // in messages

static std::string in_quotes(std::string_view name) {
    return '"' + one_line(name, longest_name) + '"';
}

static std::string title_of(const KubeconfigFile& file, std::string_view what) {
    return (file.path.empty() ? "" : file.path + ": ") + std::string(what);
}

static std::string text_or_empty(const yaml::Item& map, std::string_view key) {
    const yaml::Item* item = yaml::find(map, key);
    return item != nullptr && item->kind == Kind::text ? item->text : std::string();
}

Section::Section(const KubeconfigFile& file, const yaml::Item& map, const std::string& title)
    : file_(&file), map_(&map), title_(title) {}

std::unexpected<Error> Section::wrong(std::string_view key, std::string_view why) const {
    const yaml::Item* item = yaml::find(*map_, key);
    const int line = item != nullptr ? item->line : map_->line;
    return fail(Errc::invalid, title_of(*file_, title_ + " (line " + std::to_string(line) +
                                                    "): " + std::string(key) + " " + std::string(why)));
}

Result<std::string> Section::text_of(const yaml::Item& item, std::string_view key) const {
    if (item.kind != Kind::text)
        return wrong(key, "is no text where one belongs: write it in one line, in quotes");
    if (item.text.contains('\0'))
        return wrong(key, "has a NUL byte in it: remove that");
    return item.text;
}

Result<std::string> Section::text(std::string_view key) const {
    const yaml::Item* item = yaml::find(*map_, key);
    return item == nullptr ? std::string() : text_of(*item, key);
}

Result<std::string> Section::path(std::string_view key) const {
    TRY_ASSIGN(std::string path, text(key));
    if (path.empty() || path.starts_with('/') || file_->folder.empty())
        return path;
    return file_->folder + "/" + path;
}

Result<std::string> Section::pem(std::string_view key) const {
    TRY_ASSIGN(const std::string encoded, text(key));
    if (encoded.empty())
        return std::string();
    auto decoded = from_base64(encoded);
    if (!decoded)
        return wrong(key, "is not base64: write what `base64 -w0 FILE` prints of the PEM file");
    if (!is_pem(*decoded))
        return wrong(
            key, "has no PEM in its base64: write what `base64 -w0 FILE` prints of a file that has a line "
                 "-----BEGIN");
    return std::move(*decoded);
}

Result<std::span<const yaml::Item>> Section::list(std::string_view key) const {
    const yaml::Item* item = yaml::find(*map_, key);
    if (item == nullptr)
        return std::span<const yaml::Item>{};
    if (item->kind != Kind::list)
        return wrong(key, "is no list: begin each of its items with -");
    return std::span<const yaml::Item>(item->items);
}

Result<std::vector<std::string>> Section::texts(std::string_view key) const {
    TRY_ASSIGN(const auto items, list(key));
    std::vector<std::string> texts;
    for (const auto& item : items) {
        TRY_ASSIGN(std::string text, text_of(item, key));
        texts.push_back(std::move(text));
    }
    return texts;
}

Result<Section> Section::section(std::string_view key) const {
    const yaml::Item* item = yaml::find(*map_, key);
    static const yaml::Item empty{.kind = Kind::map, .line = 0, .text = {}, .keys = {}, .items = {}};
    if (item != nullptr && item->kind != Kind::map)
        return wrong(key, "is no map: write its members as NAME: VALUE");
    return Section(*file_, item == nullptr ? empty : *item, title_ + ": " + std::string(key));
}

Result<std::vector<Section>> Section::sections(std::string_view key) const {
    TRY_ASSIGN(const auto items, list(key));
    std::vector<Section> sections;
    for (const auto& item : items) {
        if (item.kind != Kind::map)
            return wrong(key, "has an item that is no map: write its members as NAME: VALUE");
        sections.emplace_back(*file_, item, title_ + ": " + std::string(key));
    }
    return sections;
}

static Result<> check_head(const KubeconfigFile& file, const yaml::Item& root) {
    if (root.kind == Kind::nothing)
        return {};
    if (root.kind != Kind::map)
        return fail(Errc::invalid,
                    title_of(file, "is no kubeconfig: it is no map with clusters, users and contexts"));
    const Section top(file, root, "kubeconfig");
    if (top.has("kind") && text_or_empty(root, "kind") != "Config")
        return top.wrong("kind", "is not Config: name a kubeconfig, this is another file");
    if (top.has("apiVersion") && text_or_empty(root, "apiVersion") != "v1")
        return top.wrong("apiVersion", "is not v1: name a kubeconfig of that version");
    return {};
}

Result<Documents> Documents::parse(std::span<const KubeconfigFile> files) {
    Documents parsed;
    for (const auto& file : files) {
        auto root = yaml::parse(file.text);
        if (!root)
            return std::unexpected(std::move(root).error().in(title_of(file, "is no kubeconfig")));
        TRY(check_head(file, *root));
        parsed.documents_.emplace_back(&file, std::move(*root));
    }
    return parsed;
}

std::unexpected<Error> Documents::missing(std::string_view what) const {
    std::string paths;
    for (const auto& [file, root] : documents_)
        if (!file->path.empty())
            paths += (paths.empty() ? "" : ":") + file->path;
    return fail(Errc::invalid, (paths.empty() ? "" : paths + ": ") + std::string(what));
}

std::string Documents::names_of(std::string_view kind) const {
    constexpr std::size_t enough = 10;
    std::string names;
    std::size_t count = 0;
    for (const auto& [file, root] : documents_)
        if (const yaml::Item* list = yaml::find(root, std::string(kind) + "s"))
            for (const auto& item : list->items)
                if (const auto name = text_or_empty(item, "name"); !name.empty() && ++count <= enough)
                    names += (count > 1 ? ", " : "") + in_quotes(name);
    return names.empty() ? "none" : names + (count > enough ? ", ..." : "");
}

Result<std::string> Documents::current_context() const {
    for (const auto& [file, root] : documents_) {
        TRY_ASSIGN(std::string name, Section(*file, root, "kubeconfig").text("current-context"));
        if (!name.empty())
            return name;
    }
    return missing(
        "there is no current-context: name a context, or set one with kubectl config use-context NAME; "
        "there is " +
        names_of("context"));
}

Result<Section> Documents::find(std::string_view kind, std::string_view name) const {
    const std::string list = std::string(kind) + "s";
    for (const auto& [file, root] : documents_) {
        TRY_ASSIGN(const auto entries, Section(*file, root, "kubeconfig").sections(list));
        for (const auto& entry : entries) {
            TRY_ASSIGN(const std::string found, entry.text("name"));
            if (found != name)
                continue;
            TRY_ASSIGN(Section section, entry.section(kind));
            return section.titled(std::string(kind) + " " + in_quotes(name));
        }
    }
    return missing(std::string(kind) + " " + in_quotes(name) + " is not there: add it under " + list +
                   " or name another; there is " + names_of(kind));
}

} // namespace lpm::kube
