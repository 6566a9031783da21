# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The programs that make a cluster of one node, their command lines and configuration files."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import images
from crio_runtime import DAEMON_ENV
from e2e import LINK, RUNTIME, has_sys_resource, run
from oci_spec import Json
from pki import Pki

LOGS = pathlib.Path("/var/log/cluster")
NODE = "node1"
ADDRESS = "192.0.2.10"  # on lo, in a network namespace of its own: clusters do not meet
API = f"https://{ADDRESS}:6443"
SOCKET = "/run/crio/crio.sock"
KUBELET = pathlib.Path("/var/lib/kubelet")


def real_runtime() -> str:
    """What stands below lpm, and in its place where nothing stands above."""
    return "/usr/sbin/runc" if has_sys_resource() else "/opt/lpm/bin/runc_without_sys_resource"


# Of the whole machine, and the kubelet sets them when they are not as it likes.
TUNABLES = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
            "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes")


def spare_machine() -> None:
    """The kubelet writes into files of the node's own instead."""
    for name in TUNABLES:
        place, copy = pathlib.Path("/proc/sys", name), pathlib.Path("/run/sysctl", name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(place.read_text())
        run("mount", "--bind", copy, place)


def prepare_node() -> None:
    """What a node has before CRI-O starts. What stands below lpm is named, so that no result is taken for another's."""
    run("mount", "--make-rshared", "/")  # as systemd does
    spare_machine()
    pathlib.Path("/proc/sys/net/ipv4/conf/all/route_localnet").write_text("1")  # as kube-proxy does, for host ports
    pathlib.Path("/etc/resolv.conf").write_text("nameserver 127.0.0.1\n")  # CRI-O copies it; nobody answers
    LINK.unlink()
    LINK.symlink_to(real_runtime())
    run("/usr/libexec/lpm/lpm-gate", "--probe")
    print(f"below lpm: {real_runtime()}, {run('/usr/sbin/runc', '--version').stdout.splitlines()[0]}", flush=True)


class Part:
    """One daemon; it ends with this process, and can be killed and started again."""

    def __init__(self, name: str, *argv: object, env: dict[str, str] | None = None) -> None:
        self.name, self.argv, self.env = name, [str(a) for a in argv], env
        self.started: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Between start() and end()."""
        assert self.started is not None, f"{self.name} is not started"
        return self.started

    @property
    def log(self) -> pathlib.Path:
        return LOGS / f"{self.name}.log"

    def start(self) -> None:
        LOGS.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            program = shutil.which(self.argv[0]) or self.argv[0]
            self.started = subprocess.Popen([program, *self.argv[1:]], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd="/", env=self.env, start_new_session=True)

    def end(self, number: int = signal.SIGTERM, patience: float = 20) -> int | None:
        """Its exit status; killed when it does not end of itself."""
        if self.started is None:
            return None
        self.process.send_signal(number)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.started = None

    def ended(self) -> bool:
        return self.started is None or self.started.poll() is not None

    def last_words(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""


def etcd() -> Part:
    return Part("etcd", "etcd", "--data-dir", "/var/lib/etcd", "--unsafe-no-fsync", "--listen-client-urls",
                "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379")


def api_server(pki: Pki) -> Part:
    return Part("kube-apiserver", "kube-apiserver", "--etcd-servers=http://127.0.0.1:2379", "--secure-port=6443",
                f"--advertise-address={ADDRESS}", f"--bind-address={ADDRESS}",
                f"--tls-cert-file={pki / 'api.crt'}", f"--tls-private-key-file={pki / 'api.key'}",
                f"--client-ca-file={pki / 'ca.crt'}", "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={pki / 'sa.pub'}", f"--service-account-signing-key-file={pki / 'sa.key'}",
                "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
                "--service-cluster-ip-range=10.96.0.0/16", "--allow-privileged=true",
                "--kubelet-preferred-address-types=InternalIP",
                f"--kubelet-certificate-authority={pki / 'ca.crt'}",
                f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
                f"--kubelet-client-key={pki / 'kubelet-client.key'}")


def with_config(name: str, config: pathlib.Path, *more: str) -> Part:
    flags = [f"--{kind}kubeconfig={config}" for kind in ("", "authentication-", "authorization-")]
    return Part(name, name, *flags, "--bind-address=127.0.0.1", "--leader-elect=false", *more)


def controller_manager(pki: Pki) -> Part:
    return with_config("kube-controller-manager", pki / "controller-manager.conf",
                       f"--root-ca-file={pki / 'ca.crt'}", f"--service-account-private-key-file={pki / 'sa.key'}",
                       f"--cluster-signing-cert-file={pki / 'ca.crt'}", f"--cluster-signing-key-file={pki / 'ca.key'}",
                       "--use-service-account-credentials")


def scheduler(pki: Pki) -> Part:
    return with_config("kube-scheduler", pki / "scheduler.conf")


def kubelet(pki: Pki, release: str) -> Part:
    config: Json = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "cgroupDriver": "cgroupfs",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "tlsCertFile": str(pki / "kubelet-server.crt"), "tlsPrivateKeyFile": str(pki / "kubelet-server.key"),
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                           "x509": {"clientCAFile": str(pki / "ca.crt")}},
        # What was allowed once stays so for five minutes otherwise, and refused for half of one.
        "authorization": {"mode": "Webhook", "webhook": {"cacheAuthorizedTTL": "1s", "cacheUnauthorizedTTL": "1s"}},
        "failSwapOn": False,
        "evictionHard": {},  # the machine's disk is nobody's business here
        "enforceNodeAllocatable": [],
        "makeIPTablesUtilChains": False,
        "localStorageCapacityIsolation": False,
    }
    if release != "1.30":
        config["failCgroupV1"] = False  # 1.30 does not know it
    if not has_sys_resource():
        config["oomScoreAdj"] = 0
    KUBELET.mkdir(parents=True, exist_ok=True)
    (KUBELET / "config.yaml").write_text(json.dumps(config))
    return Part("kubelet", "kubelet", f"--config={KUBELET / 'config.yaml'}", f"--kubeconfig={pki / 'kubelet.conf'}",
                f"--hostname-override={NODE}", f"--node-ip={ADDRESS}", "--v=2")


NETWORK = {"cniVersion": "1.0.0", "name": "crio", "plugins": [
    {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True,
     "ipam": {"type": "host-local", "routes": [{"dst": "0.0.0.0/0"}], "ranges": [[{"subnet": "10.88.0.0/16"}]]}},
    {"type": "portmap", "capabilities": {"portMappings": True}},
    {"type": "loopback"}]}

# All keys of the handler: a drop-in that names one of them takes its others away (CRI-O 1.36).
CRIO = """[crio.api]
listen = "{socket}"
[crio.runtime]
default_runtime = "runc"
cgroup_manager = "cgroupfs"
conmon_cgroup = "pod"
enable_criu_support = true
pinns_path = "/opt/lpm/bin/pinns"
[crio.runtime.runtimes.runc]
runtime_path = "{runtime}"
runtime_root = "/run/runc"
monitor_path = "/usr/bin/conmon"
monitor_env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
[crio.network]
plugin_dirs = ["/usr/lib/cni"]
"""


def crio(runtime: str | pathlib.Path = RUNTIME, *flags: str) -> Part:
    images.trust()
    files = {"/etc/cni/net.d/10-crio.conflist": json.dumps(NETWORK),
             "/etc/crio/crio.conf.d/10-cluster.conf": CRIO.format(socket=SOCKET, runtime=runtime)}
    for path, text in files.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        pathlib.Path(path).write_text(text)
    return Part("crio", "crio", "--log-level", "info", *flags, env=DAEMON_ENV)
