# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What a program had in memory, files and sockets is there again after checkpoint and restore."""
import collections
import json
import shutil
import urllib.request

from e2e import NodeTest, run, wait_for
from oci_spec import bind, mount


class State(NodeTest):
    def move(self, cid, rootfs=None):
        """Checkpoint, kill, restore under a new id; that id."""
        archive = self.work / "checkpoint.tar"
        self.crio.checkpoint(cid, archive)
        self.crio.kill(cid)
        self.crio.delete(cid)
        new = self.add_container(f"restored-{cid}")
        self.crio.restore(new, archive, rootfs or self.rootfs)
        archive.unlink()
        return new

    def test_processes_and_threads_go_on(self):
        cid = self.start("workers", "/bin/workers", "3", "4")
        self.lines(cid, 60)
        new = self.move(cid)
        counts = collections.defaultdict(list)
        totals = []
        lines = self.lines(new, len(self.lines(new)) + 60)
        for line in lines:
            process, thread, nonce, value, total = line.split()
            counts[process, thread, nonce].append(int(value))
            totals.append(int(total))
        self.assertEqual(len(counts), 12, "every thread under one nonce")
        for who, values in counts.items():
            self.assertEqual(values, list(range(values[0], values[0] + len(values))), who)
        self.assertEqual(len(set(totals)), len(totals), "memory shared by the processes went back")

    def test_a_gibibyte_keeps_its_checksum(self):
        cid = self.start("memory", "/bin/workers", "memory", "1024")
        before = wait_for("a checksum", lambda: self.crio.log(cid).exists() and self.lines(cid, 1), 60)
        new = self.move(cid)
        lines = self.lines(new, len(self.lines(new)) + 2)
        self.assertEqual({line.split()[0] for line in lines}, {before[0].split()[0]})
        rounds = [int(line.split()[1]) for line in lines]
        self.assertEqual(rounds, list(range(len(rounds))))
        stats = self.records()[0]["stats"]
        self.assertGreaterEqual(stats["pages_written"], 1024 * 256, json.dumps(stats))

    def system_rootfs(self):
        """A container of the node's own programs."""
        root = self.work / "system"
        for folder in ("dev", "etc", "proc", "sys", "tmp", "usr", "var/tmp", "data", "run"):
            (root / folder).mkdir(parents=True)
        for link in ("bin", "sbin", "lib", "lib64"):
            (root / link).symlink_to(f"usr/{link}")
        for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache"):
            shutil.copy(f"/etc/{name}", root / "etc")
        usr = mount("/usr", "bind", "/usr", "rbind", "rprivate", "ro")
        return root, [usr, bind(self.work / "data", "/data")]

    def start_server(self, name, port, *args):
        """A server in a network namespace that outlives the container, as a pod's does."""
        (self.work / "data").mkdir()
        run("ip", "netns", "add", name)
        self.addCleanup(run, "ip", "netns", "del", name, check=False)
        run("ip", "-n", name, "link", "set", "lo", "up")
        rootfs, mounts = self.system_rootfs()
        cid = self.start(name, *args, rootfs=rootfs, mounts=mounts, netns=f"/run/netns/{name}")
        wait_for(f"{name} listens", lambda: f":{port} " in run(
            "ip", "netns", "exec", name, "cat", "/proc/net/tcp", check=False).stdout.replace(
                f"{port:04X}", str(port)))
        return cid, rootfs

    def test_redis_keeps_its_keys(self):
        cid, rootfs = self.start_server("redis", 6379, "/usr/bin/redis-server", "--save", "", "--appendonly", "no",
                                        "--port", "6379", "--bind", "127.0.0.1")
        redis = ("ip", "netns", "exec", "redis", "redis-cli")
        run(*redis, "set", "colour", "green")
        run(*redis, "rpush", "list", *map(str, range(100)))
        info = run(*redis, "info", "server").stdout
        self.move(cid, rootfs)
        self.assertEqual(run(*redis, "get", "colour").stdout, "green\n")
        self.assertEqual(run(*redis, "llen", "list").stdout, "100\n")
        run_id = [line for line in info.splitlines() if line.startswith("run_id")]
        self.assertIn(run_id[0], run(*redis, "info", "server").stdout.splitlines(), "redis was started anew")

    def test_http_server_answers(self):
        cid, rootfs = self.start_server("http", 8000, "/usr/bin/python3", "-c", HTTP_SERVER)
        ask = ("ip", "netns", "exec", "http", "python3", "-c", ASK)
        first = json.loads(run(*ask).stdout)
        self.move(cid, rootfs)
        second = json.loads(run(*ask).stdout)
        self.assertEqual(second["nonce"], first["nonce"])
        self.assertEqual(second["requests"], first["requests"] + 1)

    # CRIU 4.1 cannot dump a TCP socket on kernels from 6.16 on; forky's 4.2 can.
    test_redis_keeps_its_keys.flavours = ("forky",)
    test_http_server_answers.flavours = ("forky",)


ASK = f"import {urllib.request.__name__} as u; print(u.urlopen('http://127.0.0.1:8000', timeout=5).read().decode())"
HTTP_SERVER = """
import http.server, itertools, json, os
nonce, requests = os.urandom(8).hex(), itertools.count()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"nonce": nonce, "requests": next(requests)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
"""
