# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What the gate does after the runtime: a container that was left frozen, a restore that lasts as long as its
container."""
import os
import pathlib
import shutil

from e2e import SETTINGS, Done, NodeTest, run, settle
from oci_spec import Json

LINK = pathlib.Path("/etc/lpm/runtime")
# A runc that dies in the middle of a checkpoint, when it has done something to the container.
DIES = """#!/bin/sh
case " $* " in *" checkpoint "*)
    {act} 2>/dev/null
    kill -KILL $$ ;;
esac
exec /usr/sbin/runc "$@"
"""


class Killed(NodeTest):
    def checkpoint_by_a_dying_runtime(self, cid: str, act: str | None = None) -> tuple[Done, Json]:
        program = self.work / "runc"
        act = act or f"/usr/sbin/runc --root {self.crio.runtime.root} pause {cid}"
        program.write_text(DIES.format(act=act))
        program.chmod(0o755)
        LINK.unlink()
        LINK.symlink_to(program)
        try:
            done = self.call("--root", self.crio.runtime.root, "checkpoint", "--image-path", self.work / "images",
                             "--work-path", self.work, "--leave-running", cid)
        finally:
            LINK.unlink()
            LINK.symlink_to("/usr/sbin/runc")
        self.assertEqual(done.returncode, -9)
        record = self.last_record("checkpoint", "failed")
        self.assertEqual((record["result"]["code"], record["result"]["signal"]), ("RuntimeKilled", 9))
        return done, record

    def test_what_a_killed_runtime_left_frozen_is_thawed(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 3)
        done, record = self.checkpoint_by_a_dying_runtime(cid)
        self.assertFalse(record["container"].get("frozen", False))
        self.assertIn("the container was left frozen and has been thawed", record["notes"])
        self.assertIn("thawed", done.stderr)
        self.assertEqual(self.status(cid), "running")
        self.assert_no_gap(self.lines(cid, len(self.lines(cid)) + 5))

    def test_what_the_caller_froze_stays_frozen(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 3)
        self.crio.pause(cid)
        done, record = self.checkpoint_by_a_dying_runtime(cid)
        self.assertTrue(record["container"]["frozen"])
        self.assertNotIn("thawed", " ".join(record.get("notes", [])) + done.stderr)
        self.assertEqual(self.status(cid), "paused")
        lines = len(self.lines(cid))
        settle(1)
        self.assertEqual(len(self.lines(cid)), lines, "it goes on")
        self.crio.resume(cid)
        self.assert_no_gap(self.lines(cid, lines + 5))

    def test_what_was_stopped_is_told(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 3)
        pid = self.crio.state(cid)["pid"]
        done, record = self.checkpoint_by_a_dying_runtime(cid, f"kill -STOP {pid}")
        self.assertIn(f"stopped by a signal, which only SIGCONT ends: process {pid} (counter)", done.stderr)
        self.assertIn("stopped by a signal", " ".join(record["notes"]))
        run("/bin/sh", "-c", f"kill -CONT {pid}")
        self.assert_no_gap(self.lines(cid, len(self.lines(cid)) + 3))

    def test_a_container_that_is_gone_is_told(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 3)
        pid = self.crio.state(cid)["pid"]
        done, record = self.checkpoint_by_a_dying_runtime(cid, f"kill -KILL {pid}; sleep 0.5")
        self.assertIn(f"its first process, {pid}, is gone", done.stderr)
        self.assertIn("is gone", " ".join(record["notes"]))


class Foreground(NodeTest):
    """runc restore without --detach: it ends when the container does."""

    def checkpointed(self) -> pathlib.Path:
        go = self.rootfs / "tmp/go"
        go.unlink(missing_ok=True)
        self.addCleanup(go.unlink, missing_ok=True)
        cid = self.start("waits", "/bin/sh", "-c", "echo waits; until [ -e /tmp/go ]; do sleep 0.1; done; exit 7")
        self.lines(cid, 1)
        self.images = self.work / "images"
        done = self.call("--root", self.crio.runtime.root, "checkpoint", "--image-path", self.images, "--work-path",
                         self.work, cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.crio.wait_exit(cid)
        bundle = self.work / "bundle"
        bundle.mkdir()
        shutil.copy(self.crio.bundle(cid) / "config.json", bundle)
        self.crio.delete(cid)
        go.touch()
        return bundle

    def restore(self, bundle: pathlib.Path) -> Done:
        new = self.add_container(f"again-{os.urandom(4).hex()}")
        return self.call("--root", self.crio.runtime.root, "restore", "--image-path", self.images, "--work-path",
                         self.work, "--bundle", bundle, new)

    def test_the_containers_status_is_no_failure_of_the_restore(self) -> None:
        done = self.restore(self.checkpointed())
        self.assertEqual(done.returncode, 7, done.stderr)
        record = self.last_record("restore", "completed")
        self.assertEqual(record["result"], {"exit": 7})
        self.assertEqual(record["restored_from"], self.records()[0]["id"])
        self.assertNotIn("lpm:", done.stderr)

    def test_a_restore_that_fails_has_failed(self) -> None:
        bundle = self.checkpointed()
        config = bundle / "config.json"
        config.write_text(config.read_text().replace(str(self.rootfs), str(self.work / "empty")))
        (self.work / "empty").mkdir()
        SETTINGS.write_text('[checks]\nFileMissing = "off"\n')
        done = self.restore(bundle)
        self.assertNotIn(done.returncode, (0, 7))
        record = self.last_record("restore", "failed")
        self.assertEqual(record["result"]["exit"], done.returncode)
        self.assertTrue(record["result"]["code"])
