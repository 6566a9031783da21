# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Descriptors and memory: what the checks refuse really fails, and their harmless twins come back."""
import fcntl
import os
import pathlib
from collections.abc import Callable
from typing import IO

from debuggers import probe
from e2e import GATE, PATIENT, SETTINGS, run
from oci_spec import bind
from resource_cases import (
    ADMIN,
    FORKY,
    GUEST,
    TRIXIE,
    Fine,
    Options,
    Prepare,
    Refused,
    ResourceTest,
    Warned,
    image,
    overlay,
    pod_shm,
    tabled,
    volume,
    with_options,
)

HOST_IPC = with_options(shared=("ipc",))
UNKNOWN_FILE = "Can't dump file"


def device(path: str) -> Prepare:
    return with_options(devices=(path,), capabilities=("CAP_SYSLOG",))


@tabled(
    Refused("io_uring", "IoUring", ("anon", "io-uring"), words=("holder",), fails="send_fds failed"),
    Refused("perf_event", "AnonInode", ("anon", "perf-event"), words=("holder", "perf_event"), fails=UNKNOWN_FILE),
    Refused("userfaultfd", "AnonInode", ("anon", "userfaultfd"), words=("holder", "userfaultfd"),
            fails=UNKNOWN_FILE),
    Refused("bpf_map", "AnonInode", ("anon", "bpf-map"), with_options(capabilities=("CAP_BPF",)),
            words=("holder", "bpf-map"), fails=UNKNOWN_FILE),
    Refused("mount_in_the_making", "AnonInode", ("anon", "fscontext"), with_options(**ADMIN),
            words=("holder", "fscontext"), fails=UNKNOWN_FILE),
    Refused("landlock_rules", "AnonInode", ("anon", "landlock"), words=("holder", "landlock"), fails=UNKNOWN_FILE),
    Refused("secret_memory", "AnonInode", ("secret", "open"), words=("holder", "memfd_secret"), fails="/secretmem"),
    Refused("secret_memory_that_is_only_mapped", "AnonInode", ("secret", "mapped"), words=("holder", "memfd_secret"),
            fails="/secretmem"),
    Fine("usual_kernel_objects", "AnonInode", ("anon", "usual")),
    Fine("no_io_uring", "IoUring", ("anon", "usual")),
    Refused("pidfd_of_a_thread", "PidfdOutside", ("pidfd", "thread"), words=("holder",), fails="PIDFD_THREAD"),
    Fine("pidfd_of_a_child", "PidfdOutside", ("pidfd", "child")),
    Refused("epoll_whose_target_another_process_has", "EpollTarget", ("epoll", "other"),
            words=("holder", "watches descriptor"), fails="Dump eventpoll"),
    Fine("epoll_of_two_processes", "EpollTarget", ("epoll", "both")),
    Fine("epoll_of_a_duplicate", "EpollTarget", ("epoll", "duplicate")),
    Fine("pidfd_of_nobody", "PidfdOutside", ("pidfd", "reaped")),
)
class Anonymous(ResourceTest):
    pass


@tabled(
    Refused("fuse", "DeviceOpen", ("device", "/dev/fuse"), device("/dev/fuse"), words=("holder", "/dev/fuse"),
            fails=UNKNOWN_FILE),
    Refused("loop_control", "DeviceOpen", ("device", "/dev/loop-control"), device("/dev/loop-control"),
            words=("holder", "/dev/loop-control"), fails=UNKNOWN_FILE),
    Fine("kernel_log", "DeviceOpen", ("device", "/dev/kmsg"), device("/dev/kmsg")),
    Fine("tun_without_an_interface", "DeviceOpen", ("device", "/dev/net/tun"), device("/dev/net/tun")),
    Fine("null", "DeviceOpen", ("device", "/dev/null")),
    Fine("urandom", "DeviceOpen", ("device", "/dev/urandom")),
)
class Devices(ResourceTest):
    pass


