// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "check/check.hpp"

// The judges, by the source that has them; the table says when each is asked. They look at the facts and at
// nothing else.
namespace lpm::check {

// files.cpp
Judge judge_stdio;
Judge judge_outside_mounts;
Judge judge_covered;
Judge judge_ghost;
Judge judge_unlinked;
Judge judge_device;
Judge judge_tun;
Judge judge_gpu;
Judge judge_io_uring;
Judge judge_anon_inode;
Judge judge_pidfd;
Judge judge_shm;
Judge judge_sysv;
Judge judge_inotify;
Judge judge_foreign_terminal;
Judge judge_pipes;
Judge judge_packet_pipe;
Judge judge_epoll;
Judge judge_queue;
Judge judge_watch_without_handle;
Judge judge_many_descriptors;
Judge judge_uprobes;
Judge judge_guards;

// kernel.cpp
Judge judge_kernel;
Judge judge_rseq;
Judge judge_seccomp;
Judge judge_huge_memfd;
Judge judge_selinux;
Judge judge_capabilities;

// mounts.cpp
Judge judge_root;
Judge judge_unknown_mount;
Judge judge_filesystem;
Judge judge_sharing;
Judge judge_deleted_mount;
Judge judge_pod_identity;
Judge judge_volumes;

// network.cpp
Judge judge_tcp;
Judge judge_tcp_on_new_kernel;
Judge judge_tcp_in_flight;
Judge judge_mptcp;
Judge judge_socket_family;
Judge judge_unix;
Judge judge_netlink;
Judge judge_abandoned;
Judge judge_corked;
Judge judge_multicast;

// processes.cpp
Judge judge_checkpoint_in_progress;
Judge judge_never_checkpoint;
Judge judge_skipped_hooks;
Judge judge_container_state;
Judge judge_terminal;
Judge judge_freeze;
Judge judge_exec_session;
Judge judge_traced;
Judge judge_session;
Judge judge_stopped;
Judge judge_zombie_leader;
Judge judge_nested;
Judge judge_shared_memory;
Judge judge_uninterruptible;
Judge judge_lost_terminal;
Judge judge_shared_code;
Judge judge_other_cgroup;
Judge judge_thread_apart;
Judge judge_affinity;
Judge judge_pid_namespace;
Judge judge_user_namespace;

// restore.cpp
Judge judge_images;
Judge judge_descriptors;
Judge judge_machine;
Judge judge_cpu;
Judge judge_older_kernel;
Judge judge_missing_files;
Judge judge_changed_files;
Judge judge_programs;
Judge judge_missing_addresses;
Judge judge_taken_ports;
Judge judge_missing_namespaces;
Judge judge_memory_limit;

// restore_bundle.cpp
Judge judge_missing_mounts;
Judge judge_new_mounts;
Judge judge_settings;
Judge judge_missing_sources;
Judge judge_unlike_sources;
Judge judge_foreign_images;
Judge judge_writable_images;
Judge judge_taken_sockets;
Judge judge_changed_image;
Judge judge_hooks;

// restore_tasks.cpp
Judge judge_tcp_option;
Judge judge_uprobes_again;
Judge judge_missing_pid_namespace;
Judge judge_taken_pids;
Judge judge_pids_limit;
Judge judge_lsm;
Judge judge_privileges;

// rootfs.cpp
Judge judge_lost_files;

// space.cpp
Judge judge_disk_space;
Judge judge_memory;

// tooling.cpp
Judge judge_tooling;
Judge judge_criu_config;
Judge judge_network_lock;
Judge judge_tar;

} // namespace lpm::check
