"""What users and cluster admins do to the API server in these tests."""

from __future__ import annotations

import time
from typing import Any, TypeVar

from drs_operator.api.v1alpha1 import API_VERSION, DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.kube.client import path_of
from drs_sandbox.errors import SandboxError
from drs_sandbox.kube.control_plane import ControlPlane

R = TypeVar("R", bound=Resource)
Raw = dict[str, Any]

SPECS: dict[type[Resource], Raw] = {
    TargetAccount: {"accountId": "123456789012", "allowedNamespaces": {"from": "All"}},
    ProtectionGroup: {
        "targetAccountRef": {"name": "production"},
        "region": "us-east-1",
        "serverSelectionMode": "tags",
        "serverSelectionTags": {"Tier": "db"},
    },
    RecoveryPlan: {"waves": [{"waveNumber": 1, "name": "one", "protectionGroupRef": {"name": "db"}}]},
    DRExecution: {"recoveryPlanRef": {"name": "production"}, "executionType": "DRILL"},
}


class Admin:
    """Requests as cluster admin, about one namespace."""

    def __init__(self, control_plane: ControlPlane, namespace: str) -> None:
        self.control_plane = control_plane
        self.namespace = namespace
        self._accounts: list[str] = []

    def create_namespace(self, **labels: str) -> None:
        """The namespace itself."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": labels}}
        self._request("POST", "/api/v1/namespaces", body)

    def clear(self) -> None:
        """Deletes the namespace and the accounts that were made here; nobody waits for the finalizers in them."""
        for name in self._accounts:
            unused = {"status": {"usedByCount": None}}  # one that is in use cannot be deleted
            self._request("PATCH", path_of(TargetAccount, None, name, "status"), unused, "application/merge-patch+json")
            self._request("DELETE", path_of(TargetAccount, None, name))
        for execution in self._request("GET", path_of(DRExecution, self.namespace))["items"]:
            self.patch(DRExecution, execution["metadata"]["name"], {"metadata": {"finalizers": None}})
        self._request("DELETE", f"/api/v1/namespaces/{self.namespace}")

    def create(self, kind: type[R], name: str, spec: Raw | None = None, **annotations: str) -> R:
        """Creates an object; accounts get the namespace's name in front, because they are cluster-wide."""
        meta: Raw = {"name": self._name(kind, name), "annotations": annotations}
        body = {"apiVersion": API_VERSION, "kind": kind.definition.kind, "metadata": meta, "spec": spec or SPECS[kind]}
        made = self._request("POST", path_of(kind, self._namespace(kind)), body)
        if kind is TargetAccount:
            self._accounts.append(meta["name"])
        return kind.model_validate(made)

    def raw(self, kind: type[Resource], name: str) -> Raw:
        """An object as it is stored."""
        return self._request("GET", self._path(kind, name))

    def get(self, kind: type[R], name: str) -> R:
        """An object as it is now."""
        return kind.model_validate(self.raw(kind, name))

    def patch(self, kind: type[Resource], name: str, change: Raw) -> None:
        """Merges a change into an object."""
        self._request("PATCH", self._path(kind, name), change, "application/merge-patch+json")

    def annotate(self, kind: type[Resource], name: str, **annotations: str) -> None:
        """kubectl annotate, with `drs-operator.io/` in front of each key."""
        keys = {f"drs-operator.io/{key}": value for key, value in annotations.items()}
        self.patch(kind, name, {"metadata": {"annotations": keys}})

    def delete(self, kind: type[Resource], name: str) -> None:
        """Asks for deletion."""
        self._request("DELETE", self._path(kind, name))

    def exists(self, kind: type[Resource], name: str) -> bool:
        """Whether an object is there."""
        items = self._request("GET", path_of(kind, self._namespace(kind)))["items"]
        return self._name(kind, name) in [item["metadata"]["name"] for item in items]

    def events(self) -> list[Raw]:
        """The Events of the namespace."""
        found: list[Raw] = self._request("GET", f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events")["items"]
        return found

    def apply(self, *documents: Raw) -> None:
        """Creates objects of any kind in the namespace."""
        for document in documents:
            group = document["apiVersion"]
            root = f"/api/{group}" if "/" not in group else f"/apis/{group}"
            plural = f"{document['kind'].lower()}s"
            self._request("POST", f"{root}/namespaces/{self.namespace}/{plural}", document)

    def _name(self, kind: type[Resource], name: str) -> str:
        return f"{self.namespace}-{name}" if kind is TargetAccount else name

    def _namespace(self, kind: type[Resource]) -> str | None:
        return None if kind is TargetAccount else self.namespace

    def _path(self, kind: type[Resource], name: str) -> str:
        full = name if name.startswith(self.namespace) else self._name(kind, name)
        return path_of(kind, self._namespace(kind), full)

    def _request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Raw:
        """After a restart the API server is ready before the storage of custom resources (429) and before the policies
        that change them (503) are."""
        while True:
            try:
                return self.control_plane.api.request(method, path, body, content_type=content_type)
            except SandboxError as error:
                if error.code not in ("TooManyRequests", "ServiceUnavailable"):
                    raise
                time.sleep(0.05)
