# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Restores that fail for what processes are: their numbers, how many they are, their profiles; refused with the
reason, and with the check off the real runc and CRIU fail."""
import os
import pathlib
import subprocess
from collections.abc import Callable

import image_edit
from e2e import CRIU_CONFIG, only_on, run, settle
from oci_spec import Json
from resource_cases import FORKY, ResourceTest


class Numbers(ResourceTest):
    def namespace(self) -> str:
        """The first process of a new PID namespace, as the pause process of a pod; its path."""
        outer = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "sleep", "1000"])
        self.addCleanup(outer.wait)
        self.addCleanup(outer.kill)
        settle()
        self.first = run("ps", "-o", "pid=", "--ppid", outer.pid).stdout.strip()
        return f"/proc/{self.first}/ns/pid"

    def occupy(self, number: int) -> Callable[[], None]:
        """A process with that number in the namespace; what ends it."""
        inside = ("nsenter", "--target", self.first, "--pid")
        run(*inside, "sh", "-c", f"echo {number - 1} >/proc/sys/kernel/ns_last_pid")
        outer = subprocess.Popen([*inside, "sleep", "1000"])
        self.addCleanup(outer.wait)
        self.addCleanup(outer.kill)
        settle()
        pid = run("ps", "-o", "pid=", "--ppid", outer.pid).stdout.strip()
        self.assertIn(f"\nNSpid:\t{pid}\t{number}\n", pathlib.Path(f"/proc/{pid}/status").read_text())
        self.addCleanup(run, "kill", "-9", pid, check=False)

        def end() -> None:
            os.kill(int(pid), 9)
            outer.wait()
        return end

    def join(self, bundle: pathlib.Path, path: str | None) -> None:
        def change(spec: Json) -> None:
            for namespace in spec["linux"]["namespaces"]:
                if namespace["type"] == "pid":
                    namespace.pop("path", None)
                    namespace.update({"path": path} if path else {})
        self.change(bundle / "config.json", change)

    def numbers(self, cid: str) -> list[int]:
        """Of the processes and threads of the container, in the namespace of each."""
        threads = pathlib.Path(f"/proc/{self.pid(cid)}/task").glob("*/status")
        return sorted(int(t.read_text().split("\nNSpid:\t")[1].splitlines()[0].split()[-1]) for t in threads)

    def shared(self) -> tuple[list[int], pathlib.Path]:
        """A checkpoint of a container in the PID namespace of its pod; the numbers and the bundle."""
        cid = self.start("holder", "/bin/holder", "threads", "2", pidns=self.namespace())
        self.lines(cid, 1)
        numbers = self.numbers(cid)
        done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        return numbers, self.remove(cid)

    def test_number_that_a_process_of_the_pod_has(self) -> None:
        numbers, bundle = self.shared()
        self.join(bundle, self.namespace())
        end = self.occupy(numbers[0])
        self.refuse_restore("PidTaken", bundle, f"{numbers[0]} (sleep)",
                            fails=("PidTaken", f"Can't fork for {numbers[0]}: File exists"))
        end()
        self.comes_back_after_all("PidTaken", bundle)

    def test_number_of_a_thread_that_a_process_of_the_pod_has(self) -> None:
        numbers, bundle = self.shared()
        self.join(bundle, self.namespace())
        end = self.occupy(numbers[-1])
        self.refuse_restore("PidTaken", bundle, f"{numbers[-1]} (sleep)", fails=("PidTaken", "Unable to create a thread: -17"))
        end()
        self.restores(bundle)

    def test_number_that_a_process_of_the_node_has(self) -> None:
        """A container that shares the node's namespace, while the one that was dumped still runs."""
        cid = self.start("holder", "/bin/holder", "child", "plain", shared=("pid",))
        self.lines(cid, 1)
        # Only what is no leader of its session takes that of CRIU, and could be in its way (row 5.12).
        self.assertEqual(os.getsid(self.pid(cid)), self.pid(cid))
        done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        bundle = self.folder("bundle")
        (bundle / "config.json").write_text((self.crio.bundle(cid) / "config.json").read_text())
        self.change(bundle / "config.json", lambda spec: spec["linux"].update(cgroupsPath="/kubepods/another"))
        self.refuse_restore("PidTaken", bundle, f"{self.pid(cid)} (holder)", fails=("PidTaken", "Can't fork for"))
        self.crio.kill(cid)
        self.crio.delete(cid)
        self.restores(bundle)

    def test_numbers_of_its_own(self) -> None:
        """A namespace that CRIU makes is empty, whatever config.json names."""
        bundle = self.taken("threads", "2")
        self.join(bundle, self.namespace())
        self.restores(bundle)

    def test_namespace_that_nobody_joins(self) -> None:
        _, bundle = self.shared()
        path = f"/proc/{self.first}/ns/pid"
        self.join(bundle, None)
        self.refuse_restore("PidNamespaceMissing", bundle, "config.json",
                            fails=("PidNamespaceMissing", "Unable to find an external pidns"))
        self.join(bundle, path)
        self.comes_back_after_all("PidNamespaceMissing", bundle)


