# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Certificates and kubeconfigs of the test cluster, as kubeadm makes them: one CA, an identity for each part."""
import json
import pathlib
import secrets
import subprocess
from collections.abc import Collection, Iterable
from typing import Self

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(*args: object) -> None:
    done = subprocess.run(["openssl", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {args[0]}: {done.stdout}")


class Pki:
    """Files in one folder: ca.crt, sa.key and sa.pub for tokens, NAME.crt, NAME.key and NAME.conf for identities."""

    def __init__(self, folder: str | pathlib.Path) -> None:
        self.folder = pathlib.Path(folder)

    def create(self) -> Self:
        """The authority and the key for tokens."""
        self.folder.mkdir(parents=True, exist_ok=True)
        openssl("req", "-x509", *KEY, "-keyout", self / "ca.key", "-out", self / "ca.crt", "-subj", "/CN=kubernetes",
                "-days", "2", "-addext", "keyUsage=critical,keyCertSign,digitalSignature")
        openssl("genrsa", "-out", self / "sa.key", "2048")
        openssl("rsa", "-in", self / "sa.key", "-pubout", "-out", self / "sa.pub")
        return self

    def __truediv__(self, name: str) -> pathlib.Path:
        return self.folder / name

    def certificate(self, name: str, common_name: str, *, groups: Iterable[str] = (), names: Collection[str] = (),
                    days: int = 2) -> None:
        """`names`, as in DNS:node1, make it a server's certificate."""
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={common_name}"
        usage = "serverAuth" if names else "clientAuth"
        extensions = f"extendedKeyUsage={usage}\n" + (f"subjectAltName={','.join(names)}\n" if names else "")
        (self / f"{name}.ext").write_text(extensions)
        openssl("req", *KEY, "-keyout", self / f"{name}.key", "-out", self / f"{name}.csr", "-subj", subject)
        openssl("x509", "-req", "-in", self / f"{name}.csr", "-CA", self / "ca.crt", "-CAkey", self / "ca.key",
                "-set_serial", str(secrets.randbits(120)), "-out", self / f"{name}.crt", "-days", str(days),
                "-extfile", self / f"{name}.ext")

    def kubeconfig(self, name: str, server: str) -> pathlib.Path:
        """For the identity of that name; JSON is YAML."""
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": name,
            "clusters": [{"name": "cluster", "cluster": {"server": server,
                                                         "certificate-authority": str(self / "ca.crt")}}],
            "users": [{"name": name, "user": {"client-certificate": str(self / f"{name}.crt"),
                                              "client-key": str(self / f"{name}.key")}}],
            "contexts": [{"name": name, "context": {"cluster": "cluster", "user": name}}],
        }
        (self / f"{name}.conf").write_text(json.dumps(config))
        return self / f"{name}.conf"
