# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Restore at create: a container whose pod names an archive is made by CRI-O as any other, and wakes at its start; also
where the node changes in between."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import threading

from at_create import FALLBACK, FROM, MARKS, POLICY, RESTORED, UNPACKED, AtCreateTest, cgroups_of, marks, unpacked
from crio_pod import Pod, new_id
from crio_runtime import CrioError
from e2e import GATE, NodeTest, log_lines, run, settle, wait_for
from refusals import processes
from wake_archive import add, member, members, tar_of

BYPASS = pathlib.Path("/etc/lpm/bypass")


class Life(AtCreateTest):
    def goes_on(self) -> None:
        """From the create to the delete, with what the container had in its layer."""
        source = self.begin()
        diff = tar_of(members(member("made", b"kept"), member("tmp/pipe", kind=tarfile.FIFOTYPE, mode=0o622),
                              member("etc/", kind=tarfile.DIRTYPE, mode=0o755), member("etc/new", b"new")))
        (self.crio.folder(source) / "rootfs-diff.tar").write_bytes(diff)
        (self.crio.folder(source) / "deleted.files").write_text(json.dumps(["/bin/wc"]))
        archive = self.keep(source)
        pod = Pod("new")
        cid = self.wake(archive.name, pod)
        self.assert_pending(cid)
        self.assertEqual(unpacked(), [])
        lines = log_lines(self.crio.log(cid))
        settle()
        self.assertEqual(log_lines(self.crio.log(cid)), lines, "it runs before its start")
        with self.assertRaises(CrioError):
            self.crio.exec(cid, "echo", "inside")
        self.crio.start(cid)
        self.assertEqual(self.crio.state(cid)["status"], "running")
        self.assertEqual(marks(), [])
        self.assert_goes_on(cid, archive)
        self.assertEqual(self.crio.exec(cid, "echo", "inside"), "inside\n")
        self.assertEqual(self.crio.exec(cid, "cat", "/made", "/etc/new"), "keptnew")
        self.assertEqual(self.crio.exec(cid, "ls", "/tmp"), "pipe\n")
        self.assertNotIn("wc\n", self.crio.exec(cid, "ls", "/bin"))
        record = self.last_record("restore", "completed")
        names = record["container"]["names"]
        self.assertEqual((record["container"]["id"], names["pod"], names["pod_uid"], names["name"]), (cid, "new", pod.uid, "ctr"))
        self.assertEqual(os.listdir(RESTORED), [f"{pod.uid}_ctr"])
        self.crio.stop(cid, 1)
        self.remove(cid)


