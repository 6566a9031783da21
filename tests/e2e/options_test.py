# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What lpm.toml and the pod's annotation add to a call: checkpoints that others cannot take."""
import json
import os
import pathlib
import subprocess
import sys
from typing import Any

from e2e import CRIU_CONFIG, PATIENT, REAL, SETTINGS, only_on, piped, run, settle, wait_for
from oci_spec import mount
from resource_cases import ALL, FORKY, GUEST, ResourceTest, volume

# Holds connections to a redis and counts over each: one JSON line per question on standard input.
CLIENTS = """
import json, socket, sys
def connect():
    s = socket.create_connection((sys.argv[2], 6379)); s.settimeout(5); return s
def incr(s):
    try:
        s.sendall(b"INCR count\\r\\n"); answer = s.recv(100)
        return int(answer[1:]) if answer.startswith(b":") else None
    except OSError:
        return None
sockets = [connect() for _ in range(int(sys.argv[1]))]
for line in sys.stdin:
    if line.strip() == "again":
        sockets = [connect() for _ in sockets]
    print(json.dumps([incr(s) for s in sockets]), flush=True)
"""
MANY = 50


class Options(ResourceTest):
    def options(self, text: str, *more: str) -> None:
        SETTINGS.write_text("\n".join(("[options]", text, *more)) + "\n")

    def additions(self, operation: str) -> Any:
        return self.last_record(operation, "completed")["invocation"].get("additions", [])

    def test_a_limit_is_what_criu_reads(self) -> None:
        """A K, M or G anywhere counts; what is no number is 0; the beginning of the name will do. The runtime itself is the
        judge."""
        cid = self.start("holder", "/bin/holder", "ghost", "3072")
        self.lines(cid, 1)
        for limit, fits in (("limit 8MiB", True), ("limit 4MK", False), ("l 2M", False), ("limit none", False), ("l 3G", True)):
            with self.subTest(limit):
                self.criu_config(f"ghost-{limit}")
                images = self.folder("bare")
                bare = run(REAL, "--root", self.root, "checkpoint", "--image-path", images, "--work-path", images,
                           "--leave-running", cid, check=False)
                self.assertEqual(bare.returncode == 0, fits, bare.stderr)
                if fits:
                    self.assertEqual(self.dump(cid).returncode, 0)
                else:
                    self.refused("GhostTooLarge", self.checkpoint_args(cid), "3.0 MiB")

    def test_images_on_a_file_system_without_a_size(self) -> None:
        """It says that 0 bytes are free."""
        cid = self.start("holder", "/bin/holder", "ghost", "100")
        self.lines(cid, 1)
        for kind, option in (("ramfs", "mode=0700"), ("tmpfs", "size=0")):
            with self.subTest(kind):
                images = self.mounted(self.folder(kind), "-t", kind, "-o", option, kind)
                done = self.call("--root", self.root, "checkpoint", "--image-path", images / "checkpoint", "--work-path", images,
                                 "--leave-running", cid)
                self.assertEqual(done.returncode, 0, done.stderr)
                record = self.last_record("checkpoint", "completed")
                self.assertEqual([c["verdict"] for c in record["checks"] if c["id"] == "DiskSpace"], ["unknown"])

    @only_on(*ALL, *GUEST)
    def test_a_bigger_deleted_file(self) -> None:
        """The limit holds for the one call: the node's own CRIU configuration is untouched."""
        cid = self.start("holder", "/bin/holder", "ghost", "3072")
        self.lines(cid, 1)
        self.refused("GhostTooLarge", self.checkpoint_args(cid), "3.0 MiB", "1.0 MiB")
        self.options('ghost_limit = "4M"')
        done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.additions("checkpoint"), ["CRIU_CONFIG_FILE: ghost-limit 4M"])
        self.comes_back(cid)

    def test_a_file_that_has_lost_its_name(self) -> None:
        """A checkpoint that ends the container leaves the name that CRIU gives the file."""
        cid = self.start("holder", "/bin/holder", "linked", "deleted")
        self.lines(cid, 1)
        self.options("link_remap = true")
        bundle = self.folder("bundle")
        (bundle / "config.json").write_text((self.crio.bundle(cid) / "config.json").read_text())
        done = self.call("--root", self.root, *(a for a in self.checkpoint_args(cid) if a != "--leave-running"))
        self.assertEqual(done.returncode, 0, done.stderr)
        record = self.last_record("checkpoint", "completed")
        self.assertIn("covered", [c["verdict"] for c in record["checks"] if c["id"] == "LinkRemap"])
        self.call("--root", self.root, "delete", "--force", cid)
        self.restores(bundle)

    @only_on(*FORKY)  # runc 1.1 has no such flag
    def test_a_file_that_has_lost_its_name_and_a_container_that_goes_on(self) -> None:
        """CRIU takes the name away again when the container goes on, and nobody can restore it."""
        cid = self.start("holder", "/bin/holder", "linked", "deleted")
        self.lines(cid, 1)
        self.options("link_remap = true")
        self.refused("LinkRemap", self.checkpoint_args(cid), "holder", "leave-running")
        self.options("link_remap = true", "[checks]", 'LinkRemap = "off"')
        done = self.call("--root", self.root, *self.checkpoint_args(cid), env={"CRIU_CONFIG_FILE": ""})
        self.assertNotEqual(done.returncode, 0, "lpm adds nothing here that would make a dump that cannot be restored")
        done = self.call("--root", self.root, *self.checkpoint_args(cid)[:1], "--link-remap", *self.checkpoint_args(cid)[1:])
        self.assertEqual(done.returncode, 0, done.stderr)
        bundle = self.remove(cid)
        again = self.add_container(f"restored-{os.urandom(4).hex()}")
        self.refused("FileMissing", self.restore_args(again, bundle), "link_remap", operation="restore")
        with self.without("FileMissing"):
            self.restore_fails(bundle, "Can't link", "LinkRemap")

    def locks(self, file: pathlib.Path) -> list[str]:
        """Processes that hold a lock on this file."""
        inode = f":{file.stat().st_ino} "
        return [line.split()[4] for line in pathlib.Path("/proc/locks").read_text().splitlines() if inode in line]

    def locked(self) -> tuple[pathlib.Path, pathlib.Path]:
        """A checkpoint of a container that holds a lock; the file and the bundle."""
        cid = self.start("holder", "/bin/holder", "lock", "/shared/file", **volume(self))
        self.lines(cid, 1)
        file = self.work / "shared/file"
        self.assertTrue(self.locks(file), "the container holds a lock")
        self.assertEqual(self.dump(cid).returncode, 0)
        bundle = self.remove(cid)
        self.assertEqual(self.locks(file), [])
        return file, bundle

    @only_on(*ALL, *GUEST)
    def test_locks_are_there_again(self) -> None:
        """CRI-O asks for them at checkpoint only, and CRIU drops them at restore without a word."""
        file, bundle = self.locked()
        self.restores(bundle)
        self.assertIn("--file-locks=true", self.additions("restore"))
        self.assertEqual(len(self.locks(file)), 1)

    def test_locks_are_lost_where_the_node_says_so(self) -> None:
        file, bundle = self.locked()
        self.options("file_locks = false")
        self.restores(bundle)
        self.assertEqual(self.locks(file), [])

    @only_on(*FORKY)  # runc 1.1 cannot
    def test_cgroup_left_to_the_runtime(self) -> None:
        self.options("own_cgroup = true")
        self.restores(self.checkpointed())
        self.assertIn("--manage-cgroups-mode=ignore", self.additions("restore"))

    def test_annotation(self) -> None:
        """A pod may set what the node lets it."""
        annotations = {"lpm.my.domain/options": "ghost_limit=4M, tcp=close, colour=red"}
        cid = self.start("holder", "/bin/holder", "ghost", "3072", annotations=annotations)
        self.lines(cid, 1)
        self.refused("GhostTooLarge", self.checkpoint_args(cid), "3.0 MiB")
        self.options("", "[annotations]", 'options = ["ghost_limit"]')
        done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        record = self.last_record("checkpoint", "completed")
        self.assertEqual(record["invocation"]["additions"], ["CRIU_CONFIG_FILE: ghost-limit 4M"])
        self.assertEqual(len([n for n in record["notes"] if "does not allow" in n]), 2, record["notes"])