class Limits(ResourceTest):
    def limit(self, bundle: pathlib.Path, number: int) -> None:
        self.change(bundle / "config.json", lambda spec: spec["linux"]["resources"].update(pids={"limit": number}))

    def test_fewer_processes_than_there_were(self) -> None:
        bundle = self.taken("descriptors", "9000")  # in ten processes
        self.limit(bundle, 7)
        self.refuse_restore("PidsLimit", bundle, "limited to 7", "10 are in the images",
                            fails=("PidsLimit", "Resource temporarily unavailable"))
        self.limit(bundle, 14)
        self.comes_back_after_all("PidsLimit", bundle)

    def test_no_room_for_helpers(self) -> None:
        """CRIU starts tar and gzip before it makes the other processes: there may be nothing for them to do."""
        bundle = self.taken("threads", "3")
        self.limit(bundle, 4)
        cid = self.add_container(f"restored-{os.urandom(4).hex()}")
        done = self.call("--root", self.root, *self.restore_args(cid, bundle))
        self.assertNotEqual(done.returncode, 0)
        record = self.last_record("restore", "failed")
        self.assertEqual([c["verdict"] for c in record["checks"] if c["id"] == "PidsLimit"], ["warn"])


class Inventory(ResourceTest):
    """What the images say of the node and of the options of the dump."""

    def test_profile_of_a_module_that_is_not_here(self) -> None:
        bundle = self.taken("child", "plain")
        inventory, core = self.images / "inventory.img", self.images / "core-1.img"
        apparmor = 2
        old = (image_edit.edit(inventory, image_edit.INVENTORY_HEAD,
                               lambda record: image_edit.with_number(record, 6, apparmor)),
               image_edit.edit(core, image_edit.HEAD,
                               lambda record: image_edit.with_bytes(record, (5, 10, 15), b"crio-default")))
        self.refuse_restore("LsmMismatch", bundle, "process 1", "AppArmor profile crio-default",
                            fails=("LsmMismatch", "mismatched lsm types"))
        core.write_bytes(old[1])
        self.comes_back_after_all("LsmMismatch", bundle)  # without a profile the module does not matter

    @only_on(*FORKY)  # CRIU 4.1 does not know the option
    def test_probes_that_the_dump_allowed(self) -> None:
        bundle = self.taken("child", "plain")
        image_edit.edit(self.images / "inventory.img", image_edit.INVENTORY_HEAD,
                        lambda record: image_edit.with_number(record, 14, 1))
        self.criu_config("no-allow-uprobes")
        self.refuse_restore("Uprobes", bundle, "allow-uprobes", fails=("Uprobes", "Dumped with --allow-uprobes"))
        CRIU_CONFIG.unlink()
        self.restores(bundle)
        self.assertIn("CRIU_CONFIG_FILE: allow-uprobes",
                      self.last_record("restore", "completed")["invocation"]["additions"])
