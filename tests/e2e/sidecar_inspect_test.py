# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""InspectArchive beside checkpointctl: every leaf is found and equal."""
import gzip
import pathlib
import socket
from collections.abc import Iterator
from typing import Any

from checkpointctl import differences
from e2e import log_lines, wait_for
from image_edit import HEAD, read_varint, varint, with_bytes, with_number
from oci_spec import make_rootfs
from podman_test import PodmanTest
from sidecar_case import ArchivesTest

LONG = "x" * 9000  # of more than a page
SCRIPT = """
cd /tmp
holder unix-own /tmp/socket & holder open /tmp/file & holder anon usual & holder netlink read &
(sleep 1000 & exec holder pipes 2) &
ODD=a=b RAW=$(printf '\\351\\n\\303\\251') holder open /tmp/raw &
exec counter 'two words' '' last
"""
COMMAND = ("/bin/sh", "-c", SCRIPT)
# Entries of files.img as CRIU 4.2 wrote them: it can dump sockets of the internet on this kernel.
SOCKETS = pathlib.Path(__file__).resolve().parents[1] / "fuzz/corpus/images/files-sockets"
INETSK = 4
NAMES = ["counter", "holder", "holder", "holder", "holder", "holder", "holder", "sleep"]


def records(image: bytes) -> Iterator[bytes]:
    at = HEAD
    while at < len(image):
        size = int.from_bytes(image[at:at + 4], "little")
        yield image[at + 4:at + 4 + size]
        at += 4 + size


def as_record(message: bytes) -> bytes:
    return len(message).to_bytes(4, "little") + message


def with_family_inet6(record: bytes) -> bytes:
    """Of an entry with an IPv4 socket: its one word of each address is the first of four."""
    words = b"".join(varint(number << 3) + varint(word) for number in (11, 12) for word in (0, 0, 0x01000000))
    start = record.index(varint(INETSK << 3 | 2), 4)
    size, at = read_varint(record, start + 1)
    return with_bytes(record, [INETSK], with_number(record[at:at + size] + words, 3, socket.AF_INET6))


class InspectTest(ArchivesTest):
    def inspect(self, path: pathlib.Path, **asked: Any) -> Any:
        inside = self.api.InspectArchive(path=str(path), **asked)
        self.assertEqual(inside.archive.state, "whole")
        self.assertEqual([(p.pid, list(p.unread)) for p in inside.processes if p.unread], [])
        self.assertEqual(list(inside.left_out), [])
        return inside

    def wait_until_all_count(self, log: str | pathlib.Path) -> None:
        """Each does when it has what it holds, with a nonce of its own."""
        def nonces() -> set[str]:
            return {line.split()[0] for line in log_lines(log)}
        wait_for("seven that count", lambda: len(nonces()) == 7)

    def assert_parity(self, path: pathlib.Path) -> Any:
        inside = self.inspect(path, environment=True)
        self.assertEqual(differences(path, inside), [])
        return inside

    def assert_content(self, inside: Any) -> None:
        """Of the container of SCRIPT, so that nothing is equal because it is nothing on both sides."""
        self.assertEqual(sorted(p.name for p in inside.processes), NAMES)
        counter = next(p for p in inside.processes if p.name == "counter")
        self.assertEqual(list(counter.arguments), ["counter", "two words", "", "last"])
        self.assertEqual((counter.cwd, counter.root, counter.state), ("/tmp", "/", "alive"))
        self.assertIn("SECRET=hush", counter.environment)
        self.assertIn(f"LONG={LONG}", counter.environment)
        raw = next(p for p in inside.processes if "/tmp/raw" in p.arguments)
        self.assertIn("RAW=\N{REPLACEMENT CHARACTER}\n\N{LATIN SMALL LETTER E WITH ACUTE}", raw.environment)
        self.assertIn("ODD=a=b", raw.environment)
        every = [d for p in inside.processes for d in p.descriptors]
        self.assertLessEqual({"REG", "PIPE", "UNIXSK", "NETLINKSK", "EVENTFD", "EVENTPOLL", "MEMFD"}, {d.type for d in every})
        self.assertIn("/tmp/file", [d.path for d in every])
        own = [d.socket for d in every if d.type == "UNIXSK" and d.number < 100]
        sockets = [(s.family, s.type, s.state, s.source) for s in own]
        self.assertEqual(sockets, [("UNIX", "STREAM", "LISTEN", "/tmp/socket"), ("UNIX", "STREAM", "ESTABLISHED", ""),
                                   ("UNIX", "STREAM", "ESTABLISHED", "/tmp/socket")])


