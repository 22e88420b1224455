"""Reads of a place that many groups share, whatever the number of groups: whole lists, and what single names mean."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from drs_operator.aws import errors
from drs_operator.aws.inventories import FAILURE_SECONDS, Door, door_of
from drs_operator.aws.sessions import Sessions
from drs_operator.aws.shared import Patience, Shared, Silent
from drs_operator.ports import Access, ReadFailed

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FORGOTTEN_AFTER = 10
"""Names that nobody has asked for since so many times the age are not read any more."""


class PlaceReads(Generic[V]):
    """One answer for each way into a place. Nobody waits long for a place that says nothing."""

    def __init__(self, sessions: Sessions, operation: str, age_seconds: float, patience_seconds: float) -> None:
        self._sessions = sessions
        self._operation = operation
        self._age = age_seconds
        self._patience = patience_seconds
        self._kept: Shared[Door, V] = Shared()
        self._failures: dict[Door, tuple[float, ReadFailed]] = {}

    def peek(self, access: Access, region: str) -> V | None:
        """The last answer, however old."""
        return self._kept.peek(door_of(access, region))

    def young(self, access: Access, region: str) -> V | None:
        """The last answer, if it need not be read anew."""
        return self._kept.young(door_of(access, region), self._age)

    async def get(
        self, access: Access, region: str, read: Callable[[], Awaitable[V]], fits: Callable[[V], bool] = lambda _: True
    ) -> V:
        """The kept answer, or a new one. Raises ReadFailed."""
        door = door_of(access, region)
        kept = self._kept.young(door, self._age)
        if kept is not None and fits(kept):
            return kept
        failure = self._failures.get(door)
        if failure is not None and time.monotonic() - failure[0] < FAILURE_SECONDS:
            raise failure[1].with_traceback(None)  # it is raised many times: each would keep its frames
        patience = Patience(self._patience, lambda: self._sessions.heard(access, region, self._operation))
        try:
            found = await self._kept.get(door, self._age, read, fits, patience)
        except Silent as silence:
            error = errors.silent(access, region, self._patience)
            self._failures[door] = (time.monotonic(), error)
            raise error from silence
        except ReadFailed as error:
            self._failures[door] = (time.monotonic(), error)
            raise
        self._failures.pop(door, None)
        return found


@dataclass(frozen=True, slots=True)
class _Names(Generic[K, V]):
    since: float
    """When the eldest of them was read."""
    found: Mapping[K, V | None]
    """By each name that was asked for; None: there is no such thing."""
    asked: dict[K, float] = field(default_factory=dict)


class Lookup(Generic[K, V]):
    """What names of a place mean. All names that are asked for are read together, once in a while."""

    def __init__(
        self,
        sessions: Sessions,
        operation: str,
        age_seconds: float,
        patience_seconds: float,
        read: Callable[[Access, str, list[K]], Awaitable[Mapping[K, V]]],
    ) -> None:
        self._age = age_seconds
        self._read = read
        self._reads: PlaceReads[_Names[K, V]] = PlaceReads(sessions, operation, age_seconds, patience_seconds)

    async def get(self, access: Access, region: str, names: frozenset[K]) -> dict[K, V]:
        """Those of the names that exist. Raises ReadFailed."""
        if not names:
            return {}

        def fits(kept: _Names[K, V]) -> bool:
            return names <= kept.found.keys() and time.monotonic() - kept.since <= self._age

        kept = await self._reads.get(access, region, lambda: self._more(access, region, names), fits)
        now = time.monotonic()
        kept.asked.update(dict.fromkeys(names, now))
        return {name: value for name in names if (value := kept.found.get(name)) is not None}

    async def _more(self, access: Access, region: str, names: frozenset[K]) -> _Names[K, V]:
        """What is new, or everything that is still asked for when it is old."""
        now, before = time.monotonic(), self._reads.peek(access, region)
        if before is not None and now - before.since <= self._age:
            new = sorted(names - before.found.keys(), key=str)
            found = await self._read(access, region, new)
            return _Names(before.since, {**before.found, **{name: found.get(name) for name in new}}, before.asked)
        lately = {
            n: at for n, at in (before.asked if before else {}).items() if now - at <= FORGOTTEN_AFTER * self._age
        }
        all_names = sorted(names | lately.keys(), key=str)
        found = await self._read(access, region, all_names)
        return _Names(now, {name: found.get(name) for name in all_names}, lately)
