"""Whether the watch still brings what happens: a list shows changes, and the watch must bring them, too.

The full list repairs what a watch has lost, so a watch that has gone deaf would make the operator slow, not wrong, and
nobody would notice. A cluster in which nothing changes proves nothing either way and raises no alarm; nor does an API
server that does not answer, because only a list that succeeds is judged by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from drs_operator.api.v1alpha1 import Resource
from drs_operator.runtime.cache import Cache, Key

DEAF_SECONDS = 120.0
"""A minute between bookmarks, ten seconds more until a dead connection is noticed, and time to connect anew."""


class HeardCache(Cache):
    """The cache, and what of the lists the watch has not brought yet."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._heard: dict[Key, str] = {}
        """The version of each object that the watch has brought last."""
        self._awaited: dict[Key, tuple[str, float]] = {}
        """Versions that a list has shown before the watch did, and since when."""
        self._deaf: dict[type[Resource], str] = {}

    def deaf(self) -> str | None:
        """What is wrong with the watch; None: nothing that is known."""
        return next(iter(self._deaf.values()), None)

    def observe(self, kind: type[Resource], raw: Mapping[str, Any], gone: bool) -> None:
        """Takes in an event of the watch."""
        key = _key(kind, raw)
        self._awaited.pop(key, None)
        self._deaf.pop(kind, None)
        if gone:
            self._heard.pop(key, None)
        else:
            self._heard[key] = str(raw["metadata"].get("resourceVersion"))
        super().observe(kind, raw, gone)

    def replace(self, kind: type[Resource], listed: Iterable[Mapping[str, Any]], known: Mapping[Key, Resource]) -> None:
        """Takes in a whole list, and judges the watch by what the list before has shown."""
        items = list(listed)
        now = self._clock()
        versions = {_key(kind, item): str(item["metadata"].get("resourceVersion")) for item in items}
        for key in [key for key in self._awaited if key.kind is kind and key not in versions]:
            del self._awaited[key]  # gone
        for key in [key for key in self._heard if key.kind is kind and key not in versions]:
            del self._heard[key]
        for key, version in versions.items():
            if key not in self._awaited and self._heard.get(key) != version:
                self._awaited[key] = (version, now)
        late = [key for key, (_, since) in self._awaited.items() if key.kind is kind and now - since > DEAF_SECONDS]
        if late:
            self._deaf[kind] = (
                f"the watch on {kind.definition.plural} is deaf: it has not brought {late[0]}, which a list has shown "
                f"{now - self._awaited[late[0]][1]:.0f} s ago"
            )
        super().replace(kind, items, known)


def _key(kind: type[Resource], raw: Mapping[str, Any]) -> Key:
    return Key(kind, raw["metadata"].get("namespace"), raw["metadata"]["name"])
