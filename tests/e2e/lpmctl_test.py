# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpmctl on a node: what people read, and what programs read."""
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
from typing import Any

from e2e import SETTINGS, NodeTest, first_group, run, wait_for
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

    def test_shells_complete_its_id(self) -> None:
        record = self.take(self.counter())
        script = ("source /usr/share/bash-completion/completions/lpmctl\n"
                  "COMP_WORDS=(lpmctl show '') COMP_CWORD=2; _lpmctl lpmctl; echo ${COMPREPLY[0]} ${COMPREPLY[1]}\n"
                  "COMP_WORDS=(lpmctl records --outcome = re) COMP_CWORD=4; _lpmctl lpmctl; echo ${COMPREPLY[*]}\n")
        self.assertEqual(run("bash", "-c", script).stdout, f"latest {record['id']}\nrefused\n")
        pages = {path.name for path in pathlib.Path("/usr/share/man").glob("man*/*lpm*")}
        self.assertGreaterEqual(pages, {"lpmctl.1", "kubectl-lpm.1", "lpm-gate.8", "lpm.toml.5", "lpm-records.5"})

    def test_a_refusal_says_what_to_do(self) -> None:
        cid = self.counter("/bin/holder", "mptcp")
        self.lines(cid, 1)
        refused = self.call("--root", self.crio.runtime.root, "checkpoint", "--image-path", self.work / "images", "--work-path",
                            self.work, "--leave-running", cid)
        self.assertEqual(refused.returncode, 1)
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
        text = self.ctl("preflight", bad, status=1)
        self.assertRegex(text, r"(?m)^A checkpoint: +would be refused: Mptcp\nWhy: .*turn MPTCP off")
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


