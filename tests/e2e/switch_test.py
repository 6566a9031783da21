# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The operator's kill switch, a broken installation, another runtime: calls still reach the runtime."""
import pathlib

from e2e import CRUN, GATE, RECORDS, SETTINGS, NodeTest, run

BYPASS = pathlib.Path("/etc/lpm/bypass")


class Switches(NodeTest):
    def works(self) -> str:
        """A container that goes through a checkpoint and a restore."""
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 2)
        new = self.move(cid)
        self.assert_no_gap(self.lines(new, len(self.lines(new)) + 3))
        return new

    def test_bypass_file(self) -> None:
        BYPASS.touch()
        self.addCleanup(BYPASS.unlink)
        self.works()
        self.assertEqual(self.records(), [])

    def test_gate_missing(self) -> None:
        away = GATE.with_name("away")
        GATE.rename(away)
        self.addCleanup(away.rename, GATE)
        self.works()
        self.assertEqual(self.records(), [])

    def test_settings_broken(self) -> None:
        SETTINGS.write_text("this is no [toml\n")
        self.works()
        self.assertEqual([r["outcome"] for r in self.records()], ["completed", "completed"])

    def test_no_room_for_records(self) -> None:
        """Nothing can be written below /var/lib/lpm: the operation goes on all the same."""
        run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "/var/lib/lpm")
        try:
            self.works()
        finally:
            run("umount", "/var/lib/lpm")
        self.assertEqual(self.records(), [])

    def test_crun_as_the_runtime(self) -> None:
        self.use_crun()
        cid = self.start("crun", "/bin/counter")
        self.addCleanup(run, CRUN, "--root", self.crio.runtime.root, "delete", "--force", cid,
                        check=False)
        self.lines(cid, 2)
        self.assertEqual(self.crio.exec(cid, "echo", "inside"), "inside\n")
        self.crio.pause(cid)
        self.assertEqual(self.crio.state(cid)["status"], "paused")
        self.crio.resume(cid)
        archive = self.work / "checkpoint.tar"
        self.assertIn("+CRIU", run(CRUN, "--version").stdout, "this crun cannot show anything")
        self.crio.checkpoint(cid, archive)
        record = self.last_record("checkpoint", "completed")
        self.assertEqual(record["runtime"]["kind"], "crun")
        self.assertEqual(record["invocation"]["additions"], [])
        self.crio.kill(cid)
        self.crio.delete(cid)
        new = f"restored-{cid}"
        self.addCleanup(run, CRUN, "--root", self.crio.runtime.root, "delete", "--force", new,
                        check=False)
        self.crio.restore(new, archive, self.rootfs)
        self.assert_no_gap(self.lines(new, len(self.lines(new)) + 3))
        self.last_record("restore", "completed")
        cid = new
        self.crio.stop(cid, 0.5)
        self.crio.delete(cid)


class Records(NodeTest):
    def test_record_of_a_failure(self) -> None:
        """runc fails: its own exit status and words, and a final record that says so."""
        done = self.call("--root", "/run/runc", "checkpoint", "--image-path", self.work / "images", "nobody")
        real = run("/usr/sbin/runc", "--root", "/run/runc", "checkpoint", "--image-path", self.work / "images2",
                   "nobody", check=False)
        self.assertEqual(done.returncode, real.returncode)
        self.assertEqual(done.stderr.split("level=")[1], real.stderr.split("level=")[1])
        self.assertEqual(self.last_record("checkpoint", "failed")["result"]["exit"], 1)

    def test_what_is_on_the_disk(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 2)
        done = self.call("--root", self.crio.runtime.root, "checkpoint", "--image-path", self.work / "images",
                         "--leave-running", cid, env={"TOKEN": "hushhush"})
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        record = self.last_record("checkpoint", "completed")
        path = RECORDS / record["times"]["started"][:7] / f"{record['id']}.json"
        self.assertTrue(path.is_file(), path)
        for kept in (path, self.kept(record)):  # root's; lpm-sidecar's group may read them where the store has it
            self.assertEqual(kept.stat().st_mode & 0o027, 0, kept)
        self.assertEqual(record["schema"], 1)
        self.assertEqual(record["invocation"]["argv"][:2], ["--root", "/run/crun"])
        self.assertGreater(record["stats"]["pages_written"], 0)
        self.assertTrue(all(c["verdict"] in ("pass", "warn", "unknown", "covered") for c in record["checks"]))
        left = [p for p in RECORDS.rglob("*") if p.is_file() and p.suffix != ".json"]
        self.assertEqual(left, [], "temporary files stayed")
        self.assertNotIn("hushhush", path.read_text(), "an environment value is in the record")
