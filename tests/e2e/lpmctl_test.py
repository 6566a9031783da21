# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpmctl on a node: what people read, and what programs read."""
import json
import os
import pathlib
import re
import subprocess
from typing import Any

from e2e import NodeTest, run, wait_for
from sidecar_case import ANNOTATIONS

LPMCTL = "/usr/bin/lpmctl"
NAME = "shop/web-1/counter"


class LpmctlTest(NodeTest):
    flavours = ("trixie",)

    def ctl(self, *words: object, status: int = 0) -> str:
        """Its standard output; what it says of errors is in `said`."""
        done = run(LPMCTL, *words, check=False)
        self.said = done.stderr
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def read(self, *words: object, status: int = 0) -> Any:
        return json.loads(self.ctl(*words, "-o", "json", status=status))

    def counter(self, *words: str) -> str:
        cid = self.start("counter", *(words or ("/bin/counter",)), annotations=ANNOTATIONS)
        return cid

    def take(self, cid: str) -> dict[str, Any]:
        self.lines(cid, 1)
        self.crio.checkpoint(cid, self.work / "checkpoint.tar")
        return self.last_record("checkpoint", "completed")


class Records(LpmctlTest):
    def test_what_was_taken_is_listed_and_shown(self) -> None:
        cid = self.counter()
        first, second = self.take(cid), self.take(cid)
        table = self.ctl("records", "-n", "shop").splitlines()
        self.assertEqual(re.split(r"  +", table[0]), ["ID", "STARTED (UTC)", "OPERATION", "OUTCOME", "TOOK", "CONTAINER", "CODE"])
        self.assertEqual([re.split(r"  +", line)[0] for line in table[1:3]], [second["id"], first["id"]])
        self.assertRegex(table[1], rf"checkpoint  completed  \S+ m?s +{NAME}")
        told = self.read("records", "--limit", 2)
        self.assertEqual([r["id"] for r in told["records"]], [second["id"], first["id"]])
        self.assertEqual(told["records"][0], second)
        for words, found in ((("--limit", 1), [second]), (("--outcome", "refused", "-c", cid), []),
                             (("-c", cid[:-2]), [second, first]), (("--pod", "web-1", "-c", "counter"), [second, first])):
            ids = [r["id"] for r in self.read("records", *words)["records"]]
            self.assertEqual(ids[:len(found)] if found else ids, [r["id"] for r in found], words)
        shown = self.ctl("show", second["id"].lower())
        for line in (f"Record: +{second['id']}", "Outcome: +completed", f"Container: +{NAME}", "  checks and hooks +.* ms +#",
                     r"  frozen +\S+ m?s +#", r"Checks: +\d+ of \d+ passed", "  dump.log"):
            self.assertRegex(shown, re.compile(f"^{line}", re.MULTILINE))
        self.assertEqual(self.ctl("show", "latest"), shown)
        self.assertEqual(self.read("show", "latest"), second)
        self.assertIn(f'id: "{second["id"]}"\n', self.ctl("show", "latest", "-o", "yaml"))
        self.assertNotIn("\033", shown)

    def test_a_refusal_says_what_to_do(self) -> None:
        cid = self.counter("/bin/holder", "mptcp")
        self.lines(cid, 1)
        self.assertEqual(self.call("--root", self.crio.runtime.root, "checkpoint", "--image-path", self.work / "images", "--work-path",
                                   self.work, "--leave-running", cid).returncode, 1)
        shown = self.ctl("show", "latest")
        self.assertRegex(shown, r"(?m)^Outcome: +refused\nReason: +Mptcp\nMessage: +.*turn MPTCP off")
        self.assertRegex(shown, r"(?m)^  block +Mptcp: ")
        self.assertRegex(self.ctl("records", "--outcome", "refused", "-c", cid), rf"refused .*{NAME} +Mptcp\n")

    def test_watched(self) -> None:
        cid = self.counter()
        self.lines(cid, 1)
        with subprocess.Popen([LPMCTL, "watch", "-o", "json"], stdout=subprocess.PIPE, text=True) as watch:
            self.addCleanup(watch.kill)
            assert watch.stdout is not None
            wait_for("it has begun", lambda: "inotify" in " ".join(
                os.readlink(fd) for fd in pathlib.Path(f"/proc/{watch.pid}/fd").iterdir() if fd.is_symlink()))
            record = self.take(cid)
            told = [json.loads(watch.stdout.readline()) for _ in range(2)]
            watch.kill()
        self.assertEqual([(t["change"], t["id"]) for t in told], [("intent", record["id"]), ("final", record["id"])])
        self.assertEqual(told[1]["record"], record)


class Preflight(LpmctlTest):
    def test_what_would_be(self) -> None:
        cid = self.counter()
        self.lines(cid, 1)
        for name in (NAME, cid, cid[:-1]):
            text = self.ctl("preflight", name)
            self.assertRegex(text, rf"(?m)^Container: +{NAME} \(id {cid}\)\nA checkpoint: +would be taken$")
        self.assertEqual(self.records(), [])
        told = self.read("preflight", NAME)
        self.assertEqual((told["container"]["id"], "result" in told), (cid, False), told)
        bad = self.start("mptcp", "/bin/holder", "mptcp")
        self.lines(bad, 1)
        self.assertRegex(self.ctl("preflight", bad, status=1), r"(?m)^A checkpoint: +would be refused: Mptcp\nWhy: .*turn MPTCP off")
        self.assertEqual(self.read("preflight", bad, status=1)["result"]["code"], "Mptcp")

    def test_what_it_cannot_find_out(self) -> None:
        for words, text in ((("preflight", "shop/none/counter"), "is not on this node"),
                            (("preflight", "shop/none"), "NAMESPACE/POD/CONTAINER"),
                            (("preflight", "abc"), "no container of this node"),
                            (("preflight", NAME, "--option", "tcp"), "NAME=VALUE"),
                            (("show", "xyz"), "no id of a record"),
                            (("show", "01ARZ3NDEKTSV4RRFFQ69G5FAV"), "lpmctl records lists them"),
                            (("records", "--limit", "0"), "lpmctl records --help"),
                            (("watch", "--from", "x"), "42:1234"),
                            (("records", "--store", "/nowhere"), "nothing was checkpointed"),
                            (("destroy",), "is no command"), ((), "--help"), (("-o", "xml", "records"), "--help")):
            with self.subTest(" ".join(words)):
                self.assertEqual(self.ctl(*words, status=2), "")
                self.assertIn(text, self.said)
                self.assertEqual(self.said.count("\n"), 1, self.said)
                self.assertTrue(self.said.startswith("lpmctl: "), self.said)
