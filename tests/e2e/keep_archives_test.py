# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-gate --settle with [archives] keep: old archives go, and what is pinned, in use, of an object or not whole stays."""
import functools
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

from crio_archive import read_json
from e2e import GATE, SETTINGS, Done, NodeTest, log_lines, run, wait_for
from gate_socket import ask
from podman_test import PodmanTest

JUDGE = pathlib.Path("/usr/libexec/lpm/lpm-judge")
JUDGED = pathlib.Path("/run/lpm/archives")
NAMES = {"namespace": "shop", "pod": "web-1", "name": "counter"}
ANNOTATIONS = {"io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.name": "web-1",
               "io.kubernetes.pod.uid": "uid-1", "io.kubernetes.container.name": "counter"}

# By a small process: the kernel counts the memory of who starts a program as that of the program.
MEASURE = """import os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:2], os.environ)
_, status, used = os.wait4(child, 0)
print(used.ru_maxrss, used.ru_utime + used.ru_stime, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


class KeepTest(NodeTest):
    flavours = ("trixie",)

    def setUp(self) -> None:
        super().setUp()
        run("systemd-sysusers", "/usr/lib/sysusers.d/lpm.conf")
        JUDGED.unlink(missing_ok=True)
        self.folder = self.work / "kept"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o755)
        self.age = 10_000
        self.keep(2)

    def keep(self, count: int) -> None:
        SETTINGS.write_text(f'[archives]\nfolders = ["{self.folder}"]\nkeep = {count}\n')

    def round(self, status: int = 0) -> Done:
        done = run(GATE, "--settle", check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def aged(self, path: pathlib.Path) -> pathlib.Path:
        """Each a little younger than the one before."""
        self.age -= 100
        time = path.stat().st_ctime - self.age
        os.utime(path, (time, time))
        return path

    def left(self) -> str:
        return " ".join(sorted(p.name.split(".")[0] for p in self.folder.iterdir() if p.suffix != ".keep"))

    def instead_of_the_judge(self, script: str) -> None:
        """`$real` is the judge itself."""
        real = JUDGE.with_suffix(".real")
        JUDGE.rename(real)
        self.addCleanup(real.rename, JUDGE)
        JUDGE.write_text(f"#!/bin/sh\nreal={real}\n{script}\n")
        JUDGE.chmod(0o755)


class CrioTest(KeepTest):
    def checkpoint(self, name: str, **prepared: object) -> pathlib.Path:
        if prepared:
            self.assertIn("record", ask(verb="prepare", **NAMES, **prepared))
        path = self.folder / f"{name}.tar"
        self.crio.checkpoint(self.cid, path)
        return self.aged(path)

    def setUp(self) -> None:
        super().setUp()
        self.cid = self.start("counter", "/bin/counter", annotations=ANNOTATIONS)
        self.lines(self.cid, 1)

    def copies(self, names: str, of: str = "a") -> None:
        """Of one checkpoint, as one that was taken again."""
        first = self.checkpoint(of)
        for name in names.split():
            self.aged(pathlib.Path(shutil.copy(first, self.folder / f"{name}.tar")))


class Kept(CrioTest):
    def test_two_of_four(self) -> None:
        for name in "abc":
            self.checkpoint(name, attempt=f"attempt-{name}")
        self.checkpoint("d")
        done = self.round()
        self.assertEqual(self.left(), "c d")
        lines = re.findall(r"^removed the archive (\S+)/(\S+) \(.*\) of CRI-O shop/web-1/counter, attempt (\S+): "
                           r"archives.keep = 2$", done.stdout, re.MULTILINE)
        self.assertEqual(lines, [(str(self.folder), "a.tar", "attempt-a"), (str(self.folder), "b.tar", "attempt-b")])
        self.assertEqual(done.stderr, "")
        self.assertEqual((JUDGED.stat().st_mode & 0o777, JUDGED.stat().st_uid), (0o600, 0))
        self.assertNotIn("removed the archive", self.round().stdout)

    def test_what_stays(self) -> None:
        """Whatever is newer than it."""
        object_name = {"namespace": "shop", "name": "save", "uid": "o-1"}
        self.checkpoint("object", attempt="attempt-o", object=object_name)
        self.copies("pinned cut read b c", of="a")
        (self.folder / "pinned.tar.keep").touch()
        cut = self.folder / "cut.tar"
        os.truncate(cut, cut.stat().st_size // 2)
        self.aged(cut)
        (self.folder / "noise.tar").write_bytes(os.urandom(10_000))
        self.aged(self.folder / "noise.tar")
        with open(self.folder / "read.tar", "rb"):
            done = self.round()
        self.assertEqual(self.left(), "b c cut noise object pinned read")
        self.assertIn("removed the archive", done.stdout)
        self.assertRegex(done.stderr, r"read.tar is in use")
        self.assertRegex(done.stderr, r"cut.tar is not whole \(.*\): archives.keep neither counts nor removes it")
        self.assertRegex(done.stderr, r"noise.tar is not whole \(is no tar")
        done = self.round()
        self.assertEqual(self.left(), "b c cut noise object pinned")
        self.assertEqual(done.stderr, "", "told once")

    def test_one_that_is_being_written(self) -> None:
        self.copies("b c")
        with open(self.folder / "a.tar", "ab"):
            self.round()
            self.assertEqual(self.left(), "a b c")
            self.assertNotIn("a.tar", JUDGED.read_text())
        self.round()
        self.assertEqual(self.left(), "b c")

    def test_one_that_does_not_say_whose_it_is(self) -> None:
        self.copies("b c")
        for name in ("a", "b", "c"):  # as of an engine that nobody knows
            path = self.folder / f"{name}.tar"
            with tarfile.open(path) as tar:
                tar.extractall(self.work / "parts", filter="fully_trusted")
            (self.work / "parts/spec.dump").write_text("{}")
            with tarfile.open(path, "w") as tar:
                tar.add(self.work / "parts", arcname=".")
            self.aged(path)
            shutil.rmtree(self.work / "parts")
        self.assertEqual(self.round().stderr.count("does not say of which container it is"), 3)
        self.assertEqual(self.round().stderr, "")
        self.assertEqual(self.left(), "a b c")

    def test_off_nothing_is_opened(self) -> None:
        self.copies("b c")
        trace = self.work / "trace"
        for count, opened in ((0, False), (3, True)):
            self.keep(count)
            run("strace", "-f", "-qq", "-o", trace, "-e", "trace=execve,openat,openat2", GATE, "--settle")
            text = trace.read_text()
            self.assertIn("openat", text)
            self.assertEqual(f'"{self.folder.name}"' in text, opened)
            self.assertEqual(str(JUDGE) in text, opened)
        self.assertEqual(self.left(), "a b c")

    def test_is_judged_once(self) -> None:
        self.copies("b c")
        self.keep(3)
        self.instead_of_the_judge(f'echo >>{self.work}/judged; exec $real')
        for _ in range(2):
            self.round()
            self.assertEqual((self.work / "judged").read_text(), "\n\n\n")
        self.aged(self.folder / "b.tar")  # another file by its id
        self.round()
        self.assertEqual((self.work / "judged").read_text(), "\n\n\n\n")
        JUDGED.write_text("{}\nnoise")
        self.round()
        self.assertEqual((self.work / "judged").read_text(), "\n" * 7)


class Raced(CrioTest):
    """What happens between the list and the unlink: the judge does it, which runs in that time."""

    def test_a_pin_appears(self) -> None:
        self.copies("b c")
        self.instead_of_the_judge(f"touch {self.folder}/a.tar.keep; exec $real")
        self.assertIn("a.tar is pinned", self.round().stderr)
        self.assertEqual(self.left(), "a b c")

    def test_another_file_takes_its_place(self) -> None:
        self.copies("b c")
        self.instead_of_the_judge(f"cp {self.folder}/b.tar {self.work}/new; mv {self.work}/new {self.folder}/a.tar; exec $real")
        done = self.round()
        self.assertIn("a.tar is another file now", done.stderr)
        self.assertEqual(self.left(), "a b c")

    def test_somebody_opens_it(self) -> None:
        self.copies("b c")
        self.instead_of_the_judge(f"sleep 30 <{self.folder}/a.tar >/dev/null 2>&1 & echo $! >{self.work}/pid; exec $real")
        done = self.round()
        os.kill(int((self.work / "pid").read_text()), 9)
        self.assertIn("a.tar is in use", done.stderr)
        self.assertEqual(self.left(), "a b c")


class Judge(CrioTest):
    def test_without_it_nothing_is_removed(self) -> None:
        self.copies("b c")
        whole = '{"whole":true,"engine":"CRI-O","namespace":"shop","pod":"web-1","name":"counter"}'
        cases = {"exit 1": "ended with status 1", f"echo '{whole}'; exit 1": "ended with status 1",
                 "echo no library; exit 127": "no library", f"echo '{whole}x'": "",
                 """echo '{"error":{"code":"absent","text":"no user"}}'; exit 1""": "no user"}
        self.instead_of_the_judge("")
        for script, words in cases.items():
            with self.subTest(script):
                JUDGE.write_text(f"#!/bin/sh\n{script}\n")
                done = self.round(status=1)
                self.assertRegex(done.stderr, f"^lpm-gate: no archive is removed, as none can be judged \\(.*{words}.*\\): .*\n$")
        JUDGE.unlink()
        self.assertIn("No such file", self.round(status=1).stderr)
        JUDGE.touch()
        self.assertEqual(self.left(), "a b c")

    def test_one_that_ends_it_stays_alone(self) -> None:
        """It does not keep the others from being judged."""
        self.copies("b c d")
        size = (self.folder / "d.tar").stat().st_size
        with open(self.folder / "d.tar", "ab") as file:
            file.write(bytes(10240))
        self.aged(self.folder / "d.tar")
        self.instead_of_the_judge(f'[ "$(stat -Lc %s /proc/self/fd/0)" = {size} ] || kill -SEGV $$; exec $real')
        self.assertIn("d.tar is not whole (lpm-judge was ended by signal 11)", self.round().stderr)
        self.assertEqual(self.left(), "b c d")
        self.assertEqual(self.round().stderr, "")

    def test_has_no_power_before_it_reads(self) -> None:
        path = self.checkpoint("a")
        trace = self.work / "trace"
        with open(path, "rb") as archive:
            done = run("strace", "-qq", "-o", trace, "-e", "trace=setgroups,setresgid,setresuid,capset,seccomp,pread64,lseek",
                       "-e", "signal=none", JUDGE, stdin=archive)
        self.assertIn('"whole":true', done.stdout)
        user = run("id", "-u", "lpm").stdout.strip()
        group = run("id", "-g", "lpm").stdout.strip()
        lines = [line for line in trace.read_text().splitlines() if not re.match(r"(pread64|lseek)\([^0]", line)]
        calls = [line.split(" =")[0].rstrip() for line in lines]
        first = next(i for i, call in enumerate(calls) if call.startswith(("pread64(0", "lseek(0")))
        done_before = calls[:first]
        self.assertIn("setgroups(0, NULL)", done_before)
        self.assertIn(f"setresgid({group}, {group}, {group})", done_before)
        self.assertIn(f"setresuid({user}, {user}, {user})", done_before)
        self.assertTrue(any(call.startswith("seccomp(SECCOMP_SET_MODE_FILTER") for call in done_before), done_before)
        self.assertTrue(any(call.startswith("capset(") and "effective=0," in call for call in done_before), done_before)

    def test_hostile_archives_cost_little(self) -> None:
        def header(name: str, size: int) -> bytes:
            info = tarfile.TarInfo(name)
            info.size = size
            return info.tobuf(tarfile.PAX_FORMAT)

        self.copies("b c")
        zeros = bytes(1 << 20)
        with gzip.open(self.folder / "bomb.tar.gz", "wb", compresslevel=1) as bomb:
            bomb.write(header("checkpoint/core-1.img", 1 << 40))
            for _ in range(512):
                bomb.write(zeros)
        with gzip.open(self.folder / "text.tar.gz", "wb", compresslevel=1) as text:
            text.write(header("spec.dump", 256 << 20))
            for _ in range(256):
                text.write(b"[" * (1 << 20))
        with open(self.folder / "sparse.tar", "wb") as sparse:
            sparse.write(header("config.dump", 10 << 30))
            sparse.truncate((10 << 30) + 2048)
        for name in ("bomb.tar.gz", "text.tar.gz", "sparse.tar"):
            with self.subTest(name), open(self.folder / name, "rb") as archive:
                done = subprocess.run([sys.executable, "-S", "-c", MEASURE, JUDGE], stdin=archive, check=True,
                                      capture_output=True)
                self.assertIn(b'"whole":false', done.stdout)
                memory, seconds = done.stderr.split()
                self.assertLess(int(memory) >> 10, 64, "MiB")
                self.assertLess(float(seconds), 20, "seconds")
        self.round()
        self.assertEqual(self.left(), "b bomb c sparse text")


class Podman(KeepTest, PodmanTest):
    def test_its_containers(self) -> None:
        """By their names, and however the archive is packed."""
        for name in ("one", "two"):
            wait_for("output", functools.partial(log_lines, self.run_detached(name, "/bin/counter")))
        for number, (name, packing, ending) in enumerate((
                ("one", "zstd", "tar.zst"), ("one", "gzip", "tar.gz"), ("two", "none", "tar"), ("one", "none", "tar"))):
            path = self.folder / f"{number}.{ending}"
            self.podman("container", "checkpoint", "--leave-running", "--export", path, "--compress", packing, name)
            self.aged(path)
        self.assertIn("record", read_json(self.folder / "2.tar", "checkpoint/lpm.json"))
        self.assertIn("of Podman one, of no attempt: archives.keep = 2", self.round().stdout)
        self.assertEqual(self.left(), "1 2 3")