class Wakes(Life):
    def test_it_goes_on_at_its_start(self) -> None:
        self.goes_on()

    def test_a_file_of_its_own_that_it_has_open(self) -> None:
        """Which is in no image: it comes with the layer, behind the checks. A layer that has it not, or another one, is
        refused before anything of it is put down."""
        source = self.begin(None, "sh", "-c", "mkdir /own; exec 3>/own/file; echo kept >&3; exec /bin/counter")
        folder = member("own/", kind=tarfile.DIRTYPE)
        for code, layer in (("FileMissing", folder), ("FileChanged", members(folder, member("own/file", b"other than kept"))),
                            ("", members(folder, member("own/file", b"kept\n")))):
            (self.crio.folder(source) / "rootfs-diff.tar").write_bytes(tar_of(layer))
            archive = self.folder / f"checkpoint-pod_default-ctr-{code}.tar"
            self.crio.checkpoint(source, archive)
            archive.chmod(0o600)
        self.crio.kill(source)
        self.crio.delete(source)
        self.refused_wake("FileMissing", "checkpoint-pod_default-ctr-FileMissing.tar", "/own/file")
        self.refused_wake("FileChanged", "checkpoint-pod_default-ctr-FileChanged.tar", "/own/file")
        cid = self.wake(archive.name)
        self.crio.start(cid)
        self.assert_goes_on(cid, archive)
        self.assertEqual(self.crio.exec(cid, "cat", "/proc/1/fd/3"), "kept\n")

    def test_host_name_of_the_new_pod(self) -> None:
        archive = self.taken()
        cid = self.wake(archive.name, change=lambda spec: spec.update(hostname="new-name"))
        self.crio.start(cid)
        self.assertEqual(self.crio.exec(cid, "cat", "/proc/sys/kernel/hostname"), "new-name\n")

    def test_once_for_a_container_of_a_pod(self) -> None:
        archive = self.taken()
        nonce, _ = self.last_of(archive)
        pod = Pod("new")
        first = self.wake(archive.name, pod)
        self.crio.start(first)
        self.assert_goes_on(first, archive)
        self.crio.kill(first)
        second = self.wake(archive.name, pod)
        self.crio.start(second)
        self.assertNotEqual(self.assert_no_gap(self.lines(second, 2)), nonce)
        self.assertEqual(self.last_record("restore", "refused")["result"]["code"], "RestoredBefore")
        pod.annotations[POLICY] = "always"
        third = self.wake(archive.name, pod)
        self.crio.start(third)
        self.assert_goes_on(third, archive)

    def test_one_that_was_never_started_may_wake_again(self) -> None:
        archive = self.taken()
        pod = Pod("new")
        self.remove(self.wake(archive.name, pod))
        cid = self.wake(archive.name, pod)
        self.crio.start(cid)
        self.assert_goes_on(cid, archive)

    def test_start_without_an_archive_where_the_pod_allows_it(self) -> None:
        cid = self.wake("no-such.tar", Pod("new", annotations={FALLBACK: "start"}))
        self.assertEqual(self.status(cid), "created")
        self.crio.start(cid)
        self.lines(cid, 2)
        self.assertEqual(self.last_record("restore", "refused")["result"]["code"], "ArchiveMissing")

    def test_it_can_be_checkpointed_and_wakes_again(self) -> None:
        first = self.taken()
        cid = self.wake(first.name)
        self.crio.start(cid)
        self.assert_goes_on(cid, first)
        second = self.keep(cid)
        self.assertEqual(self.last_of(second)[0], self.last_of(first)[0])
        cid = self.wake(second.name)
        self.crio.start(cid)
        self.assert_goes_on(cid, second)


class WakesUnderOldCrio(Life):
    """CRI-O 1.30's create has no PATH."""

    release = "1.30"

    def test_it_goes_on_with_no_path(self) -> None:
        self.goes_on()


class Unpacking(NodeTest):
    def test_it_ends_with_its_caller(self) -> None:
        """Which was killed: nothing goes on in a folder that others remove."""
        to = self.work / "images"
        to.mkdir()
        large = self.work / "large.tar"
        info = tarfile.TarInfo("checkpoint/pages-1.img")
        info.size = 1 << 30
        with large.open("wb") as file:
            file.write(info.tobuf(tarfile.GNU_FORMAT))
            file.truncate(512 + info.size + 1024)
        call = "import subprocess, sys; subprocess.run(sys.argv[1:])"
        with large.open("rb") as stdin:
            caller = subprocess.Popen([sys.executable, "-c", call, "/usr/libexec/lpm/lpm-wake", "images", str(to)], stdin=stdin)
        wait_for("it writes", lambda: os.listdir(to), 10)
        for pid in processes("lpm-wake"):
            os.kill(pid, signal.SIGSTOP)
        self.assertTrue(processes("lpm-wake"))
        caller.kill()
        caller.wait()
        wait_for("its end", lambda: not processes("lpm-wake"), 10)


class Deleted(AtCreateTest):
    """While the create is under way, as CRI-O does when that has taken too long."""

    def begin_wake(self, source: str) -> tuple[str, list[CrioError]]:
        """The create of a container; why it failed, when it has."""
        cid = self.add_container(new_id())
        failed: list[CrioError] = []
        pod = Pod("new", annotations={FROM: source})

        def create() -> None:
            try:
                self.crio.create(cid, self.new_root(), ("/bin/counter",), annotations=pod.notes())
            except CrioError as error:
                failed.append(error)
        self.creating = threading.Thread(target=create)
        self.creating.start()
        self.addCleanup(self.creating.join)
        return cid, failed

    def assert_failed(self, cid: str, failed: list[CrioError], word: str) -> None:
        self.creating.join()
        self.assertIn(word, str(failed))
        self.assert_gone(cid)
        self.assertEqual((marks(), unpacked()), ([], []))

    def test_while_it_is_unpacked(self) -> None:
        archive = self.taken()
        with tarfile.open(archive, "a") as tar:
            add(tar, "checkpoint/more.img", bytes(256 << 20))
        cid, failed = self.begin_wake(archive.name)
        wait_for("it is unpacked", lambda: cid in unpacked())
        self.assertEqual(self.ask("delete", "--force", cid).returncode, 0)
        self.assert_failed(cid, failed, "EOF")  # CRI-O's words for a conmon that says nothing: the delete has ended it

    def test_while_it_is_restored(self) -> None:
        """Longer than a delete waits: it takes the mark away, and the runtime knows of no container."""
        archive = self.taken()
        made = self.work / "made"
        script = self.work / "script"
        script.write_text(f'#!/bin/sh\n[ "$CRTOOLS_SCRIPT_ACTION" != pre-resume ] || {{ touch {made}; sleep 1; }}\n')
        script.chmod(0o755)
        self.criu_config(f"action-script {script}")
        cid, failed = self.begin_wake(archive.name)
        wait_for("the restore", made.exists)
        [mark] = MARKS.glob("*/*")
        mark.unlink()
        self.assert_failed(cid, failed, "it was deleted while it was restored")


