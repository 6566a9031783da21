# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Mounts: what the checks refuse really fails, and their harmless twins come back."""
import pathlib
import sys
from collections.abc import Callable

from e2e import run
from oci_spec import bind, mount
from resource_cases import ADMIN, Fine, Options, Outside, Prepare, Refused, ResourceTest, tabled, volume, with_options

ADMINISTRATOR = with_options(**ADMIN)
CHROOT = with_options(capabilities=("CAP_SYS_CHROOT",))
# Takes a mount of the node (open_tree), enters a container's mount namespace and puts it there (move_mount).
ACROSS = """
import ctypes, os, sys
pid, source, target = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
tree = libc.syscall(428, -100, source.encode(), 1)
os.setns(os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY), 0x20000)
os.makedirs(target, exist_ok=True)
if tree < 0 or libc.syscall(429, tree, b"", -100, target.encode(), 4) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
"""


def across(source: Callable[[ResourceTest], pathlib.Path]) -> Outside:
    """A late mount of the node's into the container, past the runtime: as a device plugin or a debugger does."""
    def outside(test: ResourceTest, cid: str) -> None:
        run(sys.executable, "-c", ACROSS, test.pid(cid), source(test), "/tmp/late")
    return outside


def folder(test: ResourceTest) -> pathlib.Path:
    return test.folder("late")


def whole(test: ResourceTest) -> pathlib.Path:
    return test.mounted(test.folder("late"), "-t", "tmpfs", "tmpfs")


def inside(*how: str) -> Outside:
    """A late mount of the container's own."""
    def outside(test: ResourceTest, cid: str) -> None:
        enter = ("nsenter", "--target", test.pid(cid), "--mount", "--", "/bin/busybox")
        run(*enter, "mkdir", "-p", "/tmp/late")
        run(*enter, "mount", *how, "/tmp/late")
    return outside


@tabled(
    Refused("folder_of_the_node", "MountUnknown", ("child", "plain"), outside=across(folder), words=("/tmp/late",),
            fails="doesn't have a proper root mount"),
    Fine("whole_tmpfs_of_the_node", "MountUnknown", ("child", "plain"), outside=across(whole)),
    Fine("tmpfs_made_inside", "MountUnknown", ("child", "plain"), outside=inside("-t", "tmpfs", "tmpfs")),
    Fine("folder_of_its_own", "MountUnknown", ("child", "plain"), outside=inside("-o", "bind", "/etc")),
)
class Late(ResourceTest):
    pass


def inside_deleted(test: ResourceTest, cid: str) -> None:
    """A late mount of the container's own, whose source it then removes."""
    enter = ("nsenter", "--target", test.pid(cid), "--mount", "--", "/bin/busybox")
    run(*enter, "mkdir", "-p", "/tmp/gone")
    inside("-o", "bind", "/tmp/gone")(test, cid)
    run(*enter, "rmdir", "/tmp/gone")


def file_of_volume(test: ResourceTest, _cid: str) -> None:
    (test.work / "shared/file").unlink()


def volume_with_file(test: ResourceTest) -> Options:
    (test.folder("shared") / "file").write_text("")
    return volume(test)


@tabled(
    Fine("deleted_folder_of_its_own", "MountDeleted", ("child", "plain"), outside=inside_deleted),
    Fine("volume_with_a_deleted_file", "MountDeleted", ("child", "plain"), volume_with_file, file_of_volume),
)
class Deleted(ResourceTest):
    """The dump of a mount whose source was deleted succeeds, and nobody can restore it."""

    def gone(self, place: str, remove: Callable[[pathlib.Path], object], source: pathlib.Path) -> pathlib.Path:
        """Refused, and taken with the check off; the bundle."""
        cid = self.start("holder", "/bin/holder", "child", "plain", mounts=[bind(source, place)])
        self.lines(cid, 1)
        remove(source)
        args = self.checkpoint_args(cid)
        with self.paused(cid):
            self.refused("MountDeleted", args, place)
        with self.foreseen(cid):
            self.refused("MountDeleted", args, place)
        self.assert_runs(cid)
        with self.without("MountDeleted"):
            done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.remove(cid)

    def test_folder_that_is_there_again(self) -> None:
        bundle = self.gone("/shared", pathlib.Path.rmdir, self.folder("shared"))
        self.folder("shared")
        self.refuse_restore("MountDeleted", bundle, "/shared", fails=("MountDeleted", "Can't re-create deleted directory"))

    def test_file_that_is_there_again(self) -> None:
        """As the subPath of a ConfigMap that has changed."""
        source = self.work / "settings"
        source.write_text("old")
        bundle = self.gone("/etc/settings", pathlib.Path.unlink, source)
        source.write_text("new")
        self.refuse_restore("MountDeleted", bundle, "/etc/settings",
                            fails=("MountDeleted", "Can't re-create deleted file"))

    def test_file_that_is_not_there(self) -> None:
        """Below a tmpfs, where the runtime does not look for it, CRIU makes it, and then falls over its own mount."""
        source = self.work / "log"
        source.write_text("")
        bundle = self.gone("/dev/termination-log", pathlib.Path.unlink, source)
        with self.without("MountSource"):
            self.refused("MountDeleted", self.restore_args(self.add_container("restored-without"), bundle),
                         "/dev/termination-log", operation="restore")
        with self.without("MountSource", "MountDeleted"):
            self.restore_fails(bundle, "BUG at criu/mount-v2.c", "CriuError")


