// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kubelet_gate.hpp"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/text.hpp"
#include "doctor/gather.hpp"
#include "doctor/parse.hpp"

namespace lpm::cli {

static constexpr std::size_t longest_file = std::size_t{1} << 20;
static constexpr const char* restart_kubelet = "systemctl restart kubelet";
static constexpr std::string_view section = "featureGates:";
static constexpr std::string_view gate = "ContainerCheckpoint: true\n";
static const std::string own_file = "apiVersion: kubelet.config.k8s.io/v1beta1\n"
                                    "kind: KubeletConfiguration\n"
                                    "featureGates:\n"
                                    "  ContainerCheckpoint: true\n";

static std::string_view without_comment(std::string_view line) {
    return trim(line.substr(0, std::min(line.find(" #"), line.size())));
}

// Where the line that holds the gate stands in the section that begins at `at`; npos: nowhere. `indent`: of
// its members.
static std::size_t find_gate(const std::string& text, std::size_t at, std::string& indent) {
    for (std::string_view rest = std::string_view(text).substr(at); !rest.empty();) {
        const std::size_t place = text.size() - rest.size();
        const std::string_view line = next_line(rest);
        const std::string_view member = trim(line);
        if (member.empty() || member.starts_with('#'))
            continue;
        const std::size_t spaces = line.find_first_not_of(' ');
        if (spaces == 0)
            break; // the next section
        indent.assign(spaces, ' ');
        if (member.starts_with("ContainerCheckpoint:"))
            return place;
    }
    return std::string::npos;
}

static std::string with_gate(std::string text) {
    if (!text.empty() && !text.ends_with('\n'))
        text += '\n';
    for (std::string_view rest = text; !rest.empty();) {
        const std::string_view line = next_line(rest);
        const std::size_t behind = text.size() - rest.size();
        if (without_comment(line) != section || !line.starts_with(section))
            continue;
        std::string indent = "  ";
        const std::size_t at = find_gate(text, behind, indent);
        if (at == std::string::npos)
            return text.insert(behind, indent + std::string(gate));
        return text.replace(at, text.find('\n', at) + 1 - at, indent + std::string(gate));
    }
    return text + std::string(section) + "\n  " + std::string(gate);
}

Result<std::string> set_gate(const std::string& text) {
    TRY_ASSIGN(const doctor::KubeletFile before, doctor::parse_kubelet_file(text));
    if (before.gate == true)
        return text;
    std::string after = with_gate(text);
    const auto told = doctor::parse_kubelet_file(after);
    if (!told || told->gate != true)
        return fail(Errc::invalid, "it is written in a way that lpmctl does not change: set featureGates: "
                                   "{ContainerCheckpoint: true} by hand");
    return after;
}

static Result<> check_version(const doctor::KubeletState& kubelet) {
    if (!kubelet.runs)
        return fail(Errc::absent, "no kubelet runs on this node: its version and its files are not known");
    if (!kubelet.version)
        return fail(Errc::absent, "the version of the kubelet is not known");
    if (kubelet.version->major == 1 && kubelet.version->minor < doctor::first_with_gate)
        return fail(Errc::invalid, "this kubelet has no checkpoints: Kubernetes 1.30 has");
    if (kubelet.gate_set_by == "--feature-gates" && kubelet.gate == false)
        return fail(Errc::invalid,
                    "--feature-gates of the kubelet's command line switches ContainerCheckpoint off, and "
                    "wins over files: change it there");
    return {};
}

static Result<FileChange> change_of(const std::string& path) {
    auto before = read_file(AT_FDCWD, path, longest_file);
    if (!before)
        return std::unexpected(std::move(before).error());
    auto after = set_gate(*before);
    if (!after)
        return std::unexpected(std::move(after).error().in(path));
    return FileChange{path, *std::move(before), *std::move(after)};
}

static FileChange whole_file(std::string path) {
    std::string before = read_file(AT_FDCWD, path, longest_file).value_or("");
    return {std::move(path), std::move(before), own_file};
}

Result<std::vector<FileChange>> plan_gate(const doctor::KubeletState& kubelet, bool by_kubeadm) {
    TRY(check_version(kubelet));
    const bool is_on_unset =
        kubelet.version->major > 1 || kubelet.version->minor >= doctor::first_with_gate_on;
    std::vector<FileChange> changes;
    if (kubelet.gate.value_or(is_on_unset))
        return changes;
    if (is_on_unset)
        return fail(Errc::invalid, kubelet.gate_set_by +
                                       " switches ContainerCheckpoint off, which is on unless somebody "
                                       "does: take it out there");
    if (!kubelet.config_dir.empty()) {
        const std::string ours = kubelet.config_dir + "/" + doctor::gate_drop_in;
        if (kubelet.gate_set_by.starts_with(kubelet.config_dir + "/") && kubelet.gate_set_by > ours)
            return fail(Errc::invalid, kubelet.gate_set_by + " is read after " + ours +
                                           " and switches ContainerCheckpoint off: take it out there");
        changes.push_back(whole_file(ours));
        return changes;
    }
    if (kubelet.config.empty())
        return fail(Errc::absent, "the kubelet runs without --config: give it "
                                  "--feature-gates=ContainerCheckpoint=true on its command line");
    if (by_kubeadm)
        changes.push_back(whole_file(doctor::gate_patch));
    TRY_ASSIGN(FileChange change, change_of(kubelet.config));
    changes.push_back(std::move(change));
    return changes;
}

static void tell(const Context& context, const std::vector<FileChange>& changes) {
    json::Value files = json::Value::array();
    std::string text;
    for (const auto& change : changes) {
        files.push_back(change.path);
        text += change.path + " is written\n";
    }
    if (context.format != Format::table)
        return print(context.format, json::Value{{"files", std::move(files)},
                                                 {"changed", !changes.empty()},
                                                 {"restart", changes.empty() ? "" : restart_kubelet}});
    if (changes.empty())
        return print("ContainerCheckpoint is on in this kubelet: nothing to do");
    if (changes.front().path == doctor::gate_patch)
        text += "An upgrade keeps it with: kubeadm upgrade node --patches /etc/kubernetes/patches\n";
    print(text + "The kubelet takes it at its next start, and not before: " + restart_kubelet);
}

Result<int> enable_kubelet(const Context& context, bool plan, bool check) {
    const bool by_kubeadm = ::access("/var/lib/kubelet/kubeadm-flags.env", F_OK) == 0;
    TRY_ASSIGN(const auto changes, plan_gate(doctor::gather_kubelet(), by_kubeadm));
    if (plan)
        std::ranges::for_each(changes, show);
    else if (check && !changes.empty())
        std::fprintf(stderr,
                     "lpmctl: ContainerCheckpoint is off in this kubelet: lpmctl node enable --kubelet\n");
    if (plan || check)
        return plan || changes.empty() ? yes : no;
    for (const auto& change : changes)
        TRY(write(change));
    tell(context, changes);
    return yes;
}

} // namespace lpm::cli
