"""Labels of namespaces, as the watch has brought them: what accounts admit groups by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class _Seen:
    uid: str | None
    version: int
    labels: dict[str, str]


class Namespaces:
    """Nothing but labels is kept. Listeners are told of every namespace whose labels are new, different or gone."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._listeners: list[Callable[[str], None]] = []

    def on_change(self, listener: Callable[[str], None]) -> None:
        """Registers who is told."""
        self._listeners.append(listener)

    def labels(self, name: str) -> dict[str, str] | None:
        """Labels of a namespace; None: the watch has not brought it."""
        seen = self._seen.get(name)
        return dict(seen.labels) if seen else None

    def observe(self, raw: Mapping[str, Any], gone: bool) -> None:
        """Takes in an event. Older versions than the one that is known are ignored."""
        meta = raw["metadata"]
        name, before = meta["name"], self._seen.get(meta["name"])
        if gone:
            if before is not None and before.uid == meta.get("uid"):
                del self._seen[name]
                self._tell(name)
            return
        now = _Seen(meta.get("uid"), int(meta["resourceVersion"]), dict(meta.get("labels") or {}))
        if before is not None and now.version <= before.version:
            return
        self._seen[name] = now
        if before is None or before.labels != now.labels:
            self._tell(name)

    def _tell(self, name: str) -> None:
        for listener in self._listeners:
            listener(name)
