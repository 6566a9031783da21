// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <unistd.h>

#include "ask.hpp"
#include "ask_kubelet.hpp"
#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/format.hpp"
#include "base/paths.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "command.hpp"
#include "config/forms.hpp"
#include "crio/crio.hpp"
#include "doctor/gather.hpp"
#include "inspect/crio_files.hpp"
#include "judged.hpp"
#include "lifecycle/trusted.hpp"
#include "records.hpp"
#include "runtime_call.hpp"

namespace lpm::cli {

namespace {
struct Given {
    std::string container;
    std::vector<std::string> options;
    std::string kubeconfig;
    std::string images; // empty: by the kubelet
    int timeout = 600;
};

struct Taken {
    record::Record record; // without an id: there is none
    Result<std::string> place;
};
} // namespace

// Checks, and what they allow is kept for the call that comes: it has our attempt in its record.
static Result<record::Record> prepare(const Context& context, const Given& given,
                                      const std::string& attempt) {
    service::Request request;
    request.verb = service::Verb::prepare;
    request.attempt = attempt;
    request.object.uid = "lpmctl"; // so takes the place of an earlier one, whose call never came
    TRY_ASSIGN(request.target, read_target(given.container));
    TRY_ASSIGN(request.options, read_options(given.options));
    TRY_ASSIGN(const node::Reply reply, ask(context.gate, request, std::chrono::seconds(60)));
    return service::parse_answer(reply.text);
}

static std::string name_of(const record::Record& record, std::string_view key) {
    for (const auto& [name, value] : record.names)
        if (name == key)
            return value;
    return {};
}

// Nothing of another checkpoint is written over.
static Result<std::string> make_images_dir(const std::string& name) {
    std::string path = std::filesystem::absolute(name);
    constexpr mode_t private_mode = 0700;
    if (::mkdir(path.c_str(), private_mode) != 0 && errno != EEXIST)
        return fail_errno(errno, "make " + path);
    bool empty = true;
    const bool opened = each_entry(path, [&](int, const dirent& entry) {
        const std::string_view one = entry.d_name;
        empty = one == "." || one == "..";
        return empty;
    });
    if (!opened)
        return fail(Errc::invalid, path + " is no directory that can be read");
    if (!empty)
        return fail(Errc::exists, path + " is not empty: images go into a directory of their own");
    TRY(lifecycle::open_trusted(path)); // or its owner could lead root's writing elsewhere
    return path;
}

static Result<std::string> ask_runtime(const record::Record& prepared, const std::string& images,
                                       const std::string& attempt) {
    constexpr std::chrono::hours longest(24); // of the largest memory; who ends it in the middle does harm
    const RuntimeCall call{.path = doctor::search_paths(inspect::read_crio()).front().path,
                           .root = prepared.root,
                           .log = lpm::format("{}/{}.log", paths::run_dir, attempt),
                           .words = {"checkpoint", "--file-locks", "--image-path", images, "--leave-running",
                                     prepared.container},
                           .timeout = longest};
    const auto done = call_runtime(call);
    (void)::unlink(call.log.c_str());
    if (!done)
        return std::unexpected(done.error());
    return images;
}

static Result<std::string> ask_kubelet(const doctor::KubeletState& kubelet, const record::Record& prepared,
                                       const Given& given, const std::string& kubeconfig) {
    const KubeletCall call{.name_space = name_of(prepared, "namespace"),
                           .pod = name_of(prepared, "pod"),
                           .container = name_of(prepared, "name"),
                           .kubeconfig = kubeconfig,
                           .timeout = std::chrono::seconds(given.timeout)};
    // They become a part of the URL, and come from annotations of the container, whoever wrote them.
    for (const auto* name : {&call.name_space, &call.pod, &call.container})
        if (!config::is_subdomain(*name))
            return fail(Errc::invalid,
                        one_line(given.container) +
                            " is no container of a pod: --runtime DIR asks the runtime itself");
    return checkpoint_by_kubelet(kubelet, call);
}

// The record of our attempt is among the newest ones.
static record::Record find_attempt(const std::string& path, const std::string& attempt) {
    constexpr std::size_t newest = 1000;
    for (const auto& listed : newest_records(path, newest))
        if (listed.record && listed.record->attempt == attempt)
            return *listed.record;
    return {};
}

static std::string text_of(const Taken& taken, bool by_kubelet) {
    Description text;
    const record::Record& record = taken.record;
    text.add("Container", container_text(record));
    text.add("Outcome", coloured(record.outcome.text(), colour_of(record.outcome.text())));
    text.add("Reason", record.code);
    text.add("Why", one_line(taken.place ? record.message : taken.place.error().text, 4000));
    if (taken.place)
        text.add(by_kubelet ? "Archive" : "Images", one_line(*taken.place, 4096));
    if (record.image_bytes)
        text.add("Size", human_size(*record.image_bytes));
    if (const auto time = time_of(record))
        text.add("Took", human_time(*time));
    text.add("Record", record.id.empty() ? "none: lpm-runc was not asked, lpmctl node status says more"
                                         : record.id + " (lpmctl show " + record.id + ")");
    return text.text();
}

static int tell(const Context& context, const Taken& taken, bool by_kubelet) {
    const bool fine = taken.place.has_value();
    if (context.format == Format::table) {
        print(text_of(taken, by_kubelet));
        return fine ? yes : no;
    }
    json::Value value = json::Value::object();
    if (!taken.record.id.empty())
        value["record"] = value_of(taken.record);
    if (fine)
        value[by_kubelet ? "archive" : "images"] = *taken.place;
    else
        value["error"] = taken.place.error().text;
    print(context.format, value);
    return fine ? yes : no;
}

static Result<int> checkpoint(const Context& context, const Given& given) {
    if (::geteuid() != 0)
        return fail(Errc::denied, "a checkpoint has all of the container's memory: take it as root");
    const bool by_kubelet = given.images.empty();
    const std::string attempt = lpm::format("lpmctl-{:016x}", random_bytes<std::uint64_t>());
    std::string kubeconfig = given.kubeconfig;
    std::string images;
    if (by_kubelet && kubeconfig.empty()) {
        TRY_ASSIGN(kubeconfig, find_kubeconfig());
    } else if (!by_kubelet) {
        TRY_ASSIGN(images, make_images_dir(given.images));
    }
    doctor::KubeletState kubelet;
    if (by_kubelet) { // before hooks have prepared the application
        TRY_ASSIGN(kubelet, find_kubelet());
    }
    TRY_ASSIGN(const record::Record prepared, prepare(context, given, attempt));
    if (!prepared.code.empty()) {
        if (context.format == Format::table)
            print(text_of_judged(prepared));
        else
            print(context.format, json::Value{{"refused", value_of_judged(prepared)}});
        return no;
    }
    Taken taken{.record = {},
                .place = by_kubelet ? ask_kubelet(kubelet, prepared, given, kubeconfig)
                                    : ask_runtime(prepared, images, attempt)};
    taken.record = find_attempt(context.store, attempt);
    if (!taken.place && taken.record.id.empty()) // it did not come as far as lpm-runc
        return std::unexpected(std::move(taken.place).error());
    return tell(context, taken, by_kubelet);
}

Action add_checkpoint(CLI::App& app, const Context& context) {
    const auto given = std::make_shared<Given>();
    app.add_option("CONTAINER", given->container, "NAMESPACE/POD/CONTAINER, or the beginning of its id")
        ->required()
        ->type_name("");
    app.add_option(
           "--kubeconfig", given->kubeconfig,
           "Of somebody who may create nodes/checkpoint; else $KUBECONFIG, or /etc/kubernetes/admin.conf")
        ->type_name("FILE");
    app.add_option("--runtime", given->images,
                   "By lpm-runc and without the kubelet; the images go to this directory")
        ->type_name("DIR");
    app.add_option("--timeout", given->timeout, "How long the kubelet may take, in seconds")
        ->check(CLI::Range(1, 3600).description(""))
        ->type_name("SECONDS")
        ->capture_default_str();
    add_request_options(app, given->options);
    return [&context, given] { return checkpoint(context, *given); };
}

} // namespace lpm::cli
