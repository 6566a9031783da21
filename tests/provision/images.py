#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The images that a cluster made by kubeadm 1.30.14 runs, of the programs that tools/peers builds and of Debian's etcd, and
nginx: images.py FOLDER, which a registry serves. Names are those of the real ones (`kubeadm config images list`)."""
import contextlib
import pathlib
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cluster"))
import images  # noqa: E402

PROGRAMS = pathlib.Path("/usr/local/bin")
XTABLES = pathlib.Path("/usr/lib/x86_64-linux-gnu/xtables")


def program(name: str) -> images.Fill:
    """A static program alone, on the PATH."""
    def fill(root: pathlib.Path) -> None:
        (root / "usr/local/bin").mkdir(parents=True)
        shutil.copy(PROGRAMS / name, root / "usr/local/bin" / name)
    return fill


def kube_proxy(root: pathlib.Path) -> None:
    images.busybox(root)
    program("kube-proxy")(root)
    for name in ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"):
        images.copy_program(root, f"/usr/sbin/{name}")
    for extension in XTABLES.glob("*.so"):
        images.copy_program(root, str(extension))


def coredns(root: pathlib.Path) -> None:
    (root / "etc").mkdir()
    shutil.copy(PROGRAMS / "coredns", root / "coredns")


def etcd(root: pathlib.Path) -> None:
    images.copy_program(root, "/usr/bin/etcd")


PATH = "ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin"
IMAGES = [
    *((program(name), (PATH,), [f"{name}:v1.30.14"])
      for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")),
    (kube_proxy, (PATH,), ["kube-proxy:v1.30.14"]),
    (coredns, ('ENTRYPOINT ["/coredns"]',), ["coredns/coredns:v1.11.3"]),
    (etcd, (PATH,), ["etcd:3.5.15-0"]),
    (images.pause, ('ENTRYPOINT ["/pause"]',), ["pause:3.9", "pause:3.10", "pause:3.10.1"]),
    (images.nginx, images.SERVER, ["library/nginx:latest"]),
]


def main() -> None:
    images.trust()
    with contextlib.ExitStack() as stack:
        stack.enter_context(images.Registry(sys.argv[1]))
        for image in IMAGES:
            images.push(*image)


if __name__ == "__main__":
    main()
