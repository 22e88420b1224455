"""Our objects as last seen, and whom a change concerns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.observability.logs import log

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True)
class Key:
    """An object of ours."""

    kind: type[Resource]
    namespace: str | None
    name: str

    def __str__(self) -> str:
        short = self.kind.definition.short_name
        return f"{short}/{self.namespace}/{self.name}" if self.namespace else f"{short}/{self.name}"


class Cache:
    """Objects by key. `changed` is told of every key whose object is new, different or gone."""

    def __init__(self) -> None:
        self._objects: dict[Key, Resource] = {}
        self._by_namespace: dict[tuple[type[Resource], str | None], dict[str, Resource]] = defaultdict(dict)
        self._listeners: list[Callable[[Key, Resource | None, Resource | None], None]] = []

    def on_change(self, listener: Callable[[Key, Resource | None, Resource | None], None]) -> None:
        """Registers who is told: key, object before, object now."""
        self._listeners.append(listener)

    def get(self, kind: type[R], namespace: str | None, name: str) -> R | None:
        """One object."""
        return cast(R | None, self._objects.get(Key(kind, namespace, name)))

    def all(self, kind: type[R], namespace: str | None = None) -> list[R]:
        """All objects of a kind, of one namespace or of all."""
        if namespace is not None:
            return cast(list[R], list(self._by_namespace[(kind, namespace)].values()))
        return cast(list[R], [found for key, found in self._objects.items() if key.kind is kind])

    def observe(self, kind: type[Resource], raw: Mapping[str, Any], gone: bool) -> None:
        """Takes in an event. Older versions than the one that is known are ignored."""
        meta = raw["metadata"]
        key = Key(kind, meta.get("namespace"), meta["name"])
        before = self._objects.get(key)
        if gone:
            if before is not None and before.metadata.uid == meta.get("uid"):
                self._drop(key, before)
            return
        if before is not None and not _newer(meta, before):
            return
        try:
            now = kind.model_validate({**raw, "metadata": {k: v for k, v in meta.items() if k != "managedFields"}})
        except ValidationError as error:  # one bad object never hurts another
            log.error("object cannot be read", object=str(key), error=str(error))
            return
        self._objects[key] = now
        self._by_namespace[(kind, key.namespace)][key.name] = now
        self._tell(key, before, now)

    def replace(self, kind: type[Resource], listed: Iterable[Mapping[str, Any]]) -> None:
        """Takes in a whole list: what is not in it is gone."""
        items = list(listed)
        present = {(item["metadata"].get("namespace"), item["metadata"]["name"]) for item in items}
        for key, known in list(self._objects.items()):
            if key.kind is kind and (key.namespace, key.name) not in present:
                self._drop(key, known)
        for item in items:
            self.observe(kind, item, gone=False)

    def keys(self) -> list[Key]:
        """All keys."""
        return list(self._objects)

    def _drop(self, key: Key, before: Resource) -> None:
        del self._objects[key]
        self._by_namespace[(key.kind, key.namespace)].pop(key.name, None)
        self._tell(key, before, None)

    def _tell(self, key: Key, before: Resource | None, now: Resource | None) -> None:
        for listener in self._listeners:
            listener(key, before, now)


def _newer(meta: Mapping[str, Any], before: Resource) -> bool:
    if meta.get("uid") != before.metadata.uid:
        return True
    old, new = before.metadata.resource_version or "", str(meta.get("resourceVersion", ""))
    if old.isdigit() and new.isdigit():
        return int(new) > int(old)
    return new != old


def concerned(key: Key, before: Resource | None, now: Resource | None) -> set[Key]:
    """Whom a change of an object concerns, besides itself."""
    keys: set[Key] = set()
    for resource in (before, now):
        match resource:
            case ProtectionGroup():
                keys.add(Key(TargetAccount, None, resource.spec.target_account_ref.name))
                keys |= {Key(RecoveryPlan, key.namespace, name) for name in resource.status.used_by_plans}
            case RecoveryPlan():
                names = {wave.protection_group_ref.name for wave in resource.spec.waves}
                keys |= {Key(ProtectionGroup, key.namespace, name) for name in names}
            case DRExecution():
                keys.add(Key(RecoveryPlan, key.namespace, resource.spec.recovery_plan_ref.name))
    return keys
