// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "doctor/judges.hpp"

#include <functional>
#include <set>

#include <gtest/gtest.h>

using namespace lpm;
using namespace std::chrono_literals;
using doctor::Facts;
using doctor::State;

namespace {

constexpr doctor::Time start{1'800'000'000'000ms};

// Everything is as it should be.
Facts good() {
    Facts facts;
    facts.runtime = {.link = "/usr/sbin/runc",
                     .link_there = true,
                     .path = "/usr/sbin/runc",
                     .front = doctor::Call{0, "runc version 1.3.6"},
                     .checkpoint_help = doctor::Call{},
                     .restore_help = doctor::Call{},
                     .told = oci::RuntimeFacts{},
                     .no_criu = false};
    facts.runtime.told->kind = oci::RuntimeKind::runc;
    facts.runtime.told->version = "1.3.6";
    facts.criu.paths = {{"handler runc", "/usr/sbin:/usr/bin", "/usr/sbin/criu"}};
    facts.criu.facts = criu::CriuFacts{};
    facts.criu.facts->path = "/usr/sbin/criu";
    facts.criu.facts->version = 40201;
    facts.criu.facts->dump_failure = "";
    facts.criu.facts->check_failure = "";
    facts.criu.changed = start - 1h;
    facts.crio.runs = true;
    facts.crio.started = start;
    facts.crio.configuration.files = {"/etc/crio/crio.conf"};
    facts.crio.handlers = {{.name = "runc",
                            .path = "/etc/lpm/bin/runc",
                            .through_lpm = true,
                            .is_default = true,
                            .sets_path = true}};
    facts.crio.newest_file = "/etc/crio/crio.conf";
    facts.crio.newest = start - 1h;
    facts.crio.answer = {.not_asked = "",
                         .checkpoint = "enabled",
                         .version = "cri-o 1.36.3",
                         .handlers = {{"runc", "/etc/lpm/bin/runc"}}};
    facts.crio.containers = 3;
    facts.kubelet = {.runs = true, .version = doctor::KubernetesVersion{1, 30}, .dir = "/var/lib/kubelet"};
    facts.node.now = start;
    facts.node.kernel = inspect::KernelVersion{6, 18};
    facts.node.glibc = "2.41";
    facts.node.distribution = {{"ID", "ubuntu"}, {"VERSION_ID", "24.04"}};
    facts.node.places = {{"archives", inspect::Space{"/var", 10ULL << 30, std::nullopt, 0}}};
    facts.node.inotify_instances = 128;
    facts.node.inotify_watches = 8192;
    facts.node.has_records = true;
    facts.node.systemd = true;
    facts.node.timers = {{"lpm-settle.timer", "active"}};
    return facts;
}

doctor::Finding line_of(const Facts& facts, std::string_view id) {
    for (const auto& line : doctor::judge(facts))
        if (line.id == id)
            return line.finding;
    ADD_FAILURE() << "no line " << id;
    return {};
}

struct Case {
    std::string_view id;
    std::function<void(Facts&)> spoil;
    State state;
    std::string_view found;  // a part of it
    std::string_view remedy; // a part of it
};

const Case cases[] = {
    {"Bypass", [](Facts& f) { f.node.bypass = true; }, State::warn, "/etc/lpm/bypass is there", "rm "},
    {"RestoreAtCreate", [](Facts& f) { f.node.restore_wanted = true; }, State::fail,
     "restore-at-create is not there: pods that ask for a restore start anew", "--probe"},
    {"RestoreAtCreate", [](Facts& f) { f.node.restore_switched = true; }, State::fail,
     "restore-at-create is there: each create", "--probe"},
    {"RestoreAtCreate", [](Facts& f) { f.node.restore_wanted = f.node.restore_switched = true; }, State::fail,
     "lpm-wake is not there", "install lpm-runc"},
    {"RestoreAtCreate",
     [](Facts& f) {
         f.node.restore_wanted = f.node.restore_switched = f.node.can_wake = f.node.bypass = true;
     },
     State::warn, "bypass is there: pods", "rm "},
    {"Runtime", [](Facts& f) { f.runtime.link_is_us = true; }, State::fail,
     "leads back to lpm-runc: calls go to /usr/sbin/runc", "ln -sfn"},
    {"Runtime", [](Facts& f) { f.runtime.link_there = false; }, State::fail,
     "leads to /usr/sbin/runc, which is not there", "ln -sfn"},
    {"Runtime", [](Facts& f) { f.runtime.script_calls_us = true; }, State::fail,
     "the script /usr/sbin/runc, which leads back to lpm-runc", "ln -sfn"},
    {"Runtime", [](Facts& f) { f.runtime = {}; }, State::fail, "leads to no runtime", "install runc"},
    {"Runtime", [](Facts& f) { f.runtime.front->status = 1; }, State::fail, "--version fails", "ln -sfn"},
    {"Runtime", [](Facts& f) { f.runtime.front.reset(); }, State::unknown, "could not be run", "--version"},
    {"RuntimeCheckpoint", [](Facts& f) { f.runtime.checkpoint_help = {1, "unknown command"}; }, State::fail,
     "has no checkpoint: its --help fails (unknown command)", "built with CRIU"},
    {"RuntimeCheckpoint", [](Facts& f) { f.runtime.restore_help = {1, ""}; }, State::fail,
     "has no restore: its --help fails, so CRI-O", "built with CRIU"},
    {"RuntimeCheckpoint", [](Facts& f) { f.runtime.no_criu = true; }, State::fail, "(runc_nocriu)",
     "without the build tag runc_nocriu"},
    {"RuntimeCheckpoint", [](Facts& f) { f.runtime.told->criu = false; }, State::fail, "does not list +CRIU",
     "built with CRIU"},
    {"RuntimeCheckpoint", [](Facts& f) { f.runtime.told->missing_library = "libcriu.so.2"; }, State::fail,
     "loads libcriu.so.2", "libcriu2"},
    {"RuntimeCheckpoint", [](Facts& f) { f.runtime.checkpoint_help.reset(); }, State::unknown, "is not known",
     "checkpoint --help"},
    {"RuntimeCheckpoint", [](Facts& f) { f.runtime = {}; }, State::unknown, "no runtime to ask", "ln -sfn"},
    {"Criu", [](Facts& f) { f.criu.paths[0].criu = ""; }, State::fail,
     "not on the PATH of handler runc (/usr/sbin:/usr/bin)", "Ubuntu 24.04 has no package of CRIU"},
    {"Criu", [](Facts& f) { f.criu.paths.push_back({"CRI-O", "/bin", ""}); }, State::fail,
     "not on the PATH of CRI-O", "add the folder of /usr/sbin/criu"},
    {"Criu", [](Facts& f) { f.criu.paths.clear(); }, State::unknown, "no PATH", "which criu"},
    {"CriuVersion", [](Facts& f) { f.criu.facts->version = 31501; }, State::fail,
     "is CRIU 3.15.1, and the runtime needs at least 3.16", "ppa:criu/ppa"},
    {"CriuVersion", [](Facts& f) { f.criu.facts->version = 0; }, State::unknown, "tells no version",
     "--version"},
    {"CriuVersion", [](Facts& f) { f.criu.facts.reset(); }, State::unknown, "no criu", "criu"},
    {"CriuCheck", [](Facts& f) { f.criu.facts->dump_failure = "no ptrace"; }, State::fail, "no ptrace",
     "check --all"},
    {"CriuCheck", [](Facts& f) { f.criu.facts->check_failure = "no pagemap"; }, State::warn, "no pagemap",
     "check --all"},
    {"CriuCheck", [](Facts& f) { f.criu.facts->check_failure.reset(); }, State::unknown, "could not be tried",
     "criu check"},
    {"CriuCheck", [](Facts& f) { f.criu.facts.reset(); }, State::unknown, "no criu", "criu"},
    {"KnownPairs", [](Facts& f) { f.criu.facts->version = 40101; }, State::fail,
     "CRIU 4.1.1 on Linux 6.18 cannot dump a network socket", "CRIU 4.2 or newer"},
    {"KnownPairs",
     [](Facts& f) {
         f.criu.facts->version = 31601;
         f.node.kernel = {6, 1};
     },
     State::fail, "restores programs of glibc 2.35 and newer (here 2.41)", "CRIU 4.2 or newer"},
    {"KnownPairs", [](Facts& f) { f.node.kernel = {5, 10}; }, State::warn, "fails on programs of glibc 2.35",
     "a kernel of 5.13"},
    {"KnownPairs", [](Facts& f) { f.node.kernel = {6, 14}; }, State::warn, "guard pages", "a kernel of 6.16"},
    {"KnownPairs", [](Facts& f) { f.criu.facts->crashes_on_lock = true; }, State::warn, "network-lock",
     "default.conf"},
    {"KnownPairs",
     [](Facts& f) {
         f.node.kernel = {6, 12};
         f.runtime.told->ignores_cgroups = true;
     },
     State::ok, "on Linux 6.12 has no fault that is known", ""},
    {"KnownPairs", [](Facts& f) { f.node.kernel.reset(); }, State::unknown, "not known", "uname -r"},
    {"CrioConfiguration", [](Facts& f) { f.crio.configuration.problems = {"crio.conf:1: no TOML"}; },
     State::fail, "would not start again: crio.conf:1", "mend that file"},
    {"CrioConfiguration", [](Facts& f) { f.crio.other_files = "--config=x"; }, State::unknown, "--config=x",
     "by hand"},
    {"CrioConfiguration", [](Facts& f) { f.crio = {}; }, State::unknown, "does not run", "install"},
    {"CrioHandlers", [](Facts& f) { f.crio.handlers[0].through_lpm = false; }, State::fail,
     "not through lpm: runc, the default one (/etc/lpm/bin/runc)", "systemctl restart crio"},
    {"CrioHandlers", [](Facts& f) { f.crio.handlers.push_back({.name = "crun", .path = "/usr/bin/crun"}); },
     State::warn, "not through lpm: crun (/usr/bin/crun); through lpm: runc", "repeat all keys"},
    {"CrioHandlers", [](Facts& f) { f.crio.handlers = {{.name = "of CRI-O itself", .is_default = true}}; },
     State::fail, "CRI-O's built-in runtime", "runtime_path = \"/etc/lpm/bin/runc\""},
    {"CrioHandlerKeys",
     [](Facts& f) {
         f.crio.configuration.lost = {{"runc", "/etc/crio/zz.conf", {"runtime_root", "monitor_env"}}};
     },
     State::fail, "/etc/crio/zz.conf takes runtime_root, monitor_env of handler runc away",
     "repeat these keys"},
    {"CrioMonitorPath", [](Facts& f) { f.crio.handlers[0].sets_path = false; }, State::warn,
     "no PATH in handler runc", "monitor_env = [\"PATH="},
    {"CrioCriuSupport", [](Facts& f) { f.crio.configuration.criu_support = false; }, State::fail, "is false",
     "enable_criu_support = true"},
    {"CrioRestart", [](Facts& f) { f.crio.newest = start + 1h; }, State::warn,
     "/etc/crio/crio.conf was changed at 2027-01-15T09:00:00Z: a reload is not enough",
     "systemctl restart crio"},
    {"CrioRestart", [](Facts& f) { f.crio.handlers[0].path = "/usr/sbin/runc"; }, State::fail,
     "files say /usr/sbin/runc for handler runc, and CRI-O has /etc/lpm/bin/runc", "systemctl restart crio"},
    {"CrioRestart",
     [](Facts& f) {
         f.criu.changed = start + 1h;
         f.crio.answer.checkpoint = "disabled";
     },
     State::warn, "criu came at", "systemctl restart crio"},
    {"CrioRestart", [](Facts& f) { f.crio.started.reset(); }, State::unknown, "is not known", "systemctl"},
    {"CrioAnswer", [](Facts& f) { f.crio.answer = {.not_asked = "it hangs"}; }, State::unknown,
     "not asked: it hangs", "--ask-cri"},
    {"CrioAnswer", [](Facts& f) { f.crio.answer.checkpoint = "disabled"; }, State::fail,
     "cri-o 1.36.3 takes no checkpoints", "systemctl restart crio"},
    {"CrioAnswer", [](Facts& f) { f.crio.answer.checkpoint = "not-implemented"; }, State::fail,
     "has no checkpoints", "CRI-O 1.25"},
    {"CrioAnswer", [](Facts& f) { f.crio.answer.checkpoint = ""; }, State::unknown, "not told", "--ask-cri"},
    {"CrioContainers", [](Facts& f) { f.crio.foreign_containers = {"0123456789abcdef"}; }, State::warn,
     "1 of 3 containers that run were made without lpm: 0123456789ab", "systemctl restart crio"},
    {"KubeletGate", [](Facts& f) { f.kubelet = {}; }, State::unknown, "no kubelet runs", "systemctl"},
    {"KubeletGate", [](Facts& f) { f.kubelet.version.reset(); }, State::unknown, "is not known",
     "kubelet --version"},
    {"KubeletGate", [](Facts& f) { f.kubelet.version = {1, 24}; }, State::fail, "has no checkpoints", "1.30"},
    {"KubeletGate", [](Facts& f) { f.kubelet.version = {1, 29}; }, State::fail, "off unless it is set",
     "systemctl restart kubelet"},
    {"KubeletGate",
     [](Facts& f) {
         f.kubelet.gate = false;
         f.kubelet.gate_set_by = "/k.yaml";
     },
     State::fail, "/k.yaml switches ContainerCheckpoint off", "featureGates: {ContainerCheckpoint: true}"},
    {"KubeletGate", [](Facts& f) { f.kubelet.unread = "/k.yaml: no map"; }, State::unknown, "/k.yaml: no map",
     "featureGates"},
    {"KubeletEndpoint", [](Facts& f) { f.kubelet.endpoint_fault = "refused"; }, State::fail,
     "does not answer on port 10250: refused", "journalctl"},
    {"KubeletEndpoint", [](Facts& f) { f.kubelet = {}; }, State::unknown, "no kubelet runs", "systemctl"},
    {"DiskSpace", [](Facts& f) { f.node.places[0].space->free_bytes = 1 << 20; }, State::fail,
     "1.0 MiB free for archives", "du -xsh /var"},
    {"DiskSpace", [](Facts& f) { f.node.places[0].space->free_bytes = 100 << 20; }, State::warn,
     "100.0 MiB free", "du -xsh"},
    {"DiskSpace", [](Facts& f) { f.node.places[0].space->free_inodes = 3; }, State::fail, "3 files",
     "du -xsh"},
    {"DiskSpace", [](Facts& f) { f.node.places[0].space.reset(); }, State::unknown, "is not known", "df"},
    {"Inotify", [](Facts& f) { f.node.inotify_instances = 10; }, State::warn, "10 instances", "sysctl -w"},
    {"Inotify", [](Facts& f) { f.node.inotify_watches.reset(); }, State::unknown, "cannot be read", "sysctl"},
    {"GateSocket", [](Facts& f) { f.node.gate_fault = "nobody listens"; }, State::warn, "nobody listens",
     "lpm-gate.socket"},
    {"SidecarSocket", [](Facts& f) { f.node.sidecar_fault = "nobody listens"; }, State::warn,
     "nobody listens", "lpm-sidecar.socket"},
    {"Certificate", [](Facts& f) { f.node.certificate.fault = "no such file"; }, State::fail, "no such file",
     "lpm-sidecar-enroll"},
    {"Certificate", [](Facts& f) { f.node.certificate = {.wanted_by = ":1", .file = "c.crt"}; },
     State::unknown, "the end of c.crt", "lpm-sidecar-enroll"},
    {"Certificate",
     [](Facts& f) {
         f.node.certificate = {.wanted_by = ":1",
                               .file = "c.crt",
                               .until = std::chrono::floor<std::chrono::seconds>(start - 1s)};
     },
     State::fail, "c.crt ends at 2027-01-15T07:59:59Z, which is over", "lpm-sidecar-enroll"},
    {"Certificate",
     [](Facts& f) {
         f.node.certificate = {.wanted_by = ":1",
                               .file = "c.crt",
                               .until = std::chrono::floor<std::chrono::seconds>(start + 2h)};
     },
     State::warn, "within a day", "lpm-sidecar-enroll"},
    {"Records", [](Facts& f) { f.node.records_fault = "records/2026-01: denied"; }, State::fail, "denied",
     "ls -ld"},
    {"Timers", [](Facts& f) { f.node.timers[0].state = "inactive"; }, State::warn,
     "lpm-settle.timer is inactive", "systemctl enable"},
    {"Timers", [](Facts& f) { f.node.systemd = false; }, State::unknown, "systemd does not run", "--settle"},
};

} // namespace

