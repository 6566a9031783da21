// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/argv.hpp"

#include "base/fnv.hpp"

namespace lpm::oci {
namespace {

// `answer`: runc prints something and exits (help, version). A boolean in Go, so `--help=false` is no help.
enum class Kind : std::uint8_t { boolean, text, integer, answer };

// Where a flag is known.
constexpr std::uint8_t global = 1;
constexpr std::uint8_t on_checkpoint = 2;
constexpr std::uint8_t on_restore = 4;
constexpr std::uint8_t on_delete = 8;
constexpr std::uint8_t on_create = 16;
constexpr std::uint8_t on_kill = 32;
constexpr std::uint8_t on_state = 64;
constexpr std::uint8_t both = on_checkpoint | on_restore;
constexpr std::uint8_t makes = on_restore | on_create;
constexpr std::uint8_t everywhere = 0xff;

struct Flag {
    char name[20]; // an array, not a pointer: pointers in static data need relocations
    Kind kind;
    std::uint8_t where;
    Option option;
};

// The union of every runc from 1.1 to its unreleased main branch, and of crun. A flag that the installed runc
// lacks makes it fail by itself; a flag missing here would make lpm miss a checkpoint.
constexpr Flag flags[] = {
    {"help", Kind::answer, everywhere, Option::count},
    {"h", Kind::answer, everywhere, Option::count},
    {"version", Kind::answer, global, Option::count},
    {"v", Kind::answer, global, Option::count},
    {"debug", Kind::boolean, global, Option::debug},
    {"log", Kind::text, global, Option::log},
    {"log-format", Kind::text, global, Option::log_format},
    {"root", Kind::text, global, Option::root},
    {"systemd-cgroup", Kind::boolean, global, Option::systemd_cgroup},
    {"rootless", Kind::text, global, Option::rootless},
    {"criu", Kind::text, global, Option::criu},
    {"image-path", Kind::text, both, Option::image_path},
    {"work-path", Kind::text, both, Option::work_path},
    {"parent-path", Kind::text, on_checkpoint, Option::parent_path},
    {"leave-running", Kind::boolean, on_checkpoint, Option::leave_running},
    {"tcp-established", Kind::boolean, both, Option::tcp_established},
    {"tcp-skip-in-flight", Kind::boolean, on_checkpoint, Option::tcp_skip_in_flight},
    {"link-remap", Kind::boolean, on_checkpoint, Option::link_remap},
    {"ext-unix-sk", Kind::boolean, both, Option::ext_unix_sk},
    {"shell-job", Kind::boolean, both, Option::shell_job},
    {"file-locks", Kind::boolean, both, Option::file_locks},
    {"pre-dump", Kind::boolean, on_checkpoint, Option::pre_dump},
    {"auto-dedup", Kind::boolean, both, Option::auto_dedup},
    {"lazy-pages", Kind::boolean, both, Option::lazy_pages},
    {"status-fd", Kind::integer, on_checkpoint, Option::status_fd},
    {"page-server", Kind::text, on_checkpoint, Option::page_server},
    {"manage-cgroups-mode", Kind::text, both, Option::manage_cgroups_mode},
    {"empty-ns", Kind::text, both, Option::empty_ns},
    {"console-socket", Kind::text, makes, Option::console_socket},
    {"bundle", Kind::text, makes, Option::bundle},
    {"b", Kind::text, makes, Option::bundle},
    {"detach", Kind::boolean, on_restore, Option::detach},
    {"d", Kind::boolean, on_restore, Option::detach},
    {"pid-file", Kind::text, makes, Option::pid_file},
    {"no-subreaper", Kind::boolean, on_restore, Option::no_subreaper},
    {"no-pivot", Kind::boolean, makes, Option::no_pivot},
    {"lsm-profile", Kind::text, on_restore, Option::lsm_profile},
    {"lsm-mount-context", Kind::text, on_restore, Option::lsm_mount_context},
    {"pidfd-socket", Kind::text, on_create, Option::pidfd_socket},
    {"no-new-keyring", Kind::boolean, on_create, Option::no_new_keyring},
    {"preserve-fds", Kind::integer, on_create, Option::preserve_fds},
    {"force", Kind::boolean, on_delete, Option::force},
    {"f", Kind::boolean, on_delete, Option::force},
    {"all", Kind::boolean, on_kill | on_state, Option::all},
    {"a", Kind::boolean, on_kill | on_state, Option::all},
    {"regex", Kind::boolean, on_kill | on_delete, Option::regex},
    {"cgroup-manager", Kind::text, global, Option::cgroup_manager},
    {"log-level", Kind::text, global, Option::log_level},
    {"network-lock", Kind::text, both, Option::network_lock},
    {"tcp-close", Kind::boolean, on_restore, Option::tcp_close},
};

// True if [text, text + length) spells the NUL-terminated name.
bool same(const char* text, std::size_t length, const char* name) {
    for (std::size_t i = 0; i < length; ++i)
        if (name[i] == '\0' || text[i] != name[i])
            return false;
    return name[length] == '\0';
}

std::size_t length_of(const char* text) {
    std::size_t n = 0;
    while (text[n] != '\0')
        ++n;
    return n;
}

bool equal(const char* text, const char* name) {
    return same(text, length_of(text), name);
}

// Go's strconv.ParseBool; false when the text is none of its spellings.
bool read_boolean(const char* text, bool& value) {
    static constexpr char yes[][5] = {"1", "t", "T", "true", "TRUE", "True"};
    static constexpr char no[][6] = {"0", "f", "F", "false", "FALSE", "False"};
    for (const auto& word : yes)
        if (equal(text, word))
            return value = true;
    for (const auto& word : no)
        if (equal(text, word)) {
            value = false;
            return true;
        }
    return false;
}

// Whether Go's strconv.ParseInt(text, 0, 64) could take it: sign, base prefix, digits. Size is left to runc.
bool looks_integer(const char* text) {
    if (*text == '+' || *text == '-')
        ++text;
    unsigned base = 10;
    if (text[0] == '0' && text[1] != '\0') {
        const char mark = static_cast<char>(text[1] | 0x20);
        base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
        text += mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1;
    }
    if (*text == '\0')
        return false;
    for (; *text != '\0'; ++text) {
        const char lower = static_cast<char>(*text | 0x20);
        unsigned digit = 99;
        if (*text >= '0' && *text <= '9')
            digit = static_cast<unsigned>(*text - '0');
        else if (lower >= 'a' && lower <= 'f')
            digit = static_cast<unsigned>(lower - 'a') + 10;
        else if (*text == '_')
            digit = 0;
        if (digit >= base)
            return false;
    }
    return true;
}

// A word that Go's flag package takes for a flag: a dash and something after it.
bool is_flag(const char* word) {
    return word[0] == '-' && word[1] != '\0';
}

// Walks the words of one command line and collects the flags.
struct Reader {
    int argc;
    const char* const* argv;
    int at = 1;
    bool answers = false; // help or version was asked for