class Connections(ResourceTest):
    """A redis with many live clients, under each policy."""
    flavours = (*FORKY, *GUEST)

    def redis(self, address: str = "127.0.0.1") -> str:
        """Its container and the clients, which are outside of it, in the same network namespace."""
        netns = self.network("redis", *([] if address == "127.0.0.1" else [address]))
        for link in ("lib", "lib64"):
            (self.rootfs / link).symlink_to(f"usr/{link}")
        usr = mount("/usr", "bind", "/usr", "rbind", "rprivate", "ro")
        cid = self.start("redis", "/usr/bin/redis-server", "--save", "", "--port", "6379", "--bind", "0.0.0.0", "-::",
                         "--protected-mode", "no", mounts=[usr], netns=netns)
        wait_for("redis", lambda: run("ip", "netns", "exec", "redis", "redis-cli", "ping", check=False).stdout == "PONG\n")
        self.clients = subprocess.Popen(["ip", "netns", "exec", "redis", sys.executable, "-c", CLIENTS, str(MANY), address],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.clients.wait)
        self.addCleanup(self.clients.kill)
        self.assertEqual(self.ask(), list(range(1, MANY + 1)))
        return cid

    def ask(self, what: str = "go") -> Any:
        """What each connection gets for INCR; None: it is broken."""
        print(what, file=piped(self.clients.stdin), flush=True)
        return json.loads(piped(self.clients.stdout).readline())

    def taken_under(self, cid: str, tcp: str) -> pathlib.Path:
        """A checkpoint that ends the container, as a migration does, under this policy; the bundle to restore."""
        SETTINGS.write_text(f'[options]\ntcp = "{tcp}"\n{PATIENT}')
        bundle = self.work / "bundle"
        bundle.mkdir()
        (bundle / "config.json").write_text((self.crio.bundle(cid) / "config.json").read_text())
        args = [a for a in self.checkpoint_args(cid) if a != "--leave-running"]
        done = self.call("--root", self.root, *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        record = self.last_record("checkpoint", "completed")
        self.assertEqual(record["invocation"]["tcp"], tcp)
        self.assertEqual(json.loads((self.images / "lpm.json").read_text())["tcp"], tcp)
        self.assertIn("covered", [c["verdict"] for c in record["checks"] if c["id"] == "TcpEstablished"])
        self.call("--root", self.root, "delete", "--force", cid)
        SETTINGS.unlink()  # the restore does what the checkpoint did, whatever the node's own wish is
        return bundle

    def taken_without_lpm(self, option: str) -> pathlib.Path:
        """The same of a node that has no lpm: CRIU's option is in its own configuration file."""
        cid = self.redis()
        bundle = self.folder("bundle")
        (bundle / "config.json").write_text((self.crio.bundle(cid) / "config.json").read_text())
        config = self.work / "criu.conf"
        config.write_text(option + "\n")
        args = [a for a in self.checkpoint_args(cid) if a != "--leave-running"]
        if option == "tcp-established":
            args.insert(1, "--tcp-established")
        done = self.call("--root", self.root, *args, runtime=REAL, env={"CRIU_CONFIG_FILE": str(config)})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((self.images / "lpm.json").exists())
        self.call("--root", self.root, "delete", "--force", cid)
        return bundle

    def test_established_without_lpm(self) -> None:
        """Nothing in the inventory tells; the state of the connections is there."""
        bundle = self.taken_without_lpm("tcp-established")
        self.criu_config("no-tcp-established")
        self.refuse_restore("TcpOptionMissing", bundle, "127.0.0.1 port 6379 with 127.0.0.1 port", f"{MANY - 5} more",
                            fails=("TcpOptionMissing", "Connected TCP socket in image"))
        CRIU_CONFIG.unlink()
        self.comes_back_after_all("TcpOptionMissing", bundle)
        self.assertIn("--tcp-established=true", self.last_record("restore", "completed")["invocation"]["additions"])
        self.assertEqual(self.ask(), list(range(MANY + 1, 2 * MANY + 1)), "the same connections go on")

    def test_closed_without_lpm(self) -> None:
        bundle = self.taken_without_lpm("tcp-close")
        self.criu_config("no-tcp-close")
        self.refuse_restore("TcpOptionMissing", bundle, "tcp-close",
                            fails=("TcpOptionMissing", "Need to set the --tcp-close options"))
        CRIU_CONFIG.unlink()
        self.restores(bundle)
        self.assertEqual(self.ask("again"), list(range(MANY + 1, 2 * MANY + 1)), "clients that connect again, and the key")

    def test_refused(self) -> None:
        cid = self.redis()
        SETTINGS.write_text('[options]\ntcp = "refuse"\n' + PATIENT)
        self.refused("TcpEstablished", self.checkpoint_args(cid), "redis-server", "127.0.0.1", f"{MANY - 1} more")
        self.assertEqual(self.ask(), list(range(MANY + 1, 2 * MANY + 1)))

    def test_closed(self) -> None:
        bundle = self.taken_under(self.redis(), "close")
        self.restores(bundle)
        self.assertIn("CRIU_CONFIG_FILE: tcp-close", self.last_record("restore", "completed")["invocation"]["additions"])
        self.assertEqual(self.ask(), [None] * MANY)
        self.assertEqual(self.ask("again"), list(range(MANY + 1, 2 * MANY + 1)), "clients that connect again, and the key")

    def test_established(self) -> None:
        bundle = self.taken_under(self.redis(), "established")
        self.restores(bundle)
        self.assertEqual(self.ask(), list(range(MANY + 1, 2 * MANY + 1)), "the same connections go on")

    def moved(self, address: str) -> None:
        """Connections cannot move to a pod with another address; what listens on all addresses can."""
        bundle = self.taken_under(self.redis(address), "established")
        self.join(bundle, self.network("elsewhere"))
        self.refuse_restore("AddressMissing", bundle,
                            f"connections are from addresses that this network namespace does not have: {address}",
                            fails=("AddressMissing", "Cannot assign requested address"))
        self.criu_config("tcp-close")
        self.restores(bundle)
        self.assertEqual(run("ip", "netns", "exec", "elsewhere", "redis-cli", "get", "count").stdout, f"{MANY}\n")
        self.remove_restored()
        CRIU_CONFIG.unlink()
        self.join(bundle, "/run/netns/redis")
        self.restores(bundle)
        self.assertEqual(self.ask(), list(range(MANY + 1, 2 * MANY + 1)), "the same connections go on")

    def test_connections_of_another_address(self) -> None:
        self.moved("10.99.0.7")

    def test_connections_of_another_address_of_ipv6(self) -> None:
        self.moved("fd99::7")

    def test_images_without_lpm_json(self) -> None:
        """The inventory tells as well that connections were to be closed."""
        bundle = self.taken_under(self.redis(), "close")
        os.unlink(self.images / "lpm.json")
        self.restores(bundle)
        settle()
        self.assertEqual(self.ask("again"), list(range(MANY + 1, 2 * MANY + 1)))