class OfCrio(InspectTest):
    def archive(self) -> pathlib.Path:
        self.rootfs = make_rootfs(self.work / "rootfs")  # its own: the container leaves a socket there
        cid = self.start("held", *COMMAND, env=["SECRET=hush", f"LONG={LONG}"],
                         annotations={"io.kubernetes.cri-o.IP.0": "10.88.0.7"})
        self.wait_until_all_count(self.crio.log(cid))
        path = self.folder / "one.tar"
        self.crio.checkpoint(cid, path)
        self.crio.kill(cid)
        self.crio.delete(cid)
        return path

    def test_every_leaf_of_checkpointctl(self) -> None:
        path = self.archive()
        inside = self.assert_parity(path)
        self.assert_content(inside)
        self.assertEqual(inside.address, "10.88.0.7")
        asked = {p.pid: p for p in self.inspect(path).processes}
        for process in inside.processes:
            self.assertEqual(list(asked[process.pid].environment), [], "nobody has asked for it")
            self.assertEqual(asked[process.pid].arguments, process.arguments)
        self.assertEqual(self.sidecar.log.read_text().count("environment of an archive read"), 1)
        # However it is packed.
        packed = self.folder / "packed.tar.gz"
        packed.write_bytes(gzip.compress(path.read_bytes(), 1))
        again = self.inspect(packed, environment=True)
        for one in (inside, again):
            one.ClearField("archive")
        self.assertEqual(again, inside)

    def test_sockets_of_every_family(self) -> None:
        """In the hands of the first process, beside what it has."""
        entries = list(records(SOCKETS.read_bytes()))
        entries += [with_family_inet6(entry) for entry in entries if entry[1] == INETSK]
        first = 5000  # of ids that the archive has not
        files = b"".join(as_record(with_number(entry, 2, first + i)) for i, entry in enumerate(entries))
        numbers = b"".join(as_record(with_number(with_number(with_number(with_number(
            b"", 1, first + i), 2, 0), 3, entry[1]), 4, 100 + i)) for i, entry in enumerate(entries))
        more = {"checkpoint/files.img": files, "checkpoint/fdinfo-2.img": numbers}
        path = self.changed(self.archive(), lambda name, content: content + more.get(name, b""))
        inside = self.assert_parity(path)
        self.assert_content(inside)
        added = [d for p in inside.processes for d in p.descriptors if d.number >= 100]
        self.assertEqual([p.pid for p in inside.processes if any(d.number >= 100 for d in p.descriptors)], [1])
        self.assertEqual(len(added), len(entries))
        found = {(d.socket.family, d.socket.protocol, d.socket.state) for d in added if d.type == "INETSK"}
        for family in ("INET", "INET6"):
            self.assertLessEqual({(family, "TCP", "LISTEN"), (family, "TCP", "ESTABLISHED"), (family, "UDP", "CLOSE")}, found)
        self.assertLessEqual({"INETSK", "UNIXSK", "PACKETSK", "NETLINKSK"}, {d.type for d in added})

    def test_what_is_damaged_is_told(self) -> None:
        path = self.archive()
        content = path.read_bytes()
        for name, process, words in (("files.img", None, "files.img"), ("mm-1.img", 1, "mm-1.img"),
                                     ("pagemap-1.img", 1, "pagemap-1.img"), ("ids-1.img", 1, "ids-1.img"),
                                     ("core-1.img", 1, "core-1.img"), ("fs-1.img", 1, "fs-1.img")):
            with self.subTest(name):
                changed = self.folder / "changed.tar"
                # Another name, with the header's sum as it was: letters change places.
                other = name[0] + name[2] + name[1] + name[3:]
                changed.write_bytes(content.replace(f"checkpoint/{name}\0".encode(), f"checkpoint/{other}\0".encode()))
                inside = self.api.InspectArchive(path=str(changed), environment=True)
                unread = {p.pid: " ".join(p.unread) for p in inside.processes}
                self.assertEqual({pid for pid, text in unread.items() if words in text}, {process} if process else set(unread))
        self.assertNotIn("hush", self.sidecar.log.read_text())


class OfPodman(InspectTest, PodmanTest):
    def test_every_leaf_of_checkpointctl(self) -> None:
        log = self.work / "held.log"
        self.podman("run", "--detach", "--name", self.container("held"), "--network", "none", "--log-driver", "k8s-file",
                    "--log-opt", f"path={log}", "--env", "SECRET=hush", "--env", f"LONG={LONG}", "localhost/test", *COMMAND)
        self.wait_until_all_count(log)
        path = self.folder / "one.tar.zst"
        self.podman("container", "checkpoint", "--export", path, "--compress", "zstd", "held")
        inside = self.assert_parity(path)
        self.assert_content(inside)
        self.assertEqual((inside.archive.format, inside.archive.engine), ("tar+zstd", "Podman"))
        self.assertGreater(inside.rootfs_diff_bytes, 0)
