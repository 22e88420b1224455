"""An API server in memory, as far as the operator uses one: versions, finalizers, deletion, Events."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from drs_operator.api.v1alpha1 import KINDS, Resource
from drs_operator.ports import LostRace, ReadFailed
from drs_operator.reconcilers.context import FINALIZER
from tests.fakes.clock import FakeClock
from tests.fakes.effects import Effects

R = TypeVar("R", bound=Resource)
Raw = dict[str, Any]
Key = tuple[str, str | None, str]

_KINDS: dict[str, type[Resource]] = {kind.definition.kind: kind for kind in KINDS}


@dataclass(frozen=True)
class Told:
    """An Event."""

    name: str
    warning: bool
    reason: str
    message: str
    version: str = field(repr=False)
    """resourceVersion of the object that it tells of."""


class FakeCluster:
    """Port Cluster, and what users do to it."""

    def __init__(self, clock: FakeClock, effects: Effects) -> None:
        self._clock = clock
        self._effect = effects
        self._versions = itertools.count(1)
        self._objects: dict[Key, Raw] = {}
        self._read: dict[Key, Resource] = {}
        """Objects as they were read since they changed last."""
        self.labels: dict[str, dict[str, str]] = {}
        self.secrets: dict[tuple[str, str, str], str] = {}
        self.secret_reads = 0
        self.failing_secrets: ReadFailed | None = None
        """Reads of Secrets fail with this while it is set."""
        self._secrets_read: dict[tuple[str, str, str], str | None] = {}
        self.events: list[Told] = []
        self.failure: ReadFailed | None = None
        """Every request of the operator fails with this while it is set."""

    # --- what users do ------------------------------------------------------------------------------------------

    def create(self, kind: type[Resource], namespace: str | None, name: str, spec: Raw, **annotations: str) -> str:
        """Creates an object; returns its uid. Annotations without their prefix, `_` for `-`."""
        version = str(next(self._versions))
        uid = f"uid-{version}"
        meta: Raw = {"name": name, "uid": uid, "resourceVersion": version, "generation": 1, "finalizers": []}
        meta["creationTimestamp"] = self._clock.now().isoformat()
        meta["annotations"] = {f"drs-operator.io/{k.replace('_', '-')}": v for k, v in annotations.items()}
        if namespace is not None:
            meta["namespace"] = namespace
        key = (kind.definition.kind, namespace, name)
        assert key not in self._objects, f"{key} exists"
        self._objects[key] = {"kind": kind.definition.kind, "metadata": meta, "spec": spec, "status": {}}
        return uid

    def annotate(self, kind: type[Resource], namespace: str | None, name: str, key: str, value: str) -> None:
        """kubectl annotate."""
        raw = self._objects[(kind.definition.kind, namespace, name)]
        raw["metadata"]["annotations"][key] = value
        self._touch(raw)

    def edit(self, kind: type[Resource], namespace: str | None, name: str, **spec: Any) -> None:
        """Changes fields of the spec (JSON names)."""
        raw = self._objects[(kind.definition.kind, namespace, name)]
        raw["spec"].update(spec)
        raw["metadata"]["generation"] += 1
        self._touch(raw)

    def delete(self, kind: type[Resource], namespace: str | None, name: str, force: bool = False) -> None:
        """Deletes an object; one with finalizers stays until they are off, unless `force` takes them off, too."""
        raw = self._objects[(kind.definition.kind, namespace, name)]
        if force:
            raw["metadata"]["finalizers"] = []
        if "deletionTimestamp" not in raw["metadata"]:
            raw["metadata"]["deletionTimestamp"] = self._clock.now().isoformat()
            raw["metadata"]["generation"] += 1
        self._touch(raw)

    def lose_status(self, kind: type[Resource], namespace: str | None, name: str) -> None:
        """The object is restored from a backup, which has no status."""
        raw = self._objects[(kind.definition.kind, namespace, name)]
        raw["status"] = {}
        self._touch(raw)

    def everything(self) -> list[Resource]:
        """All objects, for a watch."""
        return [self._model(key) for key in self._objects]

    def now(self, kind: type[R], namespace: str | None, name: str) -> R | None:
        """An object as a user sees it."""
        key = (kind.definition.kind, namespace, name)
        return cast(R, self._model(key)) if key in self._objects else None

    def status(self, kind: type[Resource], namespace: str | None, name: str) -> Raw:
        """The status as stored."""
        return copy.deepcopy(self._objects[(kind.definition.kind, namespace, name)]["status"])

    # --- the port -----------------------------------------------------------------------------------------------

    async def fresh(self, kind: type[R], namespace: str | None, name: str) -> R | None:
        """An object as it is now."""
        self._reach()
        return self.now(kind, namespace, name)

    async def write_status(self, resource: Resource, status: Raw) -> None:
        """Replaces the status; the same status again is a request, too, but makes no new version. Raises LostRace."""
        raw = self._at(resource)

        def apply() -> None:
            if raw["status"] != status:
                raw["status"] = copy.deepcopy(status)
                self._touch(raw)

        self._effect("write status", apply)

    async def add_finalizer(self, resource: Resource) -> None:
        """Puts our finalizer on. Raises LostRace."""
        if FINALIZER not in resource.metadata.finalizers:
            raw = self._at(resource)
            self._change("add finalizer", raw, finalizers=[*raw["metadata"]["finalizers"], FINALIZER])

    async def remove_finalizer(self, resource: Resource) -> None:
        """Takes our finalizer off. Raises LostRace."""
        if FINALIZER in resource.metadata.finalizers:
            raw = self._at(resource)
            rest = [name for name in raw["metadata"]["finalizers"] if name != FINALIZER]
            self._change("remove finalizer", raw, finalizers=rest)

    async def remove(self, resource: Resource) -> None:
        """Deletes an object that is still as it was read. Raises LostRace."""
        if (resource.kind, resource.metadata.namespace, resource.metadata.name) not in self._objects:
            self._reach()
            return
        raw = self._at(resource)
        self._effect("delete", lambda: self._delete(raw))

    def _delete(self, raw: Raw) -> None:
        raw["metadata"].setdefault("deletionTimestamp", self._clock.now().isoformat())
        self._touch(raw)

    async def take_off(self, resource: Resource, annotations: Iterable[str]) -> None:
        """Takes annotations off. Raises LostRace."""
        keys = [key for key in annotations if key in resource.metadata.annotations]
        if keys:
            raw = self._at(resource)
            rest = {k: v for k, v in raw["metadata"]["annotations"].items() if k not in keys}
            self._change("take off", raw, annotations=rest)

    async def event(self, resource: Resource, warning: bool, reason: str, message: str) -> None:
        """Keeps an Event, once for each version of the object; never fails."""
        told = Told(resource.metadata.name, warning, reason, message, resource.metadata.resource_version or "")
        if self.failure is None and told not in self.events:
            self._effect("event", lambda: self.events.append(told))

    async def secret_value(self, namespace: str, name: str, key: str, fresh: bool = False) -> str | None:
        """A value of a Secret: the first that was read, until somebody asks for a fresh one."""
        at = (namespace, name, key)
        if fresh or at not in self._secrets_read:
            self._reach()
            self.secret_reads += 1
            if self.failing_secrets is not None:
                raise self.failing_secrets
            self._secrets_read[at] = self.secrets.get(at)
        return self._secrets_read[at]

    async def namespace_labels(self, name: str, fresh: bool = False) -> dict[str, str]:
        """Labels of a namespace; the watch is as quick as a read."""
        if fresh:
            self._reach()
        return dict(self.labels.get(name, {}))

    def _model(self, key: Key) -> Resource:
        if key not in self._read:
            self._read[key] = _KINDS[key[0]].model_validate(copy.deepcopy(self._objects[key]))
        return self._read[key]

    def _reach(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _at(self, resource: Resource) -> Raw:
        """The stored object, if it is the one that was read."""
        self._reach()
        meta = resource.metadata
        raw = self._objects.get((resource.kind, meta.namespace, meta.name))
        if raw is None or raw["metadata"]["uid"] != meta.uid:
            raise LostRace(f"{resource.kind} {meta.name} is gone")
        if raw["metadata"]["resourceVersion"] != meta.resource_version:
            raise LostRace(f"{resource.kind} {meta.name} has changed meanwhile")
        return raw

    def _change(self, name: str, raw: Raw, **metadata: Any) -> None:
        def apply() -> None:
            raw["metadata"].update(metadata)
            self._touch(raw)

        self._effect(name, apply)

    def _touch(self, raw: Raw) -> None:
        meta = raw["metadata"]
        key = (raw["kind"], meta.get("namespace"), meta["name"])
        self._read.pop(key, None)
        meta["resourceVersion"] = str(next(self._versions))
        if "deletionTimestamp" in meta and not meta["finalizers"]:
            del self._objects[key]