    // Reads the flag at argv[at] and its value, and leaves `at` behind them. False: runc would stop here with
    // an error of its own.
    bool read_flag(std::uint8_t where, Invocation& into) {
        const char* word = argv[at++] + 1;
        if (*word == '-')
            ++word;
        std::size_t length = 0;
        while (word[length] != '\0' && word[length] != '=')
            ++length;
        const char* value = word[length] == '=' ? word + length + 1 : nullptr;
        for (const Flag& flag : flags)
            if ((flag.where & where) != 0 && same(word, length, flag.name))
                return take(flag, value, into);
        return false;
    }

    bool take(const Flag& flag, const char* value, Invocation& into) {
        if (flag.kind == Kind::boolean || flag.kind == Kind::answer) {
            bool on = true;
            if (value != nullptr && !read_boolean(value, on))
                return false;
            (flag.kind == Kind::answer ? answers : into.set[static_cast<std::size_t>(flag.option)]) = on;
            return true;
        }
        if (value == nullptr) {
            if (at >= argc)
                return false;
            value = argv[at++]; // verbatim, whatever it looks like
        }
        if (flag.kind == Kind::integer && !looks_integer(value))
            return false;
        into.values[static_cast<std::size_t>(flag.option)] = value;
        return true;
    }
};

struct Named {
    char name[12];
    Verb verb;
    std::uint8_t flags; // where its own are known
};

constexpr Named verbs[] = {
    {"checkpoint", Verb::checkpoint, on_checkpoint},
    {"restore", Verb::restore, on_restore},
    {"pause", Verb::pause, 0},
    {"resume", Verb::resume, 0},
    {"delete", Verb::remove, on_delete},
    {"create", Verb::create, on_create},
    {"start", Verb::start, 0},
    {"state", Verb::state, on_state},
    {"kill", Verb::kill, on_kill},
};

// nullptr: another verb.
const Named* find_verb(const char* word) {
    for (const Named& one : verbs)
        if (equal(word, one.name))
            return &one;
    return nullptr;
}

} // namespace

Invocation parse(int argc, const char* const* argv) {
    Invocation result;
    Reader reader{.argc = argc, .argv = argv};
    while (reader.at < argc && is_flag(argv[reader.at])) {
        if (equal(argv[reader.at], "--")) {
            ++reader.at;
            break;
        }
        if (!reader.read_flag(global, result))
            return result;
    }
    if (reader.at >= argc || reader.answers)
        return result;
    result.verb_at = reader.at;
    const Named* named = find_verb(argv[reader.at++]);
    if (named == nullptr)
        return result;
    result.verb = named->verb;

    // Globals too: runc's main branch accepts them behind the verb. Older ones refuse them by themselves.
    const std::uint8_t where = global | named->flags;
    const int most = result.verb == Verb::kill ? 2 : 1;
    const char* found[2] = {nullptr, nullptr};
    int words = 0;
    bool only_words = false;
    while (reader.at < argc) {
        const char* word = argv[reader.at];
        if (!only_words && is_flag(word)) {
            if (equal(word, "--")) {
                only_words = true;
                ++reader.at;
            } else if (!reader.read_flag(where, result)) {
                return result;
            }
            continue;
        }
        if (words < most)
            found[words] = word;
        ++words;
        ++reader.at;
    }
    if (words == 0 || words > most || reader.answers)
        return result;
    result.id = found[0];
    result.signal = found[1];
    result.gated = (result.verb == Verb::checkpoint || result.verb == Verb::restore) && valid_id(result.id);
    return result;
}

bool valid_id(const char* id) {
    if (id == nullptr || *id == '\0' || equal(id, ".") || equal(id, ".."))
        return false;
    std::size_t length = 0;
    for (; id[length] != '\0'; ++length) {
        const char c = id[length];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (length >= 1024 || !(letter || c == '_' || c == '+' || c == '-' || c == '.'))
            return false;
    }
    return true;
}

void root_hash(const char* root, char (&out)[17]) {
    if (root == nullptr)
        root = default_root;
    std::size_t length = length_of(root);
    while (length > 1 && root[length - 1] == '/')
        --length;
    const std::uint64_t hash = fnv1a(root, length);
    for (unsigned i = 0; i < 16; ++i) {
        const auto digit = static_cast<char>((hash >> (60 - 4 * i)) & 0xf);
        out[i] = static_cast<char>(digit < 10 ? '0' + digit : 'a' + digit - 10);
    }
    out[16] = '\0';
}

} // namespace lpm::oci
