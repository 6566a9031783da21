# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A container that is restored at its create is, until its start, one that is created: what callers may ask of it meanwhile."""
import json
import os
import time

from at_create import RESTORED, AtCreateTest, cgroups_of
from crio_runtime import CrioError
from e2e import REAL, Done


class AsCreated(AtCreateTest):
    """Each call before the start, beside the same one of a container that the bare runtime has created."""

    def setUp(self) -> None:
        super().setUp()
        self.archive = self.taken()

    def plain(self) -> str:
        """A container that is created, by the runtime itself."""
        cid = self.add_container(f"plain-{os.urandom(4).hex()}")
        path, self.crio.runtime.path = self.crio.runtime.path, REAL
        self.crio.create(cid, self.new_root(), ("/bin/counter",))
        self.crio.runtime.path = path
        return cid

    def word(self, cid: str, runtime: str = "") -> str:
        """Its state."""
        done = self.ask("state", cid, runtime=runtime)
        return str(json.loads(done.stdout)["status"]) if done.returncode == 0 else "unknown"

    def ends(self, cid: str, runtime: str = "") -> str:
        """Its state when a signal has had time to do what it does: one that ends it finds it running for a moment."""
        end = time.monotonic() + 0.5
        while (word := self.word(cid, runtime)) != "stopped" and time.monotonic() < end:
            time.sleep(0.05)
        return word

    def compare(self, *words: object) -> tuple[str, Done]:
        """The same call of both; the pending one's id, and how its call ended."""
        plain, cid = self.plain(), self.wake(self.archive.name)
        seen = []
        done = None
        for one, runtime in ((plain, REAL), (cid, "")):
            done = self.ask(*(one if word == "ID" else word for word in words), runtime=runtime)
            word = self.ends(one, runtime) if words[0] == "kill" else self.word(one, runtime)
            seen.append((done.returncode == 0, word, bool(done.stdout)))
        assert done is not None
        self.assertEqual(seen[1], seen[0], (words, done.stderr))
        self.ask("delete", "--force", plain, runtime=REAL)
        return cid, done

    def test_signals_that_end_it(self) -> None:
        for sig in ("15", "sigterm", "HUP", "KILL", "abrt"):
            cid, _ = self.compare("kill", "ID", sig)
            self.assertEqual(self.word(cid), "stopped", sig)
            self.assertIsNotNone(self.crio.wait_exit(cid, 5))
            self.remove(cid)
        cid, _ = self.compare("kill", "ID")
        self.remove(cid)

    def test_signals_that_do_not(self) -> None:
        """They are lost on a program that has not begun; the restored one must not find them at its start."""
        trap = 'trap "echo caught" USR1 USR2; i=0; while :; do echo nonce $i; i=$((i + 1)); sleep 0.1; done'
        self.archive = self.taken(None, "/bin/sh", "-c", trap)
        for sig in ("0", "SIGUSR1", "FOO"):
            cid, _ = self.compare("kill", "ID", sig)
            self.crio.start(cid)
            self.assert_goes_on(cid, self.archive)
            self.crio.kill(cid)
            self.remove(cid)


    def test_deletes(self) -> None:
        for words in (("delete", "ID"), ("delete", "--force", "ID")):
            cid, _ = self.compare(*words)
            self.assert_gone(cid)

    def test_what_looks_at_it(self) -> None:
        for words in (("state", "ID"), ("ps", "ID"), ("events", "--stats", "ID")):
            cid, _ = self.compare(*words)
            self.remove(cid)

    def test_limits_that_change(self) -> None:
        cid, _ = self.compare("update", "--pids-limit", "77", "--memory", str(64 << 20), "ID")
        [limit] = [path / "pids.max" for path in cgroups_of(cid) if (path / "pids.max").exists()]
        self.assertEqual(limit.read_text(), "77\n")
        self.assert_pending(cid)
        self.crio.start(cid)
        self.assert_goes_on(cid, self.archive)

    def test_checkpoint_is_refused(self) -> None:
        cid, done = self.compare("checkpoint", "--image-path", self.images, "--work-path", self.work, "ID")
        self.assertIn("[ContainerState]", done.stderr)
        self.assert_pending(cid)
        self.crio.start(cid)
        self.assert_goes_on(cid, self.archive)

    def test_it_cannot_be_paused(self) -> None:
        """Here the runtime would do it: it is, and whoever resumed it would start it. No engine asks for it."""
        cid = self.wake(self.archive.name)
        for verb in ("pause", "resume"):
            done = self.ask(verb, cid)
            self.assertEqual(done.returncode, 1)
            self.assertIn("is created and not started", done.stderr)
            self.assert_pending(cid)
        self.crio.start(cid)
        self.assert_goes_on(cid, self.archive)
        self.crio.pause(cid)
        self.assertEqual(self.crio.state(cid)["status"], "paused")
        self.crio.resume(cid)
        self.assertEqual(self.crio.state(cid)["status"], "running")

    def test_stop_as_cri_o_does_it(self) -> None:
        cid = self.wake(self.archive.name)
        self.assertIsNotNone(self.crio.stop(cid, 5))
        self.remove(cid)

    def test_another_start(self) -> None:
        cid = self.wake(self.archive.name)
        self.crio.start(cid)
        with self.assertRaises(CrioError):
            self.crio.start(cid)
        self.assert_goes_on(cid, self.archive)

    def test_start_of_one_that_has_died(self) -> None:
        cid = self.wake(self.archive.name)
        self.ask("kill", cid, "KILL")
        self.crio.wait_exit(cid, 5)
        with self.assertRaises(CrioError):
            self.crio.start(cid)
        self.assertFalse(RESTORED.exists() and os.listdir(RESTORED))
        self.remove(cid)
