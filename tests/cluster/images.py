#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The images of the test cluster, made of Debian's packages and pushed to its registry: images.py FOLDER

FOLDER is what the registry serves (serve); tools/registry keeps it as a layer for nodes. Names are those of the real
registries, for which the node's registry is a mirror (MIRRORED).
"""
import contextlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Self

ADDRESS = "127.0.0.1:5000"
MIRRORED = ("docker.io", "registry.k8s.io", "gcr.io", "k8s.gcr.io")
PROGRAMS = pathlib.Path("/opt/lpm/bin")
CORPUS = pathlib.Path(__file__).resolve().parent.parent / "support/corpus"  # what they serve

USERS = ("root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/sh\ndefault-user:x:1000:1000::/:/bin/sh\n"
         "nobody:x:65534:65534::/:/bin/sh\n")
GROUPS = ("root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\ndefault-user:x:1000:\n"
          "group-defined-in-image:x:50000:default-user\n")
NGINX = """user root; worker_processes 1; pid /run/nginx.pid; error_log /dev/stderr;
events {}
http { access_log /dev/stdout; server { listen PORT; root /usr/share/nginx/html; } }
"""
# Of packages: LLVM, with which postgres compiles queries, is larger than all the rest.
UNUSED = {"doc", "man", "locale", "bitcode", "llvmjit.so"}


class Registry:
    """docker-registry, serving a folder while the context lasts."""

    process: subprocess.Popen[bytes]  # once it has been entered

    def __init__(self, folder: str, log: str = "/dev/null") -> None:
        self.folder, self.log = folder, log

    def __enter__(self) -> Self:
        config = pathlib.Path(tempfile.mkdtemp()) / "registry.yml"
        config.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {self.folder}}}}}\n"
                          f"http: {{addr: '{ADDRESS}'}}\n")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", config], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        end = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"http://{ADDRESS}/v2/", timeout=5).close()
                return self
            except urllib.error.URLError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()


def copy_program(root: pathlib.Path, path: str) -> None:
    """A program and the libraries that it loads."""
    listed = subprocess.run(["ldd", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    needed = [word for line in listed.stdout.splitlines() for word in line.split() if word.startswith("/")]
    for file in (path, *needed):
        place = root / str(file).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)


def copy_packages(root: pathlib.Path, *names: str) -> None:
    """The files of these packages of Debian's, and the libraries that they load."""
    listed = subprocess.run(["dpkg", "-L", *names], stdout=subprocess.PIPE, text=True, check=True).stdout
    for path in map(pathlib.Path, sorted(set(listed.split("\n")) - {""})):
        if UNUSED & set(path.parts) or path.is_dir() and not path.is_symlink() or not path.exists():
            continue
        place = root / str(path).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            place.symlink_to(path.readlink())
        else:
            shutil.copy(path, place)
            if path.read_bytes()[:4] == b"\x7fELF":
                copy_program(root, str(path))


def busybox(root: pathlib.Path) -> None:
    for folder in ("bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin", "usr/sbin", "var/www"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "var/run").symlink_to("../run")
    shutil.copy("/usr/bin/busybox", root / "bin/busybox")
    applets = subprocess.run(["/usr/bin/busybox", "--list"], stdout=subprocess.PIPE, text=True, check=True)
    for name in applets.stdout.split():
        if name != "busybox":
            (root / "bin" / name).symlink_to("busybox")
    (root / "bin/pgrep").write_text('#!/bin/sh\nexec pidof "$@"\n')  # Debian's has none
    (root / "bin/pgrep").chmod(0o755)
    (root / "etc/passwd").write_text(USERS)
    (root / "etc/group").write_text(GROUPS)


def nginx(root: pathlib.Path, port: int = 80) -> None:
    busybox(root)
    for path in ("/usr/sbin/nginx", "/usr/bin/ipcs", "/usr/bin/ipcmk"):
        copy_program(root, path)
    for folder in ("etc/nginx", "var/log/nginx", "var/lib/nginx", "usr/share/nginx/html"):
        (root / folder).mkdir(parents=True)
    (root / "etc/nginx/nginx.conf").write_text(NGINX.replace("PORT", str(port)))
    (root / "usr/share/nginx/html/index.html").write_text("Welcome to nginx!\n")


def nginx_of_the_host(root: pathlib.Path) -> None:
    nginx(root, 12003)


def httpd(root: pathlib.Path) -> None:
    busybox(root)
    (root / "var/www/index.html").write_text("It works!\n")


def nonewprivs(root: pathlib.Path) -> None:
    busybox(root)
    shutil.copy(PROGRAMS / "nnp", root / "nnp")
    (root / "nnp").chmod(0o4755)


def redis(root: pathlib.Path) -> None:
    busybox(root)
    for name in ("redis-server", "redis-cli"):
        copy_program(root, f"/usr/bin/{name}")


def postgres(root: pathlib.Path) -> None:
    """Its cluster is made by the container."""
    busybox(root)
    packages = [path.name for path in pathlib.Path("/var/lib/dpkg/info").glob("postgresql-*.list")]
    copy_packages(root, *(name.removesuffix(".list") for name in packages))
    (root / "usr/bin/pg").symlink_to(next(pathlib.Path("/usr/lib/postgresql").glob("*/bin")))
    copy_program(root, str(PROGRAMS / "pretend_user.so"))
    with open(root / "etc/passwd", "a") as users:
        users.write("postgres:x:999:999::/tmp:/bin/sh\n")


