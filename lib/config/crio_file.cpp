// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/crio_file.hpp"

#include "base/text.hpp"
#include "config/toml.hpp"
#include "config/toml_text.hpp"

namespace lpm::config {

namespace {

// Reads keys of one file until the first that is not of its type.
class Reader {
  public:
    explicit Reader(const std::string& file) : file_(file) {}

    template <class T, class To> void read(const toml::table* table, std::string_view key, To& to) {
        const toml::node* node = table == nullptr ? nullptr : table->get(key);
        if (node == nullptr)
            return;
        if (const auto* value = node->as<T>())
            to = value->get();
        else
            wrong(*node, key);
    }
    void read_texts(const toml::table* table, std::string_view key, std::vector<std::string>& to) {
        const toml::node* node = table == nullptr ? nullptr : table->get(key);
        const toml::array* list = node == nullptr ? nullptr : node->as_array();
        if (node != nullptr && list == nullptr)
            return wrong(*node, key);
        for (std::size_t i = 0; list != nullptr && i < list->size(); ++i)
            if (const auto* text = list->get(i)->as_string())
                to.push_back(text->get());
            else
                return wrong(*list->get(i), key);
    }
    // Nothing when there is no such table.
    const toml::table* table(const toml::table* parent, std::string_view key) {
        const toml::node* node = parent == nullptr ? nullptr : parent->get(key);
        if (node != nullptr && !node->is_table())
            wrong(*node, key);
        return node == nullptr ? nullptr : node->as_table();
    }
    void wrong(const toml::node& node, std::string_view key) {
        if (problem_.empty())
            problem_ =
                place(file_, node.source(), one_line(key, 100) + ": not of the type that CRI-O reads there");
    }
    [[nodiscard]] const std::string& problem() const { return problem_; }

  private:
    const std::string& file_;
    std::string problem_;
};

} // namespace

// `ascii`: a question mark in `table` was one in its file.
static void read_keys(const toml::table& table, bool ascii, CrioHandler& to) {
    for (const auto& [name, node] : table) {
        auto value = toml_text(node, ascii);
        if (value && is_repeatable(name.str(), ascii))
            to.keys.push_back({std::string(name.str()), *std::move(value)});
        else
            to.odd_key = name.str();
    }
    if (!is_repeatable(to.name, ascii))
        to.odd_key = to.name;
}

static CrioHandler read_handler(Reader& reader, std::string_view name, const toml::table& table) {
    CrioHandler handler;
    handler.name = name;
    reader.read<std::string>(&table, "runtime_path", handler.runtime_path);
    reader.read<std::string>(&table, "runtime_root", handler.runtime_root);
    reader.read<std::string>(&table, "runtime_type", handler.runtime_type);
    reader.read<bool>(&table, "inherit_default_runtime", handler.inherit_default_runtime);
    reader.read_texts(&table, "monitor_env", handler.monitor_env);
    reader.read_texts(&table, "allowed_annotations", handler.allowed_annotations);
    return handler;
}

Result<CrioFile> parse_crio_file(std::string_view text, const std::string& file) {
    const auto parsed = parse_toml(text, file);
    if (!parsed)
        return fail(Errc::invalid, place(file, parsed.error().source(), parsed.error().description()));
    Reader reader(file);
    CrioFile read;
    const bool ascii = is_ascii(text);
    const toml::table* crio = reader.table(&parsed.table(), "crio");
    const toml::table* runtime = reader.table(crio, "runtime");
    reader.read<std::string>(reader.table(crio, "api"), "listen", read.listen);
    reader.read<std::string>(runtime, "default_runtime", read.default_runtime);
    reader.read<bool>(runtime, "enable_criu_support", read.enable_criu_support);
    if (const toml::table* handlers = reader.table(runtime, "runtimes"))
        for (const auto& [name, node] : *handlers) {
            if (read.handlers.size() == max_crio_handlers)
                return fail(Errc::unavailable,
                            file + " has more than " + std::to_string(max_crio_handlers) + " handlers");
            if (const toml::table* table = node.as_table()) {
                read.handlers.push_back(read_handler(reader, name.str(), *table));
                read.handlers.back().file = file;
                read_keys(*table, ascii, read.handlers.back());
            } else
                reader.wrong(node, name.str());
        }
    if (!reader.problem().empty())
        return fail(Errc::invalid, reader.problem());
    return read;
}

} // namespace lpm::config
