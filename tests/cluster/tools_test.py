# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What is refused for want of a tool, or for what the node's CRIU, kernel and engine cannot do."""
import contextlib
import pathlib
from collections.abc import Iterator

from e2e import GATE, RUNTIME, run
from pod_refusals import PodRefusalTest
from suite import container

CRIU = pathlib.Path("/usr/sbin/criu")
# In the place of CRIU: one that says it is older, on a kernel that cannot suspend filters, and one that may not do what it
# must. Both are the node's own otherwise.
OLD = """#!/bin/sh
case " $* " in
*" --version "*) echo "Version: {version}"; exit 0 ;;
*" seccomp_suspend "*) exit 1 ;;
esac
exec {real} "$@"
"""
CURTAILED = '#!/bin/sh\nexec /usr/bin/setpriv --bounding-set -{without} {real} "$@"\n'


@contextlib.contextmanager
def away(tool: pathlib.Path, script: str | None = None, **words: str) -> Iterator[None]:
    """The tool is not where it was, and what the script does is there, if any."""
    real = tool.with_name(f"{tool.name}.away")
    tool.rename(real)
    try:
        if script:
            tool.write_text(script.format(real=real, **words))
            tool.chmod(0o755)
        yield
    finally:
        real.replace(tool)


@contextlib.contextmanager
def other_criu(script: str, **words: str) -> Iterator[None]:
    """And the node has been probed since."""
    try:
        with away(CRIU, script, **words):
            run(GATE, "--probe")
            yield
    finally:
        run(GATE, "--probe")


class Tools(PodRefusalTest):
    def test_tools_that_are_gone(self) -> None:
        """And an engine without a capability. Not CRIU: that CRI-O looks for by itself, and says so."""
        name = self.pod(container("ctr"))
        for tool, check in (("iptables-restore", "NetworkLockTool"), ("tar", "TarMissing")):
            with self.subTest(tool), away(pathlib.Path(run("which", tool).stdout.strip())):
                self.refused(name, "ctr", check, tool)
        with self.subTest("capability"), away(pathlib.Path(RUNTIME), CURTAILED, without="sys_ptrace"):
            self.refused(name, "ctr", "Capabilities", "CAP_SYS_PTRACE")
        self.assert_goes_on(name, "ctr")
        self.checkpoint(name, "ctr")

    def test_another_criu(self) -> None:
        held = {"listener": ("tcp", "listening"), "guard": ("guard", "installed"), "filter": ("seccomp",)}
        name = self.pod(container("ctr"), *(container(ctr, "/bin/holder", *words) for ctr, words in held.items()))
        for ctr in held:
            self.assertNotIn("holder:", self.output(name, ctr)[0])
        with self.subTest("old"), other_criu(OLD, version="4.1.1"):
            self.refused(name, "listener", "TcpOnNewKernel", "holder", "CRIU before 4.2")
            self.refused(name, "guard", "GuardPages", "holder", "CRIU 4.2")
            self.refused(name, "filter", "SeccompFilter", "holder", "cannot suspend")
        with self.subTest("far too old"), other_criu(OLD, version="3.15"):
            self.refused(name, "ctr", "ToolingMissing", "3.15", "3.16")
        with self.subTest("cannot dump"), other_criu(CURTAILED, without="sys_admin,-checkpoint_restore"):
            self.refused(name, "ctr", "KernelSupport", "CAP_SYS_ADMIN")
        for ctr in ("ctr", *held):
            self.assert_goes_on(name, ctr)
