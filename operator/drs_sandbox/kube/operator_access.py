"""The operator's own way in: a kubeconfig with a token of its ServiceAccount, so that RBAC holds for it."""

from __future__ import annotations

import threading
from pathlib import Path

import urllib3

from drs_sandbox.errors import SandboxError
from drs_sandbox.kube.client import ApiClient, write_kubeconfig
from drs_sandbox.kube.control_plane import ControlPlane

NAMESPACE = "drs-system"
SERVICE_ACCOUNT = "drs-operator"
_TOKEN_SECONDS = 365 * 24 * 3600
_WATCH_SECONDS = 300
_RETRY_SECONDS = 1.0
_JOIN_SECONDS = 5.0


def operator_kubeconfig(
    control_plane: ControlPlane, path: Path, *, namespace: str = NAMESPACE, name: str = SERVICE_ACCOUNT
) -> Path:
    """Writes a kubeconfig with a year's token of a ServiceAccount. Raises ``SandboxError`` (NotFound) without it."""
    answer = control_plane.api.request(
        "POST",
        f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
        {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": _TOKEN_SECONDS},
        },
    )
    return write_kubeconfig(
        path,
        url=control_plane.url,
        authority=control_plane.authority,
        token=answer["status"]["token"],
        user=f"system:serviceaccount:{namespace}:{name}",
        namespace=namespace,
    )


class OperatorAccess:
    """Keeps ``path`` true while the control plane runs: written when the ServiceAccount appears, anew when it is
    recreated (its old tokens are worth nothing then), removed when it goes.
    """

    def __init__(self, control_plane: ControlPlane, path: Path) -> None:
        self._control_plane = control_plane
        self._api: ApiClient = control_plane.api
        self._path = path
        self._uid: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="operator-access", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """From here on nothing is written."""
        self._stopping.set()

    def join(self) -> None:
        """Returns when the watch has ended, as it does when the API server ends. Then the kubeconfig is gone too."""
        self._thread.join(_JOIN_SECONDS)
        self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        selector = f"fieldSelector=metadata.name%3D{SERVICE_ACCOUNT}"
        path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts?watch=1&timeoutSeconds={_WATCH_SECONDS}&{selector}"
        while not self._stopping.is_set():
            try:
                # Without a resourceVersion a watch begins with what is there, as ADDED.
                for event in self._api.watch(path, timeout_seconds=_WATCH_SECONDS + 10):
                    self._take(event["type"], event["object"]["metadata"].get("uid"))
            except (urllib3.exceptions.HTTPError, SandboxError, OSError, KeyError):
                # The API server is away or restarts, or the account went between event and token: look again.
                self._stopping.wait(_RETRY_SECONDS)

    def _take(self, kind: str, uid: str | None) -> None:
        if self._stopping.is_set():
            return
        if kind == "DELETED":
            self._uid = None
            self._path.unlink(missing_ok=True)
        elif kind in ("ADDED", "MODIFIED") and uid != self._uid:
            operator_kubeconfig(self._control_plane, self._path)
            self._uid = uid
