// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// What the checks say about what the walk has found; that the walk finds it is for the e2e tests.
#include <map>

#include "../support.hpp"
#include "checks.hpp"
#include "oci/phrases.hpp"

using namespace lpm;
using inspect::Item;

namespace {

// Item -> the check that must speak of it, and its verdict.
const std::map<Item, std::pair<const char*, const char*>> spoken_of = {
    {Item::traced, {"Traced", "block"}},
    {Item::outside_init, {"ExecSession", "warn"}},
    {Item::outside_session, {"SessionOutside", "block"}},
    {Item::stopped, {"Stopped", "block"}},
    {Item::zombie_leader, {"ZombieLeader", "block"}},
    {Item::seccomp_filter, {"SeccompFilter", "pass"}},
    {Item::nested_namespace, {"NestedNamespace", "block"}},
    {Item::other_user, {"Capabilities", "pass"}},
    {Item::not_executable, {"ProgramMode", "warn"}},
    {Item::on_no_exec, {"ProgramMode", "warn"}},
    {Item::own_files, {"ThreadApart", "warn"}},
    {Item::own_fs, {"ThreadApart", "warn"}},
    {Item::own_cpus, {"CpuAffinity", "warn"}},
    {Item::lost_terminal, {"TerminalLost", "warn"}},
    {Item::io_uring, {"IoUring", "block"}},
    {Item::anon_inode, {"AnonInode", "block"}},
    {Item::foreign_pidfd, {"PidfdOutside", "block"}},
    {Item::device, {"DeviceOpen", "block"}},
    {Item::gpu, {"Gpu", "warn"}},
    {Item::tun_interface, {"TunInterface", "block"}},
    {Item::tun_of_node, {"TunInterface", "block"}},
    {Item::ghost, {"GhostTooLarge", "block"}},
    {Item::unlinked, {"LinkRemap", "block"}},
    {Item::unlinked_on_overlay, {"LinkRemap", "block"}},
    {Item::shared_memory, {"MemoryShared", "block"}},
    {Item::uninterruptible, {"Uninterruptible", "block"}},
    {Item::other_cgroup, {"OtherCgroup", "block"}},
    {Item::epoll_elsewhere, {"EpollTarget", "block"}},
    {Item::watch_on_overlay, {"InotifyOverlay", "warn"}},
    {Item::watch_without_handle, {"InotifyProc", "block"}},
    {Item::packet_pipe, {"PacketPipe", "block"}},
    {Item::message_queue, {"MessageQueue", "block"}},
    {Item::foreign_terminal, {"ForeignTerminal", "block"}},
    {Item::outside_mounts, {"FileOutsideMounts", "block"}},
    {Item::covered, {"FileCovered", "block"}},
    {Item::shm_file, {"ShmMount", "warn"}},
    {Item::sysv_memory, {"SysvShm", "pass"}},
    {Item::shared_code, {"SharedCode", "block"}},
    {Item::uprobes, {"Uprobes", "block"}},
    {Item::huge_memfd, {"HugeMemfd", "pass"}},
    {Item::guard_page, {"GuardPages", "block"}},
    {Item::tcp_connected, {"TcpEstablished", "block"}},
    {Item::tcp_waiting, {"TcpInFlight", "warn"}},
    {Item::inet, {"TcpOnNewKernel", "pass"}},
    {Item::mptcp, {"Mptcp", "block"}},
    {Item::socket_family, {"SocketFamily", "block"}},
    {Item::unix_foreign, {"UnixExternal", "block"}},
    {Item::unix_datagram_foreign, {"UnixExternal", "block"}},
    {Item::unix_abandoned, {"UnixInFlight", "block"}},
    {Item::udp_corked, {"UdpCorked", "block"}},
    {Item::netlink_unread, {"NetlinkUnread", "warn"}},
};

class WorkloadChecks : public Checks {
  protected:
    void find(Item kind) {
        (*facts.container.workload)[kind] = {};
        (*facts.container.workload)[kind].add({12, "redis-server", 7, "thing", 3 << 20});
    }
};

} // namespace