def link_remap(options: Options, test: ResourceTest) -> Options:
    test.criu_config("link-remap")
    return options


@tabled(
    Refused("big_deleted_file", "GhostTooLarge", ("ghost", "3072"), words=("holder", "/tmp/ghost"),
            fails="Can't dump ghost file"),
    Fine("deleted_file_of_the_limit", "GhostTooLarge", ("ghost", "1024")),
    Fine("small_deleted_file", "GhostTooLarge", ("ghost", "100")),
    Refused("deleted_name", "LinkRemap", ("linked", "deleted"), words=("holder", "/tmp/first"),
            fails="Can't create link remap"),
    Fine("two_names", "LinkRemap", ("linked", "kept")),
    Fine("name_that_ends_as_if_it_were_deleted", "LinkRemap", ("open", "/tmp/file (deleted)")),
    Refused("deleted_file_of_the_image", "LinkRemap", ("unlinked", "/only-in-image"), image,
            words=("holder", "/only-in-image", "configuration"), fails="Can't create link remap"),
    Fine("deleted_file_of_the_image_with_link_remap", "LinkRemap", ("unlinked", "/only-in-image"),
         lambda test: link_remap(image(test), test), verdict="warn"),
    Warned("watch_on_the_overlay", "InotifyOverlay", ("inotify", "/tmp"), overlay, words=("holder",),
            fails="Can't dump that handle"),
    Warned("watch_on_a_file_of_the_image", "InotifyOverlay", ("inotify", "/bin/counter"), overlay,
            words=("holder",), fails="Can't dump that handle"),
    Warned("fanotify_on_the_overlay", "InotifyOverlay", ("fanotify", "/tmp"),
            lambda test: overlay(test) | ADMIN, words=("holder",), fails="Can't dump that handle"),
    Fine("watch_on_the_root_of_the_overlay", "InotifyOverlay", ("inotify", "/"), overlay, verdict="warn"),
    Fine("watch_where_criu_looks", "InotifyOverlay", ("inotify", "/etc"), overlay, verdict="warn"),
    Fine("watch_on_a_tmpfs", "InotifyOverlay", ("inotify", "/dev/shm"), overlay),
    Fine("watch_on_a_disk", "InotifyOverlay", ("inotify", "/tmp")),
    *(Refused(f"watch_on_{place.strip('/').replace('/', '_')}", "InotifyProc", ("inotify", place), words=("holder", kind),
              fails="Can't dump that handle", code="InotifyOverlay")
      for place, kind in (("/proc", "proc"), ("/sys", "sysfs"), ("/dev/pts", "devpts"), ("/dev/mqueue", "mqueue"))),
    Fine("watch_on_no_file_of_the_kernel", "InotifyProc", ("inotify", "/dev/shm")),
)
class Names(ResourceTest):
    def test_deleted_name_on_the_overlay_with_link_remap(self) -> None:
        """Nobody tells it from a file of the image, of which CRIU saves the content."""
        cid = self.start("holder", "/bin/holder", "linked", "deleted", **link_remap(overlay(self), self))
        self.lines(cid, 1)
        self.assertEqual(self.dump(cid).returncode, 0)
        found = next(c for c in self.last_record("checkpoint", "completed")["checks"] if c["id"] == "LinkRemap")
        self.assertEqual(found["verdict"], "warn")
        self.assertIn("if it has other names, nobody can restore", found["message"])
        self.refuse_restore("FileMissing", self.remove(cid), "/tmp/link_remap", fails=("LinkRemap", "Can't link "))


def locked_outside(lock: Callable[[IO[str], int], object]) -> Prepare:
    def prepare(test: ResourceTest) -> Options:
        options = volume(test)
        file = open(test.folder("shared") / "file", "w+")
        test.addCleanup(file.close)
        lock(file, fcntl.LOCK_EX)
        return options
    return prepare


