"""The few requests that the sandbox itself makes to its API server, and kubeconfig files."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import urllib3
import yaml

from drs_sandbox.errors import SandboxError
from drs_sandbox.kube.credentials import write_secret

CONTEXT = "drs-sandbox"


class ApiClient:
    """JSON requests to one API server with one bearer token. Errors of the network are urllib3's."""

    def __init__(self, url: str, authority: Path, token: str) -> None:
        self.token = token
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._pool = urllib3.PoolManager(ca_certs=str(authority), retries=False, timeout=10.0)

    def probe(self, path: str) -> bool:
        """Whether ``path`` answers 200 now."""
        try:
            return self._pool.request("GET", self._url + path, headers=self._headers, timeout=2.0).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def text(self, path: str) -> str:
        """The body of GET ``path`` as it is, for ``/metrics``."""
        answer = self._pool.request("GET", self._url + path, headers={**self._headers, "Accept": "*/*"})
        self._refuse(answer.status, answer.data, path)
        return answer.data.decode()

    def request(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """One request; the answer's JSON. Raises ``SandboxError`` with the server's own words from status 400 on."""
        headers = {**self._headers, "Content-Type": content_type}
        data = None if body is None else json.dumps(body).encode()
        answer = self._pool.request(method, self._url + path, headers=headers, body=data)
        self._refuse(answer.status, answer.data, path)
        result: dict[str, Any] = json.loads(answer.data)
        return result

    def watch(self, path: str, *, timeout_seconds: float) -> Iterator[dict[str, Any]]:
        """The events of a watch until the server ends it or nothing came for ``timeout_seconds``."""
        answer = self._pool.request(
            "GET",
            self._url + path,
            headers=self._headers,
            preload_content=False,
            timeout=urllib3.Timeout(connect=2.0, read=timeout_seconds),
        )
        try:
            if answer.status != 200:
                self._refuse(answer.status, answer.read(), path)
            rest = b""
            for chunk in answer.stream(None):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from map(json.loads, lines)
        finally:
            answer.close()

    @staticmethod
    def _refuse(status: int, body: bytes, path: str) -> None:
        if status < 400:
            return
        try:
            told: dict[str, Any] = json.loads(body)
        except ValueError:
            told = {"message": body.decode(errors="replace")[:500]}
        raise SandboxError(
            str(told.get("reason") or f"Http{status}"),
            f"the API server answered {status} to {path}: {told.get('message', '')}",
            "The API server's log, logs/kube-apiserver.log, tells more.",
        )


def write_kubeconfig(path: Path, *, url: str, authority: Path, token: str, user: str, namespace: str) -> Path:
    """Writes a kubeconfig that stands on its own: certificate authority and token are inside. Mode 0600."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": CONTEXT,
                "cluster": {
                    "server": url,
                    "certificate-authority-data": base64.b64encode(authority.read_bytes()).decode(),
                },
            }
        ],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": user, "namespace": namespace}}],
        "current-context": CONTEXT,
    }
    return write_secret(path, yaml.safe_dump(content, sort_keys=False).encode())