TEST_F(WorkloadChecks, speak_of_every_kind_and_of_nothing_else) {
    EXPECT_EQ(spoken_of.size(), static_cast<std::size_t>(Item::count_));
    for (const auto& [kind, expected] : spoken_of) {
        forget_workload();
        find(kind);
        EXPECT_EQ(verdict(expected.first), expected.second) << expected.first;
        for (const auto& finding : outcome.findings) {
            if (finding.check != expected.first) {
                EXPECT_EQ(finding.verdict.text(), "pass") << finding.check << " for " << expected.first;
            }
            EXPECT_FALSE(oci::misread(finding.message)) << finding.message;
        }
    }
}

TEST_F(WorkloadChecks, name_who_holds_it_and_how_many_there_are) {
    find(Item::io_uring);
    (*facts.container.workload)[Item::io_uring].add({13, "other", 1, "x"});
    EXPECT_EQ(verdict("IoUring"), "block");
    EXPECT_TRUE(outcome.message.starts_with(
        "an io_uring in process 12 (redis-server), descriptor 7 (thing), and 1 more: "))
        << outcome.message;
    EXPECT_NE(outcome.message.find("io_uring_disabled=2"), std::string::npos)
        << "the remedy is in the message";
}

TEST_F(WorkloadChecks, find_nothing_in_what_was_not_looked_at) {
    facts.container.workload->gap = inspect::Gap{inspect::Gap::Why::processes};
    EXPECT_EQ(verdict("IoUring"), "unknown");
    facts.container.workload->gap.reset();
    facts.container.workload->sockets_gap = inspect::Gap{inspect::Gap::Why::error, "asked in vain"};
    EXPECT_EQ(verdict("IoUring"), "pass");
    EXPECT_EQ(verdict("Mptcp"), "unknown");
    find(Item::mptcp);
    EXPECT_EQ(verdict("Mptcp"), "block") << "what was found counts";
}

TEST_F(WorkloadChecks, are_covered_by_options_in_force) {
    const TempDir dir;
    dir.write("criu.conf", "tcp-close\nlink-remap\next-unix-sk\nallow-uprobes\n");
    facts.options = criu::EffectiveOptions::read({{}, {}, dir.path("criu.conf")}, {});
    for (const auto kind :
         {Item::tcp_connected, Item::unlinked, Item::unix_datagram_foreign, Item::uprobes}) {
        find(kind);
        EXPECT_EQ(verdict(spoken_of.at(kind).first), "covered") << spoken_of.at(kind).first;
    }
    find(Item::unlinked);
    facts.call.leave_running = true;
    EXPECT_EQ(verdict("LinkRemap"), "block") << "CRIU takes the new name away again";
    (*facts.container.workload)[Item::unlinked] = {};
    find(Item::unlinked_on_overlay);
    EXPECT_EQ(verdict("LinkRemap"), "warn") << "CRIU saves the content of a file of the image";
    facts.call.leave_running = false;
    EXPECT_EQ(verdict("LinkRemap"), "covered");
    find(Item::unix_foreign);
    EXPECT_EQ(verdict("UnixExternal"), "block") << "half of a stream is not made whole by an option";
}

TEST_F(WorkloadChecks, know_what_old_versions_cannot) {
    find(Item::inet);
    facts.tools.criu->version = 40101;
    EXPECT_EQ(verdict("TcpOnNewKernel"), "block");
    facts.host.kernel = inspect::KernelVersion{6, 12};
    EXPECT_EQ(verdict("TcpOnNewKernel"), "pass");
    facts.tools.criu.reset();
    EXPECT_EQ(verdict("TcpOnNewKernel"), "unknown");
    EXPECT_EQ(inspect::parse_kernel_version("6.16.3-generic").value(), (inspect::KernelVersion{6, 16}));
    EXPECT_FALSE(inspect::parse_kernel_version("Linux"));
    EXPECT_FALSE(inspect::parse_kernel_version("6."));
}