def node(root: pathlib.Path) -> None:
    busybox(root)
    shutil.copytree("/usr/share/nodejs", root / "usr/share/nodejs", symlinks=True)
    copy_program(root, "/usr/bin/node")
    shutil.copy(CORPUS / "server.js", root)


def java(root: pathlib.Path) -> None:
    busybox(root)
    copy_packages(root, "openjdk-21-jre-headless")
    (root / "usr/bin/java").unlink(missing_ok=True)
    (root / "usr/bin/java").symlink_to(pathlib.Path("/usr/bin/java").resolve())
    shutil.copy(CORPUS / "Server.java", root)


def programs(root: pathlib.Path) -> None:
    """The containers that the checks are about."""
    busybox(root)
    for name in ("counter", "workers", "holder"):
        shutil.copy(PROGRAMS / name, root / "bin" / name)


def pause(root: pathlib.Path) -> None:
    shutil.copy(PROGRAMS / "pause", root / "pause")


def old_pause(root: pathlib.Path) -> None:
    pause(root)
    (root / "mark").write_text("3.9")


Fill = Callable[[pathlib.Path], None]  # makes the root file system of an image


def marked(mark: str) -> Fill:
    """A busybox that differs from the others, where images have to be told apart."""
    def fill(root: pathlib.Path) -> None:
        busybox(root)
        (root / "mark").write_text(mark)
    return fill


PATH = "ENV PATH=/bin:/usr/bin:/usr/sbin"
SHELL = (PATH, 'CMD ["sh"]')
SERVER = (PATH, 'CMD ["/usr/sbin/nginx","-g","daemon off;"]')
CRITEST = "k8s-staging-cri-tools/test-image"
E2E = "e2e-test-images"

# (how to fill it, changes of podman import, names)
IMAGES: list[tuple[Fill, Sequence[str], Sequence[str]]] = [
    (busybox, SHELL, ["library/busybox:latest", f"{E2E}/busybox:1.29-2"]),
    (marked("tags"), SHELL, [f"{CRITEST}-tags:{n}" for n in (1, 2, 3)]),
    (nginx, SERVER, ["library/nginx:latest", f"{E2E}/nginx:1.14-2"]),
    (redis, (PATH, 'CMD ["redis-server","--save",""]'), ["library/redis:latest"]),
    (postgres, (PATH,), ["library/postgres:latest"]),
    (node, (PATH, 'CMD ["node","/server.js","8000"]'), ["library/node:latest"]),
    (java, (PATH, 'CMD ["java","-Xmx128m","/Server.java","8000"]'), ["library/java:latest"]),
    (programs, (PATH, 'CMD ["/bin/counter"]', "STOPSIGNAL SIGKILL"), ["library/lpm-programs:latest"]),  # they end at once
    (programs, (PATH, 'CMD ["/bin/counter"]'), ["library/lpm-programs-term:latest"]),
    (pause, ('ENTRYPOINT ["/pause"]',), ["pause:3.10", "pause:3.10.1"]),
    (old_pause, ('ENTRYPOINT ["/pause"]',), ["pause:3.9"]),
    (nginx_of_the_host, SERVER, ["k8s-staging-cri-tools/hostnet-nginx-amd64:latest"]),
    (httpd, (PATH, 'CMD ["sh","-c","echo httpd; exec httpd -f -p 80 -h /var/www"]'), [f"{E2E}/httpd:2.4.39-4"]),
    (nonewprivs, SHELL, [f"{E2E}/nonewprivs:1.3"]),
    *((marked(name), SHELL, [f"{CRITEST}-{name}"])
      for name in ("latest:latest", "tag:test", "tag:all", "1:latest", "2:latest", "3:latest")),
    *((busybox, (*SHELL, f"USER {user}"), [f"{CRITEST}-{name}:latest"])
      for name, user in (("user-uid", "1002"), ("user-username", "www-data"), ("user-uid-group", "1003:1003"),
                         ("user-username-group", "www-data:100"), ("predefined-group", "1000"))),
]


def push(fill: Fill, changes: Sequence[str], names: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        fill(root)
        root.chmod(0o755)
        tar = subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE)
        options = [word for change in changes for word in ("--change", change)]
        subprocess.run(["podman", "import", "--quiet", *options, "-", "localhost/made"], stdin=tar.stdout,
                       stdout=subprocess.DEVNULL, check=True)
        if tar.wait() != 0:
            sys.exit(f"images: tar of {names[0]} failed")
    for name in names:
        subprocess.run(["podman", "push", "--quiet", "--tls-verify=false", "localhost/made",
                        f"docker://{ADDRESS}/{name}"], stdout=subprocess.DEVNULL, check=True)


def trust() -> None:
    """Nothing is signed here, and everything comes from the mirror."""
    folder = pathlib.Path("/etc/containers")
    folder.mkdir(exist_ok=True)
    (folder / "policy.json").write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
    mirrors = "".join(f'[[registry]]\nprefix = "{name}"\nlocation = "{name}"\n[[registry.mirror]]\n'
                      f'location = "{ADDRESS}"\ninsecure = true\n' for name in MIRRORED)
    (folder / "registries.conf").write_text('unqualified-search-registries = ["docker.io"]\n'
                                            f'short-name-mode = "permissive"\n{mirrors}')
    (folder / "storage.conf").write_text('[storage]\ndriver = "overlay"\nrunroot = "/run/containers/storage"\n'
                                         'graphroot = "/var/lib/containers/storage"\n')


def main() -> None:
    trust()
    with contextlib.ExitStack() as stack:
        stack.enter_context(Registry(sys.argv[1]))
        for image in IMAGES:
            push(*image)


if __name__ == "__main__":
    main()
