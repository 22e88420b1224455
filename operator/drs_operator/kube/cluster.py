"""The Cluster port: fresh reads, the one guarded status write, finalizers, commands taken off, Events."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from drs_operator.api.v1alpha1 import API_VERSION, GROUP, Resource
from drs_operator.kube.client import JSON_PATCH, MERGE_PATCH, KubeClient, path_of
from drs_operator.kube.kept import Kept
from drs_operator.observability.logs import log
from drs_operator.ports import LostRace, ReadFailed
from drs_operator.reconcilers.context import FINALIZER

R = TypeVar("R", bound=Resource)

FIELD_MANAGER = "drs-operator"
NOTE_BYTES = 1024
"""What the API server takes as an Event's note."""


class KubeCluster:
    """One operator's writes. `name` goes into Events as the reporting instance.

    `labels` are those of a namespace as a watch has brought them, None where none has: then they are read, and kept
    for `keep_seconds` like the values of Secrets. `written` is told of every object as an own write has left it.
    """

    def __init__(
        self,
        client: KubeClient,
        name: str,
        keep_seconds: float = 60.0,
        labels: Callable[[str], dict[str, str] | None] = lambda _: None,
        written: Callable[[type[Resource], dict[str, Any]], None] = lambda _kind, _raw: None,
    ) -> None:
        self._written = written
        self._client = client
        self._name = name
        self._watched = labels
        self._secrets: Kept[tuple[str, str, str], str | None] = Kept(keep_seconds)
        self._labels: Kept[str, dict[str, str]] = Kept(keep_seconds)

    async def fresh(self, kind: type[R], namespace: str | None, name: str) -> R | None:
        """An object as the API server has it now."""
        raw = await self._client.request("GET", path_of(kind, namespace, name))
        return kind.model_validate(raw) if raw is not None else None

    async def write_status(self, resource: Resource, status: dict[str, Any]) -> None:
        """Replaces the whole status, guarded by the resourceVersion that was read. Raises LostRace."""
        meta = resource.metadata
        # Setting the version in the patch makes the API server refuse a stale one with 409; a merge would keep
        # fields that the new status no longer has.
        patch = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": meta.resource_version},
            {"op": "replace", "path": "/status", "value": status},
        ]
        await self._patch(resource, patch, JSON_PATCH, "status")

    async def add_finalizer(self, resource: Resource) -> None:
        """Puts our finalizer on. Raises LostRace, also when the object is gone: then nothing may be claimed for it."""
        if FINALIZER not in resource.metadata.finalizers:
            await self._patch_metadata(resource, {"finalizers": [*resource.metadata.finalizers, FINALIZER]})

    async def remove_finalizer(self, resource: Resource) -> None:
        """Takes our finalizer off. Raises LostRace."""
        if FINALIZER in resource.metadata.finalizers:
            rest = [name for name in resource.metadata.finalizers if name != FINALIZER]
            await self._patch_metadata(resource, {"finalizers": rest})

    async def take_off(self, resource: Resource, annotations: Iterable[str]) -> None:
        """Takes annotations off; nothing happens if the object has changed since it was read (LostRace)."""
        keys = [key for key in annotations if key in resource.metadata.annotations]
        if keys:
            await self._patch_metadata(resource, {"annotations": dict.fromkeys(keys)})

    async def remove(self, resource: Resource) -> None:
        """Deletes an object in the background, if it is still as it was read (LostRace). One that is gone is gone."""
        meta = resource.metadata
        preconditions = {"uid": meta.uid, "resourceVersion": meta.resource_version}
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": preconditions,
        }
        await self._client.request("DELETE", path_of(type(resource), meta.namespace, meta.name), body=body)

    async def _patch_metadata(self, resource: Resource, change: dict[str, Any]) -> None:
        meta = resource.metadata
        body = {"metadata": {"resourceVersion": meta.resource_version, "uid": meta.uid, **change}}
        await self._patch(resource, body, MERGE_PATCH)

    async def _patch(self, resource: Resource, body: Any, content_type: str, sub: str | None = None) -> None:
        meta = resource.metadata
        path = path_of(type(resource), meta.namespace, meta.name, sub)
        query = {"fieldManager": FIELD_MANAGER}
        raw = await self._client.request("PATCH", path, body=body, query=query, content_type=content_type)
        if raw is None:
            raise LostRace(f"{path} is gone")
        self._written(type(resource), raw)

    async def event(self, resource: Resource, warning: bool, reason: str, message: str) -> None:
        """Tells of a transition. The name is made of its content, so that a repetition is not told twice."""
        meta = resource.metadata
        kind = type(resource).definition.kind
        namespace = meta.namespace or "default"
        content = f"{meta.uid}|{reason}|{message}|{meta.resource_version}"
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{meta.name[:200]}.{hashlib.sha256(content.encode()).hexdigest()[:16]}",
                "namespace": namespace,
            },
            "eventTime": now,
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "action": "Reconcile",
            "note": _within(message, NOTE_BYTES),
            "reportingController": f"{GROUP}/operator",
            "reportingInstance": self._name,
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": kind,
                "name": meta.name,
                "namespace": meta.namespace,
                "uid": meta.uid,
                "resourceVersion": meta.resource_version,
            },
        }
        try:
            await self._client.request("POST", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", body=body)
        except LostRace:
            return  # told already
        except ReadFailed as error:  # a namespace that is going takes no Events
            log.warning("event not written", kind=kind, name=meta.name, reason=reason, error=error.message)

    async def secret_value(self, namespace: str, name: str, key: str, fresh: bool = False) -> str | None:
        """A value of a Secret, None if Secret or key do not exist; kept for a while, unless it has to be fresh."""
        return await self._secrets.get((namespace, name, key), lambda: self._secret(namespace, name, key), fresh)

    async def _secret(self, namespace: str, name: str, key: str) -> str | None:
        raw = await self._client.request("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}")
        encoded = ((raw or {}).get("data") or {}).get(key)
        return base64.b64decode(encoded).decode() if encoded is not None else None

    async def namespace_labels(self, name: str, fresh: bool = False) -> dict[str, str]:
        """Labels of a namespace; none for one that does not exist."""
        watched = None if fresh else self._watched(name)
        return watched if watched is not None else await self._labels.get(name, lambda: self._read_labels(name), fresh)

    async def _read_labels(self, name: str) -> dict[str, str]:
        raw = await self._client.request("GET", f"/api/v1/namespaces/{name}")
        return dict((raw or {}).get("metadata", {}).get("labels", {}) or {})


def _within(text: str, limit: int) -> str:
    """The text cut to so many bytes of UTF-8; a cut is marked with an ellipsis."""
    if len(text.encode()) <= limit:
        return text
    return text.encode()[: limit - len("…".encode())].decode(errors="ignore") + "…"
