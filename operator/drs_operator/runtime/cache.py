"""Our objects as last seen."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from drs_operator.api.v1alpha1 import DRExecution, RecoveryPlan, Resource
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


class _Index:
    """Keys of objects by something that their spec names, so that nobody has to look through all of them."""

    def __init__(self, kind: type[Resource], names: Callable[[Any], Iterable[str]]) -> None:
        self._kind = kind
        self._names = names
        self._keys: dict[tuple[str | None, str], dict[Key, None]] = {}

    def move(self, key: Key, before: Resource | None, now: Resource | None) -> None:
        """Takes an object in that is new, different or gone."""
        if key.kind is not self._kind:
            return
        old = set(self._names(before)) if before is not None else set()
        new = set(self._names(now)) if now is not None else set()
        for name in old - new:
            listed = self._keys[(key.namespace, name)]
            del listed[key]
            if not listed:
                del self._keys[(key.namespace, name)]
        for name in new - old:
            self._keys.setdefault((key.namespace, name), {})[key] = None

    def find(self, namespace: str | None, name: str) -> list[Key]:
        """The keys of those that name it."""
        return list(self._keys.get((namespace, name), ()))


def _groups(plan: RecoveryPlan) -> Iterable[str]:
    return (wave.protection_group_ref.name for wave in plan.spec.waves)


def _plan(execution: DRExecution) -> Iterable[str]:
    return (execution.spec.recovery_plan_ref.name,)


class Cache:
    """Objects by key. Listeners are told of every key whose object is new, different or gone."""

    def __init__(self) -> None:
        self.doubt = asyncio.Event()
        """Set when a watch had to begin anew: what was deleted meanwhile is known to a full list only."""
        self._objects: dict[Key, Resource] = {}
        self._buried: dict[Key, str | None] = {}
        """Uids of what went since the last `known` of its kind."""
        self._by_namespace: dict[tuple[type[Resource], str | None], dict[str, Resource]] = defaultdict(dict)
        self._plans_by_group = _Index(RecoveryPlan, _groups)
        self._executions_by_plan = _Index(DRExecution, _plan)
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

    def plans_using(self, namespace: str | None, group: str) -> list[RecoveryPlan]:
        """The plans of a namespace that have a wave with this group."""
        return [cast(RecoveryPlan, self._objects[key]) for key in self._plans_by_group.find(namespace, group)]

    def executions_of(self, namespace: str | None, plan: str) -> list[DRExecution]:
        """The executions of a plan, ended ones included."""
        return [cast(DRExecution, self._objects[key]) for key in self._executions_by_plan.find(namespace, plan)]

    def observe(self, kind: type[Resource], raw: Mapping[str, Any], gone: bool) -> None:
        """Takes in an event. Older versions than the one that is known are ignored."""
        meta = raw["metadata"]
        key = Key(kind, meta.get("namespace"), meta["name"])
        before = self._objects.get(key)
        if gone:
            if before is not None and before.metadata.uid == meta.get("uid"):
                self._drop(key, before)
        elif before is None or _newer(meta, before):
            self._take(key, raw, before)

    def wrote(self, kind: type[Resource], raw: Mapping[str, Any]) -> None:
        """Takes in what the API server answered to an own write, so that the next look does not see what was before.

        Only for an object that is known: the answer to a write may come after the news that the object is gone.
        """
        meta = raw["metadata"]
        key = Key(kind, meta.get("namespace"), meta["name"])
        before = self._objects.get(key)
        ended = "deletionTimestamp" in meta and not meta.get("finalizers")
        if before is not None and before.metadata.uid == meta.get("uid") and not ended and _newer(meta, before):
            self._take(key, raw, before)

    def known(self, kind: type[Resource]) -> Mapping[Key, Resource]:
        """What is known of a kind before a list of it is asked for; `replace` wants it back."""
        self._buried = {key: uid for key, uid in self._buried.items() if key.kind is not kind}
        return {key: found for key, found in self._objects.items() if key.kind is kind}

    def replace(self, kind: type[Resource], listed: Iterable[Mapping[str, Any]], known: Mapping[Key, Resource]) -> None:
        """Takes in a whole list: what was `known` before it and is not in it is gone.

        The list decides where nothing has come from the watch since, even if versions went back (etcd was restored);
        what came meanwhile may be newer than the list and stands.
        """
        items = {Key(kind, item["metadata"].get("namespace"), item["metadata"]["name"]): item for item in listed}
        for key, before in known.items():
            if key not in items and self._objects.get(key) is before:
                self._drop(key, before)
        for key, item in items.items():
            meta, now = item["metadata"], self._objects.get(key)
            if now is None:
                if key not in self._buried or self._buried[key] != meta.get("uid"):
                    self._take(key, item, None)
            elif now is known.get(key):
                if _version(now) != (meta.get("uid"), meta.get("resourceVersion")):
                    self._take(key, item, now)
            elif _newer(meta, now):
                self._take(key, item, now)

    def keys(self) -> list[Key]:
        """All keys."""
        return list(self._objects)

    def _take(self, key: Key, raw: Mapping[str, Any], before: Resource | None) -> None:
        slim = {name: value for name, value in raw["metadata"].items() if name != "managedFields"}
        try:
            now = key.kind.model_validate({**raw, "metadata": slim})
        except ValidationError as error:  # one bad object never hurts another
            log.error("object cannot be read", object=str(key), error=str(error))
            return
        self._objects[key] = now
        self._by_namespace[(key.kind, key.namespace)][key.name] = now
        self._tell(key, before, now)

    def _drop(self, key: Key, before: Resource) -> None:
        self._buried[key] = before.metadata.uid
        del self._objects[key]
        self._by_namespace[(key.kind, key.namespace)].pop(key.name, None)
        self._tell(key, before, None)

    def _tell(self, key: Key, before: Resource | None, now: Resource | None) -> None:
        for index in (self._plans_by_group, self._executions_by_plan):
            index.move(key, before, now)
        for listener in self._listeners:
            listener(key, before, now)


def _version(known: Resource) -> tuple[str | None, str | None]:
    return (known.metadata.uid, known.metadata.resource_version)


def _newer(meta: Mapping[str, Any], before: Resource) -> bool:
    """Versions go up in a whole kind, so they also tell which of two objects of the same name came later."""
    old, new = before.metadata.resource_version or "", str(meta.get("resourceVersion", ""))
    if old.isdigit() and new.isdigit():
        return int(new) > int(old)
    return (meta.get("uid"), new) != (before.metadata.uid, old)
