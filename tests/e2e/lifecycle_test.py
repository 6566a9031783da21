# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Life-cycle hooks around real checkpoints and restores: what they are told, and what they can and cannot do."""
import json
import os
import pathlib
import shutil
import time
from typing import Any

from e2e import REAL, SETTINGS, Done, NodeTest, run, wait_for
from oci_spec import Json, bind

HOOKS = pathlib.Path("/etc/lpm/checkpoint.d")


class Lifecycle(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(shutil.rmtree, HOOKS, ignore_errors=True)
        self.said = self.work / "said"
        self.images = self.work / "images"

    def hook(self, point: str, name: str, script: str, **keys: object) -> None:
        """A hook of this script; `keys` as in its declaration."""
        program = self.work / f"{point}-{name}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        (HOOKS / point).mkdir(parents=True, exist_ok=True)
        lines = [f"{key} = {json.dumps(value)}" for key, value in {"path": str(program), **keys}.items()]
        (HOOKS / point / f"{name}.toml").write_text("\n".join(lines) + "\n")

    def teller(self, point: str, **keys: object) -> None:
        """A hook that notes what it is told."""
        self.hook(point, "50-tells", f"cat >>{self.said}; echo noted", **keys)

    def told(self) -> list[Json]:
        return [json.loads(line) for line in self.said.read_text().splitlines()]

    def ran(self, operation: str, outcome: str) -> list[tuple[str, str, str]]:
        return [(h["point"], h["name"], h["outcome"]) for h in self.last_record(operation, outcome)["hooks"]]

    def checkpoint(self, cid: str, **options: Any) -> Done:
        return self.call("--root", self.crio.runtime.root, "checkpoint", "--image-path", self.images, "--work-path", self.work,
                         "--leave-running", cid, **options)

    def assert_unharmed(self, cid: str) -> None:
        self.assertEqual(self.status(cid), "running")
        self.assert_no_gap(self.lines(cid, len(self.lines(cid)) + 3))

    def test_around_checkpoint_and_restore_of_an_engine(self) -> None:
        """CRI-O freezes the container first: a hook that needs it alive is left out, and the record says why."""
        for point in ("pre-checkpoint", "post-checkpoint", "pre-restore", "post-restore"):
            self.teller(point, when="frozen")
        self.hook("pre-checkpoint", "60-asks", "exit 9", when="running")
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 3)
        new = self.move(cid)
        taken, restored = self.records()
        self.assertEqual([(h["point"], h["name"], h["outcome"]) for h in taken["hooks"]],
                         [("pre-checkpoint", "50-tells", "done"), ("pre-checkpoint", "60-asks", "skipped"),
                          ("post-checkpoint", "50-tells", "done")])
        self.assertIn("frozen", taken["hooks"][1]["message"])
        self.assertEqual([(h["point"], h["outcome"]) for h in restored["hooks"]],
                         [("pre-restore", "done"), ("post-restore", "done")])
        told = self.told()
        self.assertEqual([t["hook"] for t in told], ["pre-checkpoint", "post-checkpoint", "pre-restore", "post-restore"])
        self.assertEqual([t["id"] for t in told], [cid, cid, new, new])
        self.assertEqual(told[0]["record"], taken["id"])
        self.assertTrue(told[0]["frozen"])
        self.assertNotIn("outcome", told[0])
        self.assertEqual(told[1]["outcome"], "completed")
        self.assertEqual(told[3]["pid"], json.loads(run(REAL, "--root", self.crio.runtime.root, "state", new).stdout)["pid"])
        kept = self.kept(taken) / "hook-pre-checkpoint-50-tells.log"
        self.assertEqual(kept.read_text(), "noted\n")
        self.assert_no_gap(self.lines(new, len(self.lines(new)) + 3))

    def test_a_hook_that_must_succeed_and_cannot(self) -> None:
        """Where CRI-O freezes first, that is told; and a node may refuse the checkpoint."""
        self.hook("pre-checkpoint", "60-asks", "true", when="running", on_failure="abort")
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 3)
        for caller, verdict in (("running", "pass"), ("paused", "warn")):
            if caller == "paused":
                self.crio.pause(cid)
            done = self.checkpoint(cid)
            self.assertEqual((done.returncode, done.stderr), (0, ""), "what succeeds says nothing")
            record = self.last_record("checkpoint", "completed")
            [(found, message)] = [(c["verdict"], c.get("message", "")) for c in record["checks"] if c["id"] == "HookSkipped"]
            self.assertEqual(found, verdict)
        self.assertIn("60-asks", message)
        self.addCleanup(SETTINGS.unlink)
        SETTINGS.write_text('[checks]\nHookSkipped = "block"\n')
        done = self.checkpoint(cid)
        self.assertIn("60-asks", done.stderr)
        self.assertEqual(self.last_record("checkpoint", "refused")["result"]["code"], "HookSkipped")
        self.crio.resume(cid)
        self.assertEqual(self.checkpoint(cid).returncode, 0)
        self.assert_unharmed(cid)
        self.show("HookSkipped", "warned")

    def test_redis_saves_before_it_is_frozen(self) -> None:
        """A caller that leaves the freezing to CRIU: the hook asks the program while it can answer."""
        data = self.work / "data"
        data.mkdir()
        cid = self.start("redis", "/usr/bin/redis-server", "--save", "", "--port", "0", "--unixsocket", "/run/redis.sock",
                         "--dir", "/data", rootfs=self.system(), mounts=[bind(data, "/data")])
        init = json.loads(run(REAL, "--root", self.crio.runtime.root, "state", cid).stdout)["pid"]
        ask = ("redis-cli", "-s", f"/proc/{init}/root/run/redis.sock")
        wait_for("redis answers", lambda: run(*ask, "ping", check=False).stdout == "PONG\n")
        run(*ask, "set", "key", "kept")
        self.hook("pre-checkpoint", "50-save", 'exec redis-cli -s "/proc/$LPM_PID/root/run/redis.sock" save', when="running")
        self.assertFalse((data / "dump.rdb").exists())
        done = self.checkpoint(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.ran("checkpoint", "completed"), [("pre-checkpoint", "50-save", "done")])
        record = self.records()[-1]
        self.assertFalse(record["container"]["frozen"])
        self.assertIn(b"kept", (data / "dump.rdb").read_bytes())
        self.assertEqual((self.kept(record) / "hook-pre-checkpoint-50-save.log").read_text(), "OK\n")

    def test_a_failure_refuses_the_checkpoint(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 3)
        self.hook("pre-checkpoint", "10-fails", "echo cannot flush; exit 4", when="frozen")
        self.teller("pre-checkpoint", when="frozen")
        self.teller("post-checkpoint", when="frozen")
        done = self.checkpoint(cid)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, f"lpm refused checkpoint of {cid}: hook 10-fails: ended with status 4: cannot flush; mend "
                                      'the hook, or set on_failure = "warn" in its file [HookFailed]\n')
        self.assertEqual(self.ran("checkpoint", "refused"),
                         [("pre-checkpoint", "10-fails", "failed"), ("post-checkpoint", "50-tells", "done")])
        self.assertEqual([(t["hook"], t["outcome"], t["code"]) for t in self.told()],
                         [("post-checkpoint", "refused", "HookFailed")])
        self.assertFalse(self.images.exists())
        self.assert_unharmed(cid)

    def test_a_failure_that_only_warns(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 3)
        self.hook("pre-checkpoint", "10-fails", "exit 4", when="frozen", on_failure="warn")
        self.assertEqual(self.checkpoint(cid).returncode, 0)
        self.assertEqual(self.ran("checkpoint", "completed"), [("pre-checkpoint", "10-fails", "failed")])

    def test_what_hangs_is_ended(self) -> None:
        """Also under a caller that ignores its children, and in no more time than all hooks together have."""
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 3)
        SETTINGS.write_text("[hooks]\ntotal_ms = 700\n")
        for name in ("10-hangs", "20-hangs"):
            self.hook("pre-checkpoint", name, "sleep 300", when="frozen", on_failure="warn", timeout_ms=500)
        start = time.monotonic()
        done = run("sh", "-c", 'trap "" CHLD; exec "$@"', "sh", "/etc/lpm/bin/runc", "--root", self.crio.runtime.root,
                   "checkpoint", "--image-path", self.images, "--work-path", self.work, "--leave-running", cid, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        hooks = self.last_record("checkpoint", "completed")["hooks"]
        self.assertEqual([h["outcome"] for h in hooks], ["failed", "failed"])
        self.assertIn("did not end in 500 ms", hooks[0]["message"])
        self.assertLess(sum(h["time_ms"] for h in hooks), 5000)
        self.assertLess(time.monotonic() - start, 60)
        self.assertEqual(run("pgrep", "-fx", "sleep 300", check=False).stdout, "", "nothing of it is left")
        self.assert_unharmed(cid)

    def test_much_output_and_a_killed_hook(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 3)
        self.hook("pre-checkpoint", "10-loud", "head -c 104857600 /dev/zero | tr '\\0' x", when="frozen", timeout_ms=60000)
        self.hook("pre-checkpoint", "20-dies", "kill -9 $$", when="frozen", on_failure="warn")
        SETTINGS.write_text("[hooks]\ntotal_ms = 20000\n")
        self.assertEqual(self.checkpoint(cid).returncode, 0)
        hooks = self.last_record("checkpoint", "completed")["hooks"]
        self.assertEqual([h["outcome"] for h in hooks], ["done", "failed"])
        self.assertIn("137", hooks[1]["message"])
        self.assertEqual(os.stat(self.kept(self.records()[-1]) / "hook-pre-checkpoint-10-loud.log").st_size, 65536)
        self.assert_unharmed(cid)

    def test_what_others_can_write_is_not_run(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 3)
        self.teller("pre-checkpoint", when="frozen", on_failure="warn")
        (self.work / "pre-checkpoint-50-tells").chmod(0o777)
        self.assertEqual(self.checkpoint(cid).returncode, 0)
        self.assertEqual(self.ran("checkpoint", "completed"), [("pre-checkpoint", "50-tells", "failed")])
        self.assertFalse(self.said.exists())