TEST_F(WorkloadChecks, look_for_guard_pages_where_they_matter) {
    facts.container.workload->guards_gap = inspect::Gap{inspect::Gap::Why::guards_not_told};
    EXPECT_EQ(verdict("GuardPages"), "pass") << "CRIU 4.2 knows them";
    facts.host.kernel = inspect::KernelVersion{6, 15};
    EXPECT_EQ(verdict("GuardPages"), "unknown")
        << "of this kernel CRIU cannot learn them, and neither can we";
    facts.host.kernel = inspect::KernelVersion{6, 18};
    facts.tools.criu->version = 40101;
    EXPECT_EQ(verdict("GuardPages"), "unknown");
    find(Item::guard_page);
    EXPECT_EQ(verdict("GuardPages"), "block") << "what was found counts";
    (*facts.container.workload)[Item::guard_page] = {};
    facts.host.kernel = inspect::KernelVersion{6, 12};
    EXPECT_EQ(verdict("GuardPages"), "pass") << "it has no guard pages";
    facts.tools.criu.reset();
    EXPECT_EQ(verdict("GuardPages"), "pass");
    facts.host.kernel = inspect::KernelVersion{6, 13};
    EXPECT_EQ(verdict("GuardPages"), "unknown");
}

TEST_F(WorkloadChecks, are_sure_of_a_lost_interface_with_runc_only) {
    facts.subject.kind = oci::RuntimeKind::crun;
    find(Item::tun_interface);
    EXPECT_EQ(verdict("TunInterface"), "warn");
    find(Item::tun_of_node);
    EXPECT_EQ(verdict("TunInterface"), "block");
}

TEST_F(WorkloadChecks, judge_shared_memory_by_whose_it_is) {
    find(Item::shm_file);
    facts.bundle->names = {{"sandbox", "abc"}};
    EXPECT_EQ(verdict("ShmMount"), "warn") << "it can come back in the same pod";
    find(Item::sysv_memory);
    facts.bundle->own_ipc = false;
    EXPECT_EQ(verdict("SysvShm"), "warn") << "of a pod";
    facts.container.workload->node_ipc = true;
    EXPECT_EQ(verdict("SysvShm"), "block") << "of the host, by a path";
    facts.container.workload->node_ipc = false;
    facts.bundle->ipc_namespace = false;
    EXPECT_EQ(verdict("SysvShm"), "block") << "of the host";
}

TEST_F(WorkloadChecks, count_pipes_and_descriptors) {
    facts.container.workload->pipes_with_data = 512;
    EXPECT_EQ(verdict("PipesFull"), "pass");
    facts.container.workload->pipes_with_data = 1024;
    EXPECT_EQ(verdict("PipesFull"), "warn");
    facts.container.workload->pipes_with_data = 1025;
    EXPECT_EQ(verdict("PipesFull"), "block");
    facts.container.workload->descriptors = 20'001;
    EXPECT_EQ(verdict("ManyDescriptors"), "warn");
}

TEST_F(WorkloadChecks, say_unknown_of_threads_that_cannot_be_compared) {
    facts.container.workload->threads_gap = inspect::Gap{inspect::Gap::Why::error, "compare threads"};
    EXPECT_EQ(verdict("ThreadApart"), "unknown");
    EXPECT_EQ(verdict("CpuAffinity"), "unknown");
    EXPECT_EQ(verdict("IoUring"), "pass");
    find(Item::own_fs);
    EXPECT_EQ(verdict("ThreadApart"), "warn");
}

TEST_F(WorkloadChecks, name_multicast_groups) {
    EXPECT_EQ(verdict("MulticastGroup"), "pass");
    facts.container.workload->sockets_gap = inspect::Gap{};
    EXPECT_EQ(verdict("MulticastGroup"), "unknown");
    facts.container.workload->multicast_groups = {"239.1.2.3"};
    EXPECT_EQ(verdict("MulticastGroup"), "warn");
}