class Switched(AtCreateTest):
    """The node changes while a container waits for its start."""

    def setUp(self) -> None:
        super().setUp()
        self.archive = self.taken()

    def bypass(self) -> None:
        BYPASS.touch()
        self.addCleanup(BYPASS.unlink, missing_ok=True)

    def without_gate(self) -> None:
        away = GATE.with_name("away")
        GATE.rename(away)
        self.addCleanup(lambda: away.exists() and away.rename(GATE))

    def test_bypass_before_the_start(self) -> None:
        cid = self.wake(self.archive.name)
        self.bypass()
        self.assertEqual(self.crio.state(cid)["status"], "created")
        self.crio.start(cid)
        self.assert_goes_on(cid, self.archive)
        self.remove(cid)

    def test_bypass_before_the_delete(self) -> None:
        cid = self.wake(self.archive.name)
        self.bypass()
        self.remove(cid)

    def test_bypass_before_the_create(self) -> None:
        self.bypass()
        cid = self.wake(self.archive.name)
        self.assertEqual(self.status(cid), "created")

    def test_switched_off_before_the_start(self) -> None:
        cid = self.wake(self.archive.name)
        self.switch_off()
        self.crio.start(cid)
        self.assert_goes_on(cid, self.archive)

    def test_gate_that_is_removed(self) -> None:
        cid = self.wake(self.archive.name)
        self.without_gate()
        self.crio.delete(cid)
        wait_for("its end", lambda: not processes("counter"))
        self.assertEqual(cgroups_of(cid), [])
        GATE.with_name("away").rename(GATE)
        run(GATE, "--settle")
        self.assert_gone(cid)

    def test_stop_without_a_gate(self) -> None:
        cid = self.wake(self.archive.name)
        self.without_gate()
        self.assertIsNotNone(self.crio.kill(cid))
        self.crio.delete(cid)
        wait_for("its end", lambda: not processes("counter"))
        self.assertEqual(cgroups_of(cid), [])

    def test_container_that_dies(self) -> None:
        cid = self.wake(self.archive.name)
        os.kill(self.crio.state(cid)["pid"], signal.SIGKILL)
        settle()
        self.assertIn(self.crio.state(cid)["status"], ("created", "stopped"))  # with cgroup v1 it dies when it is thawed
        self.remove(cid)

    def test_machine_that_starts_again(self) -> None:
        """/run is empty then, and what was unpacked when it went down is not."""
        pod = Pod("new")
        cid = self.wake(self.archive.name, pod)
        self.crio.start(cid)
        folder = UNPACKED / marks_folder(self.root) / "left"
        (folder / "checkpoint").mkdir(parents=True)
        (folder / "checkpoint/pages-1.img").write_bytes(b"memory")
        run("rm", "-rf", *pathlib.Path("/run/lpm").glob("*"))
        run(GATE, "--settle")
        self.assertFalse(folder.exists())
        self.assertEqual(os.listdir(RESTORED), [f"{pod.uid}_ctr"])
        self.crio.kill(cid)
        again = self.wake(self.archive.name, pod)
        self.assertEqual(self.status(again), "created")
        self.assertEqual(self.last_record("restore", "refused")["result"]["code"], "RestoredBefore")


def marks_folder(root: str) -> str:
    """The hash of a runtime's root, as lpm makes it: of the folder that is there, when there is one."""
    return next((path.name for path in UNPACKED.glob("*")), root.replace("/", "_"))