class Archives(LpmctlTest):
    def setUp(self) -> None:
        super().setUp()
        run("systemd-sysusers", "/usr/lib/sysusers.d/lpm.conf")
        self.folder = self.work / "archives"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o755)
        SETTINGS.write_text(f'[archives]\nfolders = ["{self.folder}"]\n')

    def archive(self, name: str = "one.tar") -> pathlib.Path:
        cid = self.counter()
        self.lines(cid, 1)
        self.crio.checkpoint(cid, self.folder / name)
        return self.folder / name

    def test_by_path_and_by_record(self) -> None:
        path = self.archive()
        record = self.last_record("checkpoint", "completed")
        table = self.ctl("archives").splitlines()
        self.assertEqual(re.split(r"  +", table[0]), ["ARCHIVE", "SIZE", "WRITTEN (UTC)", "STATE", "CONTAINER", "RECORD"])
        self.assertRegex(table[1], rf"^{path} .* whole +{NAME} +{record['id']}$")
        inside = self.ctl("inspect", path)
        for line in (f"Archive: +{path}", "State: +whole", "Engine: +CRI-O", f"Container: +{NAME}", f"Record: +{record['id']}",
                     "Mounts: +\\d+", " +1  counter +/bin/counter"):
            self.assertRegex(inside, re.compile(f"^{line}", re.MULTILINE))
        self.assertEqual(self.ctl("inspect", record["id"]), inside)
        self.assertNotIn("PATH=", inside)
        self.assertIn("PATH=", self.ctl("inspect", path, "--environment"))
        told = self.read("inspect", path)
        self.assertEqual((told["processes"][0]["name"], told["archive"]["record"]), ("counter", record["id"]))
        verified = self.ctl("verify", record["id"])
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        fine = rf"^SHA-256: +{digest}\nFaults: +none\nA restore here: +nothing is in its way"
        self.assertRegex(verified, re.compile(fine, re.MULTILINE))
        self.assertEqual(self.read("verify", path)["sha256"], digest)

    def test_compared(self) -> None:
        cid = self.counter()
        self.lines(cid, 1)
        first, second = self.folder / "first.tar", self.folder / "second.tar"
        self.crio.checkpoint(cid, first)
        self.assertEqual(self.read("diff", first, first)["lists"], [])
        record = self.last_record("checkpoint", "completed")
        more = self.start("more", "/bin/holder", "pipes", annotations=ANNOTATIONS)
        self.lines(more, 1)
        self.crio.checkpoint(more, second)
        told = self.read("diff", record["id"], second, status=1)
        self.assertEqual((told["a"]["record"], told["a"]["archive"], told["left_out"]), (record["id"], str(first), []))
        lists = {entry["name"]: entry for entry in told["lists"]}
        self.assertEqual(lists["processes"]["gone"], ["1 counter /bin/counter"])
        text = self.ctl("diff", record["id"], second, status=1)
        self.assertIn("\nprocesses: 1 gone, 1 added\n- 1 counter /bin/counter\n+ 1 holder /bin/holder pipes", text)
        self.ctl("diff", "xyz", second, status=2)

    def test_what_is_not_whole_or_does_not_fit(self) -> None:
        path = self.archive()
        cut = self.folder / "cut.tar"
        cut.write_bytes(path.read_bytes()[:30_000])
        self.assertRegex(self.ctl("verify", cut, status=1), r"(?m)^State: +truncated")
        self.assertRegex(self.ctl("inspect", cut, status=1), r"(?m)^State: +truncated")
        with tarfile.open(path) as tar, tarfile.open(self.folder / "later.tar", "w") as copy:
            for member in tar.getmembers():
                file = tar.extractfile(member) if member.isfile() else None
                content = file.read() if file else b""
                if member.name == "checkpoint/lpm.json":
                    content = content.replace(b'"cpu": "', b'"cpu": "avx1024 ')
                member.size = len(content)
                copy.addfile(member, io.BytesIO(content))
        refused = self.ctl("verify", self.folder / "later.tar", status=1)
        self.assertRegex(refused, r"(?m)^A restore here: +would be refused: CpuMismatch\nWhy: .*a node whose processor has them")
        self.assertEqual(self.read("verify", self.folder / "later.tar", status=1)["restore"]["result"]["code"], "CpuMismatch")

    def test_what_cannot_be_read(self) -> None:
        os.mkfifo(self.folder / "pipe.tar")
        (self.folder / "link.tar").symlink_to("/etc/shadow")
        for word, text in (("/nowhere/a.tar", "No such file"), (self.folder / "pipe.tar", "is no file"),
                           (self.folder / "link.tar", "symbolic links"), (self.folder, "is no file"),
                           ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "lpmctl archives lists them"), ("a b", "neither a path nor")):
            for command in ("inspect", "verify"):
                with self.subTest(f"{command} {word}"):
                    self.assertEqual(self.ctl(command, word, status=2), "")
                    self.assertIn(text, self.said)
        (self.folder / "noise.tar").write_bytes(os.urandom(5000))
        self.assertRegex(self.ctl("inspect", self.folder / "noise.tar", status=1), r"(?m)^State: +other: is no tar")

    def test_who_reads_it_has_no_power(self) -> None:
        """The archive is all that it has: no file is opened, and its user is lpm."""
        path = self.archive()
        trace = self.work / "trace"
        run("strace", "-f", "-qq", "-o", trace, "-e", "trace=execve,openat,setresuid,seccomp", LPMCTL, "verify", path)
        text = trace.read_text()
        reader = first_group(r'^(\d+) +execve\("/usr/libexec/lpm/lpm-read-archive"', text)
        calls = [line.split(None, 1)[1] for line in text.splitlines() if line.startswith(f"{reader} ")]
        filtered = next(i for i, call in enumerate(calls) if call.startswith("seccomp(SECCOMP_SET_MODE_FILTER"))
        self.assertTrue(any(call.startswith("setresuid(") for call in calls[:filtered]))
        self.assertEqual([call for call in calls[filtered:] if call.startswith("openat(") and "EPERM" not in call], [])