TEST_F(WorkloadChecks, judge_mounts) {
    auto& mounts = facts.container.mounts;
    const procfs::Mount part{.id = 2, .device = 9, .root = "/srv/x", .point = "/late", .type = "ext4"};
    mounts.push_back(part);
    EXPECT_EQ(verdict("MountUnknown"), "block");
    EXPECT_EQ(verdict("FilesystemUnsupported"), "pass");
    facts.bundle->binds = {"/late"};
    EXPECT_EQ(verdict("MountUnknown"), "pass") << "the runtime tells CRIU where it comes from";
    facts.bundle->binds.clear();
    mounts.push_back({.id = 3, .device = 9, .root = "/srv", .point = "/whole", .type = "ext4"});
    facts.bundle->binds = {"/whole"};
    EXPECT_EQ(verdict("MountUnknown"), "pass") << "CRIU makes it from the greater part";
    mounts.push_back({.id = 4, .device = 10, .root = "/", .point = "/r", .type = "ramfs"});
    EXPECT_EQ(verdict("FilesystemUnsupported"), "block");
    mounts.back().type = "tmpfs";
    EXPECT_EQ(verdict("FilesystemUnsupported"), "pass");
    mounts.back().master = 5;
    EXPECT_EQ(verdict("MountSharing"), "block");
    mounts.front().shared = 5;
    EXPECT_EQ(verdict("MountSharing"), "pass");
    mounts.push_back(
        {.id = 5, .device = 11, .root = "/pod", .point = "/sys/fs/cgroup/pids", .type = "cgroup"});
    mounts.back().master = 6;
    EXPECT_EQ(verdict("MountSharing"), "block") << "somebody has mounted it inside";
    facts.bundle->mounts = {{.place = "/sys/fs/cgroup", .source = "", .bind = false, .type = "cgroup"}};
    EXPECT_EQ(verdict("MountSharing"), "pass") << "the runtime tells CRIU where it comes from";
    mounts.push_back({.id = 6, .device = 9, .root = "/srv/x//deleted", .point = "/gone", .type = "ext4"});
    EXPECT_EQ(verdict("MountDeleted"), "pass") << "of its own: CRIU makes it from the greater part";
    facts.bundle->binds.push_back("/gone");
    EXPECT_EQ(verdict("MountDeleted"), "block");
    mounts.clear();
    EXPECT_EQ(verdict("MountUnknown"), "unknown");
    EXPECT_EQ(verdict("MountDeleted"), "unknown");
    EXPECT_EQ(verdict("RootChanged"), "unknown");
    facts.container.root_is_no_mount = true;
    EXPECT_EQ(verdict("RootChanged"), "block");
}

TEST_F(WorkloadChecks, judge_the_freezer_and_the_bundle) {
    facts.container.freezing = true;
    EXPECT_EQ(verdict("FreezeStuck"), "block");
    EXPECT_TRUE(outcome.transient);
    facts.bundle->own_pid = false;
    facts.bundle->user_namespace = true;
    facts.bundle->volumes = {"/data"};
    facts.bundle->pod_identity = {"POD_IP"};
    for (const char* id : {"PidNamespaceShared", "UserNamespace", "VolumesLeftOut", "PodIdentityInEnv"})
        EXPECT_EQ(verdict(id), "warn") << id;
}

TEST_F(WorkloadChecks, are_skipped_by_annotation_where_the_node_allows_it) {
    find(Item::mptcp);
    facts.bundle->skip_checks = "IoUring, Mptcp";
    EXPECT_EQ(verdict("Mptcp"), "block");
    EXPECT_NE(outcome.message.find("does not allow"), std::string::npos) << outcome.message;
    settings.skippable = {"Mptcp"};
    EXPECT_EQ(verdict("Mptcp"), "warn");
    EXPECT_EQ(outcome.code, "");
    settings.skippable = {"*"};
    EXPECT_EQ(verdict("Mptcp"), "warn");
    facts.bundle->skip_checks = "MptcpX";
    EXPECT_EQ(verdict("Mptcp"), "block");
}
