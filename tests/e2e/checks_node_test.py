# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The node's tools and what config.json alone decides: what the checks say, and that it is so."""
import os

from crio_runtime import DAEMON_PATH
from e2e import GATE, Done, run
from resource_cases import Fine, ResourceTest, Warned, tabled, volume, with_options

PLAIN = ("child", "plain")
# A CRIU that is installed where it may not do what it must: as in a container engine with too few capabilities.
CURTAILED = """#!/bin/sh
exec /usr/bin/setpriv --bounding-set -sys_admin,-checkpoint_restore /usr/sbin/criu "$@"
"""


@tabled(
    Fine("seccomp_filter", "SeccompFilter", ("seccomp",)),
    Warned("address_in_the_environment", "PodIdentityInEnv", PLAIN, with_options(env=("POD_IP=10.0.0.1",)),
           words=("POD_IP",)),
    Fine("ordinary_environment", "PodIdentityInEnv", PLAIN, with_options(env=("POD_IPS_OF_ALL=1",))),
    Warned("writable_volume", "VolumesLeftOut", PLAIN, volume, words=("/shared",)),
    Fine("no_volume", "VolumesLeftOut", PLAIN),
    Warned("processes_of_the_node", "PidNamespaceShared", PLAIN, with_options(shared=("pid",)), words=("PID",)),
    Fine("processes_of_its_own", "PidNamespaceShared", PLAIN),
    Warned("users_of_its_own", "UserNamespace", PLAIN, with_options(users=True), words=("user namespace",)),
    Fine("users_of_the_node", "UserNamespace", PLAIN),
    Warned("many_descriptors", "ManyDescriptors", ("descriptors", "21000"), words=("21",)),
    Fine("some_descriptors", "ManyDescriptors", ("descriptors", "1800")),
)
class Configuration(ResourceTest):
    pass


class Tools(ResourceTest):
    def probe(self, path: str) -> Done:
        done = run(GATE, "--probe", env={"PATH": path}, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def test_criu_that_cannot_dump(self) -> None:
        folder = self.folder("curtailed")
        (folder / "criu").write_text(CURTAILED)
        (folder / "criu").chmod(0o755)
        path = f"{folder}:{DAEMON_PATH}"
        self.addCleanup(self.probe, DAEMON_PATH)
        self.assertIn("a dump of a sleeping process fails", self.probe(path).stderr)
        cid = self.start("holder", "/bin/holder", *PLAIN)
        self.lines(cid, 1)
        self.refuse("KernelSupport", self.checkpoint_args(cid), "CAP_SYS_ADMIN", path=path,
                    fails=("CriuCutShort", "criu failed: type DUMP errno"))  # and no reason anywhere
        self.assert_runs(cid)
        self.probe(DAEMON_PATH)
        self.assertEqual(self.dump(cid).returncode, 0)
        self.comes_back(cid)
        self.show("KernelSupport", "fine")

    def test_iptables_that_fails(self) -> None:
        """As where the kernel has no tables: it is there, and CRIU cannot lock the network with it. It may have been mended
        since the probe, so lpm warns."""
        folder = self.folder("broken")
        for name in ("iptables-restore", "ip6tables-restore"):
            (folder / name).write_text("#!/bin/sh\necho no such table >&2\nexit 3\n")
            (folder / name).chmod(0o755)
        path = f"{folder}:{DAEMON_PATH}"
        self.addCleanup(self.probe, DAEMON_PATH)
        self.assertIn("no such table", self.probe(path).stderr)
        cid = self.start("holder", "/bin/holder", *PLAIN)
        self.lines(cid, 1)
        for caller in ("running", "paused"):
            if caller == "paused":
                self.crio.pause(cid)
            done = self.call("--root", self.root, *self.checkpoint_args(cid), path=path)
            self.assertNotEqual(done.returncode, 0, "CRIU did not need it")
            record = self.last_record("checkpoint", "failed")
            self.assertEqual(record["result"]["code"], "NetworkLockTool", done.stderr)
            [found] = [c for c in record["checks"] if c["id"] == "NetworkLockTool"]
            self.assertEqual(found["verdict"], "warn")
            self.assertIn("no such table", found["message"])
        self.crio.resume(cid)
        self.assert_runs(cid)
        self.probe(DAEMON_PATH)
        self.assertEqual(self.dump(cid).returncode, 0)
        found = next(c for c in self.last_record("checkpoint", "completed")["checks"] if c["id"] == "NetworkLockTool")
        self.assertEqual(found["verdict"], "pass")

    def test_no_tar(self) -> None:
        cid = self.start("holder", "/bin/holder", *PLAIN)
        self.lines(cid, 1)
        path = self.only("criu", "iptables-restore", "ip6tables-restore", "gzip")
        self.refuse("TarMissing", self.checkpoint_args(cid), "tar", path=path, fails=("TarMissing", 'execvp("tar"'))
        self.assert_runs(cid)
        os.symlink("/usr/bin/tar", self.work / "path/tar")
        done = self.call("--root", self.root, *self.checkpoint_args(cid), path=path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.comes_back(cid)
        self.show("TarMissing", "fine")
