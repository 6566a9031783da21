# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""One guest: a QEMU with a system disk, a disk of programs and tests, and two ports that bring things back."""
import functools
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from typing import TextIO

REPO = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("LPM_CACHE", "/var/cache/lpm-dev"))
QEMU = "qemu-system-x86_64"


class GuestError(Exception):
    """The guest did not do what it was started for; the text says what and where to look."""


def make_suite_disk(path: pathlib.Path, stage: pathlib.Path) -> None:
    """Programs, tests and suites on an ext4 disk that the guest mounts."""
    tree = path.with_suffix(".tree")
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    shutil.copytree(stage, tree / "stage", symlinks=True)
    shutil.copytree(REPO / "tests", tree / "tests", symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(REPO / "vm/suites", tree / "suites")
    size = sum(p.lstat().st_size for p in tree.rglob("*")) // 2**20 + 64
    with open(path, "wb") as disk:
        disk.truncate(size * 2**20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-L", "LPMSUITE", "-d", tree, path], check=True)
    shutil.rmtree(tree)


@functools.cache
def accelerator(kernel: pathlib.Path) -> str:
    """What runs the guest's code: LPM_VM_ACCEL, else KVM where it works, else emulation."""
    return os.environ.get("LPM_VM_ACCEL") or ("kvm" if kvm_works(kernel) else "tcg")


def kvm_works(kernel: pathlib.Path) -> bool:
    """On some hosts /dev/kvm is there and no kernel comes up on it. So one is sent as far as it gets without a
    root file system, which is a second of work: it panics, and QEMU ends."""
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
        tried = subprocess.run([QEMU, "-accel", "kvm", "-cpu", "max", "-m", "512", "-nodefaults", "-display", "none",
                                "-no-reboot", "-serial", "stdio", "-kernel", kernel,
                                "-append", "console=ttyS0 panic=-1"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0 and b"Unable to mount root fs" in tried.stdout


def command_line(image: pathlib.Path, suite_disk: pathlib.Path, suite: str, memory: int,
                 disk: pathlib.Path | None = None, processors: int = 1) -> list[str]:
    """QEMU for this guest, without what its console and ports are tied to. No suite: a shell on the console."""
    # One processor, unless a suite asks for more: QEMU 7.2's threads do not keep up with a kernel that patches its own
    # code while another processor runs it (seen once in 15 boots: "Oops: int3" before the first process).
    system = f"file={disk},cache=writeback" if disk else f"file={image / 'disk.img'},snapshot=on"
    argv: list[str | pathlib.Path]
    if image.name.startswith("arm64-"):  # vm/image
        # Not `max`: on it the test of a checkpoint by CRIU 4.1 stood still for ten minutes, until it was ended.
        argv, console, cpu = ["qemu-system-aarch64", "-M", "virt", "-accel", "tcg"], "ttyAMA0", "cortex-a76"
    else:
        argv, console, cpu = [QEMU, "-accel", accelerator(image / "vmlinuz")], "ttyS0", "max"
    append = f"console={console} root=/dev/vda rw net.ifnames=0 panic=1 systemd.show_status=1"
    if suite:
        append += f" lpm.suite={suite}"
    argv += ["-cpu", cpu, "-smp", str(processors), "-m", str(memory), "-nodefaults",
             "-display", "none", "-no-reboot", "-nic", "none",
            "-kernel", image / "vmlinuz", "-initrd", image / "initrd", "-append", append,
            "-drive", f"{system},format=raw,if=virtio",
            "-drive", f"file={suite_disk},format=raw,if=virtio,readonly=on", "-device", "virtio-rng-pci"]
    return [str(a) for a in argv]


class Machine:
    """A started guest. `disk` is changed only with `keep`; else its changes are dropped."""

    def __init__(self, folder: pathlib.Path, image: pathlib.Path, suite_disk: pathlib.Path, suite: str,
                 disk: pathlib.Path | None = None, memory: int = 2048, processors: int = 1) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.out, self.console = self.folder / "out", self.folder / "console.log"
        self.results = self.folder / "results.tar"
        for path in (self.out, self.console, self.results):
            path.write_bytes(b"")
        self.seen = 0
        self.began = time.monotonic()
        argv = [*command_line(image, suite_disk, suite, memory, disk, processors),
                "-serial", f"file:{self.console}", "-device", "virtio-serial-pci",
                "-chardev", f"file,id=out,path={self.out}", "-device", "virtserialport,chardev=out,name=lpm.out",
                "-chardev", f"file,id=results,path={self.results}",
                "-device", "virtserialport,chardev=results,name=lpm.results"]
        with open(self.folder / "qemu.log", "wb") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, preexec_fn=die_with_parent)

    def text(self) -> str:
        """What the suite has printed and has not been handed out yet."""
        with open(self.out, "rb") as file:
            file.seek(self.seen)
            new = file.read()
        self.seen += len(new)
        return new.decode(errors="replace").replace("\r\n", "\n")

    def cut(self) -> None:
        """A power cut: the machine is gone at once."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def wait(self, timeout: float, show: TextIO = sys.stdout) -> int:
        """The suite's exit status. GuestError when there is none within `timeout` seconds."""
        end = self.began + timeout
        printed = ""
        while True:
            ended = self.process.poll() is not None
            new = self.text()
            printed += new
            if new:
                show.write(re.sub(r"LPM-EXIT \d+\n", "", new))
                show.flush()
            exit_line = re.search(r"^LPM-EXIT (\d+)$", printed, re.MULTILINE)
            if ended or (exit_line and time.monotonic() > end):
                break
            if time.monotonic() > end:
                self.cut()
                raise GuestError(self.explain(f"the guest did not end within {timeout} s", printed))
            time.sleep(0.2)
        self.cut()
        if not exit_line:
            raise GuestError(self.explain("the guest ended without an exit status", printed))
        return int(exit_line.group(1))

    def explain(self, what: str, printed: str) -> str:
        """The message of a guest that went wrong, with the end of its console."""
        log = plain_lines(self.console.read_bytes())
        panic = next((line for line in log if "Kernel panic" in line), None)
        reason = f"{what}{': ' + panic.strip() if panic else ''}"
        if printed:
            reason += "; the suite's last words:\n" + "\n".join("  " + line for line in printed.splitlines()[-15:])
        else:
            reason += "; its suite never began"
        qemu = (self.folder / "qemu.log").read_text().strip()
        tail = "\n".join("  " + line for line in log[-25:])
        return "\n".join(part for part in (reason, qemu, "the end of its console:", tail) if part)

    def take_results(self, target: pathlib.Path) -> None:
        """Unpacks the files that the suite left; plain files only, names as they are."""
        target.mkdir(parents=True, exist_ok=True)
        if self.results.stat().st_size == 0:
            return
        with tarfile.open(self.results) as tar:
            for member in tar:
                if member.isfile() and (file := tar.extractfile(member)):
                    (target / pathlib.Path(member.name).name).write_bytes(file.read())


def plain_lines(console: bytes) -> list[str]:
    """The lines that say something, without what would colour or move about the terminal of the reader."""
    text = re.sub(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*|[^\[\]])", "", console.decode(errors="replace"))
    lines = re.split(r"[\r\n]+", re.sub(r"[^\n\r\t -~\xa0-\U0010ffff]", "", text))
    return [line for line in lines if line.strip()]


def die_with_parent() -> None:
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no guest outlives its keeper