def kind(name: str) -> Refused:
    return Refused(f"{name}_inside", "FilesystemUnsupported", ("mount", name), ADMINISTRATOR,
                   words=("/tmp/mounted", name), fails="unsupported id")


def known(name: str) -> Fine:
    return Fine(f"{name}_inside", "FilesystemUnsupported", ("mount", name), ADMINISTRATOR)


@tabled(
    *map(kind, ("ramfs", "bpf", "hugetlbfs")),
    *map(known, ("tmpfs", "proc", "sysfs", "mqueue", "debugfs", "tracefs", "securityfs", "binfmt_misc")),
)
class Filesystems(ResourceTest):
    pass


@tabled(
    Refused("covered_file", "FileCovered", ("covered", "yes"), ADMINISTRATOR, words=("holder", "/tmp/covered/file"),
            fails="Open files on overmounted mounts"),
    Fine("file_on_the_mount_that_covers", "FileCovered", ("covered", "no"), ADMINISTRATOR),
)
class Covered(ResourceTest):
    pass


@tabled(
    Refused("root_of_the_first_process", "RootChanged", ("chroot", "first"), CHROOT, words=("chroot",),
            fails="'s mountinfo"),
    Fine("root_of_a_child", "RootChanged", ("chroot", "child"), CHROOT),
)
class Root(ResourceTest):
    def test_root_with_a_mount_below(self) -> None:
        """Then there are mounts that CRIU reads, and no root among them."""
        below = bind(self.folder("shared"), "/tmp/root/shared")
        cid = self.start("holder", "/bin/holder", "chroot", "first", **CHROOT(self), mounts=[below])
        self.lines(cid, 1)
        self.refused("RootChanged", self.checkpoint_args(cid), "chroot")
        with self.without("RootChanged", "MountUnknown"):
            self.off_and_fail("RootChanged", self.checkpoint_args(cid), "checkpoint", "CriuError",
                              "No parent found for mountpoint")


def propagating(option: str) -> Prepare:
    """A volume of a folder whose mounts go on into the container, or not."""
    def prepare(test: ResourceTest) -> Options:
        source = test.mounted(test.folder("volume"), "--bind", test.folder("volume"))
        run("mount", "--make-shared", source)
        return {"mounts": [mount("/volume", "bind", str(source), "rbind", option)]}
    return prepare


def shared_node(test: ResourceTest) -> Options:
    """As systemd makes it: then the cgroup mounts of containers are slaves of the node's."""
    run("mount", "--make-rshared", "/sys/fs/cgroup")
    test.addCleanup(run, "mount", "--make-rprivate", "/sys/fs/cgroup")
    return {"mounts": [mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro")]}


def cgroups_are_slaves(test: ResourceTest, cid: str) -> None:
    """Or the row shows nothing; on cgroup v2 they never are."""
    if not pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists():
        mounts = pathlib.Path(f"/proc/{test.pid(cid)}/mountinfo").read_text().splitlines()
        test.assertTrue(any(" /sys/fs/cgroup/" in line and " master:" in line for line in mounts), mounts)


def later(test: ResourceTest, _cid: str) -> None:
    """Something is mounted in the volume on the node, as a driver for storage does."""
    test.mounted(test.folder("volume/later"), "-t", "tmpfs", "tmpfs")


@tabled(
    *(Refused(f"later_mount_in_an_{option}_volume", "MountSharing", ("child", "plain"), propagating(option), later,
              words=("/volume/later",), fails="has unreachable sharing") for option in ("rslave", "rshared")),
    *(Fine(f"{option}_volume", "MountSharing", ("child", "plain"), propagating(option))
      for option in ("rslave", "rshared")),
    Fine("cgroups_of_a_node_that_shares_its_mounts", "MountSharing", ("child", "plain"), shared_node, cgroups_are_slaves),
    Fine("private_volume", "MountSharing", ("child", "plain"), propagating("rprivate")),
    Fine("private_volume_with_a_later_mount", "MountSharing", ("child", "plain"), propagating("rprivate"), later),
)
class Sharing(ResourceTest):
    pass
