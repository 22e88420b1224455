"""A real etcd and kube-apiserver for one test session, on free ports of the loopback address."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import create_default_context

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

READY_SECONDS = 60
TOKEN = "token-of-this-test-session"


@dataclass(frozen=True)
class ApiServer:
    """How to reach the API server: with its cluster-admin kubeconfig and this kubectl."""

    kubeconfig: Path
    kubectl: Path


@contextmanager
def running_api_server(assets: Path, directory: Path) -> Iterator[ApiServer]:
    """Starts both, waits for readyz, and ends them by their pids. `assets` holds the programs."""
    etcd_client, etcd_peer, secure = _free_ports(3)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes.append(_start(_etcd(assets, directory, etcd_client, etcd_peer), directory / "etcd.log"))
        processes.append(_start(_apiserver(assets, directory, etcd_client, secure), directory / "kube-apiserver.log"))
        _await_ready(directory, secure, processes)
        yield ApiServer(_kubeconfig(directory, secure), assets / "kubectl")
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, env={"PATH": os.defpath})


def _etcd(assets: Path, directory: Path, client: int, peer: int) -> list[str]:
    client_url, peer_url = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    return [
        str(assets / "etcd"),
        f"--data-dir={directory / 'etcd'}",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--unsafe-no-fsync",
    ]


def _apiserver(assets: Path, directory: Path, etcd: int, secure: int) -> list[str]:
    tokens = directory / "tokens.csv"
    tokens.write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    key = directory / "service-account.key"
    key.write_bytes(
        rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    return [
        str(assets / "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        f"--cert-dir={directory / 'certs'}",
        f"--secure-port={secure}",
        "--bind-address=127.0.0.1",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        f"--token-auth-file={tokens}",
        "--endpoint-reconciler-type=none",
    ]


def _await_ready(directory: Path, port: int, processes: list[subprocess.Popen[bytes]]) -> None:
    """Polls readyz; a process that ended or a server that is not ready in time is an error with its log."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if any(process.poll() is not None for process in processes) or _is_ready(directory, port):
            break
        time.sleep(0.1)
    if not _is_ready(directory, port):
        log = (directory / "kube-apiserver.log").read_text(errors="replace")
        raise RuntimeError(f"the API server is not ready:\n{log[-4000:]}")


def _is_ready(directory: Path, port: int) -> bool:
    certificate = directory / "certs" / "apiserver.crt"
    if not certificate.exists():
        return False
    request = urllib.request.Request(f"https://127.0.0.1:{port}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
    try:
        context = create_default_context(cafile=str(certificate))
        with urllib.request.urlopen(request, timeout=5, context=context) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _kubeconfig(directory: Path, port: int) -> Path:
    path = directory / "kubeconfig"
    certificate = directory / "certs" / "apiserver.crt"
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(certificate)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin", "namespace": "default"}}],
    }
    path.write_text(json.dumps(document))
    return path
