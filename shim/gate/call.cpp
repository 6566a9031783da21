// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "call.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>

#include "base/file.hpp"
#include "base/text.hpp"
#include "linux/boot.hpp"
#include "linux/cpu.hpp"
#include "linux/procfs.hpp"
#include "paths.hpp"
#include "report.hpp"

namespace lpm::gate {

using oci::Option;

// An argv may be megabytes long; a record is for reading.
static constexpr std::size_t max_words = 128;
static constexpr std::size_t max_word = 4096;

Call::Call(const oci::Invocation& invocation, char** argv, int argc, char** environment)
    : invocation_(invocation), argv_(argv), argc_(argc), environment_(environment),
      command_(argv, argc, environment) {}

const char* Call::variable(std::string_view name) const {
    for (char** entry = environment_; *entry != nullptr; ++entry)
        if (std::string_view(*entry).starts_with(name) && (*entry)[name.size()] == '=')
            return *entry + name.size() + 1;
    return nullptr;
}

static std::string text_of(const char* text) {
    return text == nullptr ? std::string() : std::string(text);
}

static std::string current_dir() {
    std::array<char, 4096> dir{};
    return ::getcwd(dir.data(), dir.size()) == nullptr ? std::string() : std::string(dir.data());
}

// runc opens relative paths of a restore after it has changed to the bundle; a checkpoint stays where it is.
std::string Call::absolute(const char* path) const {
    if (*path == '/')
        return path;
    const std::string base = invocation_.verb == oci::Verb::restore ? bundle_dir_ : current_dir();
    return base + "/" + path;
}

// Without --image-path runc takes the directory that it was started in, also for a restore.
std::string Call::image_dir() const {
    const char* path = invocation_.text(Option::image_path);
    return path == nullptr || *path == '\0' ? current_dir() + "/checkpoint" : absolute(path);
}

void Call::note(std::string_view text) {
    constexpr std::size_t max_notes = 32;
    if (record_.notes.size() < max_notes)
        record_.notes.push_back(one_line(text, 1000));
}

static criu::RuntimeKind kind_by_name(const std::string& path) {
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    return name.starts_with("crun")   ? criu::RuntimeKind::crun
           : name.starts_with("runc") ? criu::RuntimeKind::runc
                                      : criu::RuntimeKind::unknown;
}

// --root, or the default of the runtime for root and for others (runc main.go, crun's libcrun/status.c).
std::string Call::root_of_states() const {
    if (const char* root = invocation_.text(Option::root); root != nullptr && *root != '\0')
        return root;
    const std::string name = subject_.kind == criu::RuntimeKind::crun ? "/crun" : "/runc";
    const char* runtime_dir = variable("XDG_RUNTIME_DIR");
    return (::geteuid() != 0 && runtime_dir != nullptr ? std::string(runtime_dir) : "/run") + name;
}

void Call::begin(inspect::Stage stage) {
    settings_ = config::read(shim::settings_file);
    for (const auto& problem : settings_.problems)
        note(problem);
    for (const auto& line : check::unknown_ids(settings_))
        note(std::string(shim::settings_file) + ": " + line);
    record_.boot_id = boot_id();
    tooling_ = criu::read_tooling(shim::probe_file, record_.boot_id);
    record_.runtime_path = runtime_path();
    runtime_key_ = criu::file_key(record_.runtime_path);
    const auto* facts = tooling_.runtime(runtime_key_);
    subject_.kind = facts != nullptr ? facts->kind : kind_by_name(record_.runtime_path);
    record_.runtime_kind = criu::name_of(subject_.kind);
    record_.runtime_version = facts != nullptr ? facts->version : "";

    subject_.stage = stage;
    subject_.settings = &settings_;
    subject_.id = invocation_.id;
    subject_.search_path = text_of(variable("PATH"));
    subject_.kubelet_dir = settings_.kubelet_dir;
    subject_.root = root_of_states();
    if (stage == inspect::Stage::restore) {
        const char* bundle = invocation_.text(Option::bundle);
        const std::string here = current_dir();
        bundle_dir_ = bundle == nullptr ? here : *bundle == '/' ? std::string(bundle) : here + "/" + bundle;
    }
    subject_.image_path = image_dir();
    fill_record(stage);
    if (auto store = record::Store::open(shim::state_dir))
        store_ = *std::move(store);
    publish();
}

void Call::fill_record(inspect::Stage stage) {
    record_.id = record::new_id();
    record_.operation = stage == inspect::Stage::restore   ? "restore"
                        : invocation_.on(Option::pre_dump) ? "pre-dump"
                                                           : "checkpoint";
    record_.container = subject_.id;
    record_.root = subject_.root;
    record_.bundle = bundle_dir_;
    for (int i = 1; i < argc_ && record_.argv.size() < max_words; ++i)
        record_.argv.push_back(one_line(argv_[i], max_word));
    record_.image_path = subject_.image_path;
    const char* work = invocation_.text(Option::work_path);
    record_.work_path = work == nullptr || *work == '\0' ? subject_.image_path : absolute(work);
    record_.parent_path = text_of(invocation_.text(Option::parent_path));
    record_.leave_running = invocation_.on(Option::leave_running);
    utsname system{};
    ::uname(&system);
    record_.host = system.nodename;
    record_.kernel = system.release;
    record_.arch = system.machine;
    record_.gate_pid = ::getpid();
    if (const auto self = procfs::read_stat(0))
        record_.gate_start = self->start;
    record_.started = rfc3339(now());
}

// Whose images these are: the record named in the lpm.json that lies with them.
static std::string record_of_images(const std::string& dir) {
    const auto text = read_file(AT_FDCWD, dir + "/" + record::manifest_file, 65536);
    if (!text)
        return {};
    const auto manifest = record::parse_manifest(*text);
    return manifest ? manifest->record : std::string();
}

void Call::read_lineage() {
    if (record_.operation == "restore")
        record_.restored_from = record_of_images(record_.image_path);
    else if (!record_.parent_path.empty()) // relative to the image directory, as runc has it
        record_.parent = record_of_images(record_.image_path + "/" + record_.parent_path);
}

void Call::publish() {
    // There is no better place to say that the records cannot be written than the records.
    if (store_)
        (void)store_->publish(record_);
}

void Call::add(const inspect::Facts& facts) {
    if (record_.operation != "restore" && facts.options.on("tcp-close"))
        record_.tcp = config::name_of(config::Tcp::close);
    else if (record_.operation != "restore" && facts.options.on("tcp-established"))
        record_.tcp = config::name_of(config::Tcp::established);
    if (facts.additions.empty())
        return;
    const auto added = command_.add(facts.additions, invocation_.verb_at);
    for (const auto& word : facts.additions.words)
        record_.additions.push_back(criu::word_of(word));
    if (!added) {
        note("nothing is added to CRIU's configuration: " + added.error().text);
        return;
    }
    for (const auto& line : facts.additions.lines)
        record_.additions.push_back("CRIU_CONFIG_FILE: " + criu::line_of(line));
}

// The lock is on what the runtime keeps of the container anyway, and neither the runtime nor an engine asks
// for it: delete and kill go on as ever. The runtime does not inherit it, and it ends with this process.
bool Call::try_lock_container() {
    if (container_lock_ || !oci::valid_id(subject_.id.c_str()))
        return true;
    auto folder = open_at(AT_FDCWD, subject_.root + "/" + subject_.id, O_RDONLY | O_DIRECTORY);
    if (!folder)
        return true; // no such container, which is for the runtime to say
    if (::flock(folder->get(), LOCK_EX | LOCK_NB) != 0)
        return errno != EWOULDBLOCK;
    container_lock_ = *std::move(folder);
    return true;
}

bool Call::refused() {
    if (record_.operation == "restore")
        read_lineage();
    const inspect::Deadline deadline(settings_.deadline);
    const inspect::Environment environment{text_of(variable("HOME")), text_of(variable("CRIU_CONFIG_FILE"))};
    inspect::Facts facts;
    check::Outcome outcome;
    // What may pass in a moment is given it, unless the caller has frozen the container: then nothing moves.
    for (int tries = 0; tries < 4; ++tries) {
        if (tries > 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        subject_.checkpoint_in_progress =
            subject_.stage == inspect::Stage::checkpoint && !try_lock_container();
        facts = inspect::gather(invocation_, subject_, bundle_dir_, environment, tooling_, runtime_key_,
                                deadline);
        outcome = check::run(facts, settings_);
        if (!outcome.transient || facts.frozen || deadline.passed())
            break;
    }
    for (const auto& text : facts.notes)
        note(text);
    record_.findings = std::move(outcome.findings);
    record_.frozen = facts.frozen;
    record_.criu_path = facts.criu_path;
    if (facts.criu && facts.criu->version > 0)
        record_.criu_version = criu::version_text(facts.criu->version);
    state_ = facts.state;
    if (state_) {
        record_.pid = state_->init;
        record_.bundle = state_->bundle;
    }
    if (facts.bundle)
        record_.names = facts.bundle->names;
    if (facts.bundle && facts.bundle->own_pid)
        cgroups_path_ = facts.bundle->cgroups_path;
    if (!outcome.code.empty()) {
        refuse(outcome.code, outcome.message, outcome.transient);
        return true;
    }
    add(facts);
    look_at_network(facts);
    if (const std::string failure = run_hooks(true); !failure.empty()) {
        refuse("HookFailed", failure + R"(; mend the hook, or set on_failure = "warn" in its file)", false);
        return true;
    }
    return false;
}

void Call::refuse(std::string code, std::string message, bool transient) {
    decided_ = true;
    record_.code = std::move(code);
    record_.message = std::move(message);
    record_.transient = transient;
    finish("refused");
    report_error(invocation_, "lpm refused " + record_.operation + " of " + subject_.id + ": " +
                                  record_.message + " [" + record_.code + (transient ? ", transient]" : "]"));
}

void Call::finish(std::string_view outcome) {
    record_.outcome = outcome;
    if (hooks_began_)
        (void)run_hooks(false);
    record_.final = true;
    record_.ended = rfc3339(now());
    publish();
}

bool Call::delegate() {
    look_at_work_dir();
    record_.delegated = rfc3339(now());
    const auto once = [this](pid_t runtime) {
        if (const auto stat = procfs::read_stat(runtime))
            delegate_ = {runtime, stat->start};
        if (record_.operation != "restore")
            record_.cpu = read_cpu_features().value_or("");
        if (store_)
            (void)store_->settle_intent(record_);
    };
    const auto each_second = [this](pid_t runtime) { look_after(runtime); };
    auto ended = run_runtime(command_.argv(), command_.environment(), {once, each_second});
    if (ended) {
        ended_ = *ended;
        return true;
    }
    record_.code = "RuntimeMissing";
    record_.message = ended.error().text;
    finish("failed");
    report_error(invocation_, "lpm: " + ended.error().text);
    return false;
}

} // namespace lpm::gate