TEST(Doctor, finds_nothing_on_a_good_node) {
    for (const auto& [id, finding] : doctor::judge(good())) {
        EXPECT_EQ(finding.state, State::ok) << id << ": " << finding.found;
        EXPECT_FALSE(finding.found.empty()) << id;
        EXPECT_EQ(finding.remedy, "") << id;
    }
}

TEST(Doctor, names_each_fault_and_what_to_do) {
    std::set<std::string_view> spoiled;
    for (const auto& [id, spoil, state, found, remedy] : cases) {
        Facts facts = good();
        spoil(facts);
        const auto finding = line_of(facts, id);
        EXPECT_EQ(name_of(finding.state), name_of(state)) << id << ": " << finding.found;
        EXPECT_TRUE(finding.found.contains(found)) << id << ": " << finding.found;
        EXPECT_TRUE(finding.remedy.contains(remedy) && finding.remedy.empty() == (finding.state == State::ok))
            << id << ": " << finding.remedy;
        spoiled.insert(id);
    }
    for (const auto id : doctor::ids())
        EXPECT_TRUE(spoiled.contains(id)) << "no test spoils " << id;
}

TEST(Doctor, takes_what_is_harmless) {
    Facts facts = good();
    facts.kubelet.version = {1, 28};
    facts.kubelet.gate = true;
    facts.crio.handlers.push_back({.name = "kata", .path = "/usr/bin/kata", .is_machine = true});
    facts.criu.changed = start + 1h; // another criu than at its start: CRI-O does not mind
    facts.node.certificate = {
        .wanted_by = ":1", .file = "c.crt", .until = std::chrono::floor<std::chrono::seconds>(start + 100h)};
    for (const auto& [id, finding] : doctor::judge(facts))
        EXPECT_EQ(finding.state, State::ok) << id << ": " << finding.found;
}