@tabled(
    Fine("lock_of_its_own", "FileOutsideMounts", ("lock", "/shared/file"), volume),
    Fine("flock_of_another", "FileOutsideMounts", ("open", "/shared/file"), locked_outside(fcntl.flock)),
    Fine("record_lock_of_another", "FileOutsideMounts", ("open", "/shared/file"), locked_outside(fcntl.lockf)),
    Refused("too_many_full_pipes", "PipesFull", ("pipes", "1100"), words=("1100",), fails="OOM storing pipe"),
    Fine("many_full_pipes", "PipesFull", ("pipes", "1020"), verdict="warn"),
    Fine("full_pipes", "PipesFull", ("pipes", "100")),
    Refused("pipe_in_packet_mode", "PacketPipe", ("packets", "read"), words=("holder", "O_DIRECT"),
            fails="packetized mode"),
    Fine("pipes_in_the_usual_mode", "PacketPipe", ("pipes", "1020")),
)
class LocksAndPipes(ResourceTest):
    pass


@tabled(
    Refused("guard_page_with_an_old_criu", "GuardPages", ("guard", "installed"), flavours=TRIXIE,
            words=("holder", "CRIU 4.2"), fails="Can't splice all pages to pipe"),
    Fine("guard_page_with_a_new_criu", "GuardPages", ("guard", "installed"), flavours=FORKY),
    Fine("page_without_access", "GuardPages", ("guard", "protected")),
)
class Guards(ResourceTest):
    pass


def of_containerd(test: ResourceTest) -> Options:
    """Which takes the changes from the layers, whatever the node has."""
    return image(test) | {"annotations": {"io.container.manager": "containerd"}}


@tabled(  # that it is lost is shown in podman_test.py
    Warned("changed_file_of_the_image", "RootfsDiffLost", ("open", "/only-in-image"), image,
           words=("without them: /only-in-image",)),
    Fine("changed_file_that_the_node_has_too", "RootfsDiffLost", ("open", "/etc/passwd"), image),
    Fine("new_file", "RootfsDiffLost", ("open", "/new"), image),
    Fine("changed_file_without_crio_or_podman", "RootfsDiffLost", ("open", "/only-in-image"), of_containerd),
)
class Rootfs(ResourceTest):
    pass


def queues_of_the_node(test: ResourceTest) -> Options:
    """Bound in: nobody has to make that mount again."""
    folder = test.mounted(test.folder("queues"), "-t", "mqueue", "mqueue")
    (folder / "lpm").touch()
    test.addCleanup((folder / "lpm").unlink)
    return {"mounts": [bind(folder, "/dev/mqueue")]}


