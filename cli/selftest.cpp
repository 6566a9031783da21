// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <chrono>
#include <csignal>
#include <functional>
#include <unistd.h>

#include "base/format.hpp"
#include "base/text.hpp"
#include "command.hpp"
#include "crio/crio.hpp"
#include "doctor/gather.hpp"
#include "doctor/judges.hpp"
#include "inspect/crio_files.hpp"
#include "record/store.hpp"
#include "selftest/container.hpp"

namespace lpm::cli {

using doctor::Finding;
using doctor::State;
using selftest::Container;

namespace {

struct Step {
    std::string_view id;
    Finding finding;
    std::uint64_t microseconds = 0;
    std::string log{}; // the end of CRIU's, where it failed
};

} // namespace

static volatile std::sig_atomic_t interrupted = 0;

// The step that runs is left to end, a minute at most, and what was made is removed.
static void note_signals() {
    struct sigaction note{};
    note.sa_handler = [](int) { interrupted = 1; };
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        ::sigaction(number, &note, nullptr);
}

static Finding finding_of(const Result<>& done, std::string found) {
    if (done)
        return {State::ok, std::move(found)};
    return {State::fail, one_line(done.error().text, 2000), "lpmctl doctor says what this node lacks"};
}

// What was checked before the checkpoint, by the record of it.
static std::string checks_of(const std::string& store_path, const std::string& container) {
    constexpr std::size_t newest = 20;
    const auto store = record::Store::open_existing(store_path);
    const auto listing =
        store ? store->list("", newest, record::Store::Listed::newest_first) : std::unexpected(store.error());
    if (listing)
        for (const auto& [id, record] : listing->records)
            if (record && record->container == container)
                return lpm::format("{} checks before it, record {}", record->findings.size(), id);
    return "no record of it was written";
}

static Finding judge_status(const Result<std::string>& status) {
    if (!status)
        return finding_of(std::unexpected(status.error()), "");
    if (*status == "running")
        return {State::ok, "it runs again"};
    return {State::fail, "the restored container is " + one_line(*status),
            "lpmctl show latest has the log of the restore"};
}

static std::string line_of(const Step& step) {
    const std::string_view word = name_of(step.finding.state);
    std::string text = coloured(lpm::format("{:<9}", word), colour_of(word)) +
                       lpm::format("{:<12}{:>8}  {}", step.id, human_time(step.microseconds),
                                   one_line(step.finding.found, 2000));
    if (!step.finding.remedy.empty())
        text += lpm::format("\n{:<9}{:<12}{:>8}  -> {}", "", "", "", one_line(step.finding.remedy, 2000));
    std::string_view log = step.log;
    while (!log.empty())
        text += lpm::format("\n{:<9}{:<12}{:>8}  | {}", "", "", "", next_line(log));
    return text;
}

static json::Value value_of(const std::vector<Step>& steps) {
    json::Value value{{"steps", json::Value::array()}};
    for (const auto& step : steps)
        value["steps"].push_back({{"id", step.id},
                                  {"state", name_of(step.finding.state)},
                                  {"found", step.finding.found},
                                  {"remedy", step.finding.remedy},
                                  {"microseconds", step.microseconds},
                                  {"log", step.log}});
    return value;
}

namespace {

class Run {
  public:
    explicit Run(const Context& context) : context_(context) {}

    // One step after the other, until one fails; then what was made is removed.
    Result<int> all() {
        const auto paths = doctor::search_paths(inspect::read_crio());
        TRY_ASSIGN(Container container, Container::make(paths.front().path));
        const std::string first = container.id();
        const bool fine =
            step("Create", container, [&] { return finding_of(container.create(), first); }) &&
            step("Start", container, [&] { return finding_of(container.start(), "it sleeps"); }) &&
            step("Checkpoint", container,
                 [&] {
                     const auto done = container.checkpoint();
                     return finding_of(done, done ? checks_of(context_.store, first) : "");
                 }) &&
            step("Remove", container,
                 [&] { return finding_of(container.remove(), "the container is gone"); }) &&
            step("Restore", container, [&] { return finding_of(container.restore(), container.id()); }) &&
            step("State", container, [&] { return judge_status(container.status()); });
        const bool clean = step(
            "CleanUp", container, [&] { return finding_of(container.clean(), "nothing of it is left"); },
            true);
        if (context_.format != Format::table)
            print(context_.format, value_of(steps_));
        if (interrupted != 0)
            return fail(Errc::unavailable,
                        clean ? "interrupted: what was made is removed"
                              : "interrupted, and something of it is left: CleanUp says what");
        return fine && clean ? yes : no;
    }

  private:
    bool step(std::string_view id, const Container& container, const std::function<Finding()>& what,
              bool always = false) {
        if (interrupted != 0 && !always)
            return false;
        const auto began = std::chrono::steady_clock::now();
        Step made{id, what()};
        const auto took = std::chrono::steady_clock::now() - began;
        made.microseconds =
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
        const bool fine = made.finding.state == State::ok;
        if (!fine && !always)
            made.log = container.end_of_log();
        if (context_.format == Format::table) {
            print(line_of(made));
            std::fflush(stdout);
        }
        steps_.push_back(std::move(made));
        return fine;
    }

    const Context& context_;
    std::vector<Step> steps_;
};

} // namespace

Action add_selftest(CLI::App&, const Context& context) {
    return [&context]() -> Result<int> {
        if (::geteuid() != 0)
            return fail(Errc::denied, "selftest makes a container: run it as root");
        note_signals();
        return Run(context).all();
    };
}

} // namespace lpm::cli
