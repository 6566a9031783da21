// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "check/check.hpp"

// The judges, one source per theme; check.cpp puts them into the table.
namespace lpm::check {

[[nodiscard]] Judgement judge_tooling(const Facts& facts);
[[nodiscard]] Judgement judge_kernel(const Facts& facts);
[[nodiscard]] Judgement judge_tar(const Facts& facts);
[[nodiscard]] Judgement judge_rseq(const Facts& facts);
[[nodiscard]] Judgement judge_seccomp(const Facts& facts);
[[nodiscard]] Judgement judge_selinux(const Facts& facts);
[[nodiscard]] Judgement judge_pod_identity(const Facts& facts);
[[nodiscard]] Judgement judge_network_lock(const Facts& facts);
[[nodiscard]] Judgement judge_checkpoint_in_progress(const Facts& facts);
[[nodiscard]] Judgement judge_container_state(const Facts& facts);
[[nodiscard]] Judgement judge_terminal(const Facts& facts);
[[nodiscard]] Judgement judge_stdio(const Facts& facts);
[[nodiscard]] Judgement judge_disk_space(const Facts& facts);
[[nodiscard]] Judgement judge_images(const Facts& facts);
[[nodiscard]] Judgement judge_descriptors(const Facts& facts);
[[nodiscard]] Judgement judge_machine(const Facts& facts);
[[nodiscard]] Judgement judge_cpu(const Facts& facts);
[[nodiscard]] Judgement judge_older_kernel(const Facts& facts);
[[nodiscard]] Judgement judge_missing_files(const Facts& facts);
[[nodiscard]] Judgement judge_changed_files(const Facts& facts);
[[nodiscard]] Judgement judge_missing_addresses(const Facts& facts);
[[nodiscard]] Judgement judge_taken_ports(const Facts& facts);
[[nodiscard]] Judgement judge_missing_namespaces(const Facts& facts);
[[nodiscard]] Judgement judge_memory_limit(const Facts& facts);
[[nodiscard]] Judgement judge_tcp_option(const Facts& facts);
[[nodiscard]] Judgement judge_uprobes_again(const Facts& facts);
[[nodiscard]] Judgement judge_pid_home(const Facts& facts);
[[nodiscard]] Judgement judge_taken_pids(const Facts& facts);
[[nodiscard]] Judgement judge_pids_limit(const Facts& facts);
[[nodiscard]] Judgement judge_lsm(const Facts& facts);
[[nodiscard]] Judgement judge_tcp(const Facts& facts);
[[nodiscard]] Judgement judge_tcp_on_new_kernel(const Facts& facts);
[[nodiscard]] Judgement judge_tcp_in_flight(const Facts& facts);
[[nodiscard]] Judgement judge_mptcp(const Facts& facts);
[[nodiscard]] Judgement judge_socket_family(const Facts& facts);
[[nodiscard]] Judgement judge_unix(const Facts& facts);
[[nodiscard]] Judgement judge_netlink(const Facts& facts);
[[nodiscard]] Judgement judge_outside_mounts(const Facts& facts);
[[nodiscard]] Judgement judge_covered(const Facts& facts);
[[nodiscard]] Judgement judge_ghost(const Facts& facts);
[[nodiscard]] Judgement judge_unlinked(const Facts& facts);
[[nodiscard]] Judgement judge_device(const Facts& facts);
[[nodiscard]] Judgement judge_gpu(const Facts& facts);
[[nodiscard]] Judgement judge_tun(const Facts& facts);
[[nodiscard]] Judgement judge_io_uring(const Facts& facts);
[[nodiscard]] Judgement judge_anon_inode(const Facts& facts);
[[nodiscard]] Judgement judge_pidfd(const Facts& facts);
[[nodiscard]] Judgement judge_shm(const Facts& facts);
[[nodiscard]] Judgement judge_sysv(const Facts& facts);
[[nodiscard]] Judgement judge_inotify(const Facts& facts);
[[nodiscard]] Judgement judge_foreign_terminal(const Facts& facts);
[[nodiscard]] Judgement judge_stopped(const Facts& facts);
[[nodiscard]] Judgement judge_pipes(const Facts& facts);
[[nodiscard]] Judgement judge_many_descriptors(const Facts& facts);
[[nodiscard]] Judgement judge_uprobes(const Facts& facts);
[[nodiscard]] Judgement judge_huge_memfd(const Facts& facts);
[[nodiscard]] Judgement judge_guards(const Facts& facts);
[[nodiscard]] Judgement judge_freeze(const Facts& facts);
[[nodiscard]] Judgement judge_exec_session(const Facts& facts);
[[nodiscard]] Judgement judge_traced(const Facts& facts);
[[nodiscard]] Judgement judge_session(const Facts& facts);
[[nodiscard]] Judgement judge_zombie_leader(const Facts& facts);
[[nodiscard]] Judgement judge_nested(const Facts& facts);
[[nodiscard]] Judgement judge_pid_namespace(const Facts& facts);
[[nodiscard]] Judgement judge_user_namespace(const Facts& facts);
[[nodiscard]] Judgement judge_unknown_mount(const Facts& facts);
[[nodiscard]] Judgement judge_filesystem(const Facts& facts);
[[nodiscard]] Judgement judge_sharing(const Facts& facts);
[[nodiscard]] Judgement judge_volumes(const Facts& facts);
[[nodiscard]] Judgement judge_lost_files(const Facts& facts);
[[nodiscard]] Judgement judge_missing_mounts(const Facts& facts);
[[nodiscard]] Judgement judge_missing_sources(const Facts& facts);
[[nodiscard]] Judgement judge_unlike_sources(const Facts& facts);
[[nodiscard]] Judgement judge_odd_images(const Facts& facts);
[[nodiscard]] Judgement judge_open_images(const Facts& facts);
[[nodiscard]] Judgement judge_taken_sockets(const Facts& facts);
[[nodiscard]] Judgement judge_changed_image(const Facts& facts);
[[nodiscard]] Judgement judge_hooks(const Facts& facts);
[[nodiscard]] Judgement judge_capabilities(const Facts& facts);
[[nodiscard]] Judgement judge_memory(const Facts& facts);

} // namespace lpm::check