@tabled(
    Fine("open_in_its_own_shm", "ShmMount", ("open", "/dev/shm/file")),
    Fine("mapped_in_its_own_shm", "ShmMount", ("mapped", "/dev/shm/file")),
    Fine("shm_of_the_pod_unused", "ShmMount", ("child", "plain"), pod_shm),
    Refused("sysv_segment_of_the_host", "SysvShm", ("sysv",), HOST_IPC, words=("holder",),
            fails="doesn't live in IPC ns"),
    Refused("sysv_segment_of_the_host_as_crio_names_it", "SysvShm", ("sysv",), with_options(ipcns="/proc/1/ns/ipc"),
            words=("holder",), fails="doesn't live in IPC ns"),
    Refused("code_that_is_shared", "SharedCode", ("code", "shared"), words=("holder", "opcache.jit_buffer_size"),
            fails="POKEDATA failed"),
    Fine("code_that_is_shared_and_written", "SharedCode", ("code", "writable")),
    Fine("code_of_its_own", "SharedCode", ("code", "private")),
    Fine("sysv_segment_of_its_own", "SysvShm", ("sysv",)),
    Fine("host_ipc_unused", "SysvShm", ("child", "plain"), HOST_IPC),
    Refused("queue_that_is_open", "MessageQueue", ("queue", "open"), words=("holder", "/lpm"), fails="path=/lpm",
            code="FileOutsideMounts"),
    Refused("queue_that_is_closed", "MessageQueue", ("queue", "closed"), words=("/dev/mqueue/lpm",),
            fails="mqueue isn't empty"),
    Refused("queue_without_a_name", "MessageQueue", ("queue", "deleted"), words=("holder", "/lpm (deleted)"),
            fails="path=/lpm", code="FileOutsideMounts"),
    Fine("no_queue", "MessageQueue", ("child", "plain")),
    Fine("queue_of_the_node", "MessageQueue", ("child", "plain"), queues_of_the_node),
)
class SharedMemory(ResourceTest):
    def test_open_in_the_shm_of_the_pod(self) -> None:
        self.lost_with_the_pod("open")

    def test_mapped_in_the_shm_of_the_pod(self) -> None:
        self.lost_with_the_pod("mapped")

    def lost_with_the_pod(self, how: str) -> None:
        """It can be restored into the same pod, and into no other: its /dev/shm has no such file."""
        cid = self.start("holder", "/bin/holder", how, "/dev/shm/file", **pod_shm(self))
        self.lines(cid, 1)
        args = self.checkpoint_args(cid)
        SETTINGS.write_text('[checks]\nShmMount = "block"\n')
        with self.paused(cid):
            self.refused("ShmMount", args, "holder", "/dev/shm/file", "the same pod")
        self.refused("ShmMount", args, "holder", "/dev/shm/file", "the same pod")
        SETTINGS.unlink()
        self.assert_runs(cid)
        done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        record = self.last_record("checkpoint", "completed")
        self.assertEqual([c["verdict"] for c in record["checks"] if c["id"] == "ShmMount"], ["warn"])
        bundle = self.remove(cid)
        self.restores(bundle)
        self.call("--root", self.root, "delete", "--force", self.restored)  # runc 1.3 takes no cgroup that is not empty
        (self.work / "pid").unlink()
        (self.work / "shm/file").unlink()
        self.refuse_restore("FileMissing", bundle, "/dev/shm/file", fails=("FileMissing", "Can't open file dev/shm/file"))
        self.show("ShmMount", "warned")


def probed(test: ResourceTest, cid: str) -> None:
    """A probe on a function of the container's program, for as long as the test runs."""
    child = int(run("pgrep", "--parent", test.pid(cid)).stdout)
    place = int((test.rootfs / "tmp/probed").read_text())
    test.addCleanup(os.close, probe(test.rootfs / "bin/holder", place, child))


@tabled(
    Refused("probed_function", "Uprobes", ("probed",), outside=probed, flavours=FORKY, words=("holder",),
            fails="uprobe"),
    Refused("probed_function_with_an_old_criu", "Uprobes", ("probed",), outside=probed, flavours=TRIXIE,
            words=("holder", "install CRIU 4.2"), fails="Unsupported mapping found", code="CriuError"),
    Fine("function_without_a_probe", "Uprobes", ("probed",)),
)
class Probes(ResourceTest):
    pass


class HugePages(ResourceTest):
    flavours = GUEST  # its huge pages are nobody else's

    def test_memory_in_huge_pages(self) -> None:
        """Nobody has asked this CRIU what it can: there is a warning, and it can."""
        pages = pathlib.Path("/proc/sys/vm/nr_hugepages")
        self.addCleanup(pages.write_text, pages.read_text())
        pages.write_text("8")
        cid = self.start("holder", "/bin/holder", "huge", "8")
        self.assertNotIn("holder:", self.lines(cid, 1)[0])
        SETTINGS.write_text(PATIENT)
        pathlib.Path("/run/lpm/probe.json").unlink()
        self.addCleanup(run, GATE, "--probe")
        self.assertEqual(self.dump(cid).returncode, 0)
        found = next(c for c in self.last_record("checkpoint", "completed")["checks"] if c["id"] == "HugeMemfd")
        self.assertEqual(found["verdict"], "warn")
        self.assertIn("holder", found["message"])
        self.comes_back(cid)
        self.show("HugeMemfd", "warned")
