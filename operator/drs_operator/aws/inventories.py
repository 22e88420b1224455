"""The shared inventory of each place: one sweep for all who ask, and nobody held up by a Region that hangs.

Who asks waits as long as pages come. Once a place has been silent for some seconds, nobody waits for it any more, or
its status would come minutes late: the sweep goes on in the background, and its result wakes those whom it concerns.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import ClientError

from drs_operator.aws import errors
from drs_operator.aws.sessions import Identity, Sessions, identity_of
from drs_operator.aws.shared import Patience, Shared, Silent
from drs_operator.planning.facts import Inventory, Place
from drs_operator.ports import Access, ReadFailed

Door = tuple[Identity, str]
"""A way into a place. Whoever has another role or external id shares nothing that was read through this one."""

FAILURE_SECONDS = 15.0
"""How long a failed sweep is remembered, so that a hundred groups do not ask a dead Region a hundred times."""
SWEEP = "DescribeSourceServers"


def reader(access: Access) -> Access:
    """The one session that all reads of an account go through."""
    return Access(access.account_name, access.account_id, access.role_name, access.external_id)


def door_of(access: Access, region: str) -> Door:
    """The way in, whatever object or run asks."""
    return identity_of(reader(access)), region


@dataclass(frozen=True, slots=True)
class _Failure:
    at: float
    error: ReadFailed
    silent: bool

    @property
    def recent(self) -> bool:
        return time.monotonic() - self.at < FAILURE_SECONDS


class Inventories:
    """Inventories by door. `on_refresh` is told of every new one."""

    def __init__(
        self,
        sessions: Sessions,
        sweep: Callable[[Access, str], Awaitable[Inventory]],
        refresh_seconds: float,
        patience_seconds: float,
        on_refresh: Callable[[Inventory], None],
    ) -> None:
        self._sessions = sessions
        self._sweep = sweep
        self._refresh = refresh_seconds
        self._patience = patience_seconds
        self._on_refresh = on_refresh
        self._kept: Shared[Door, Inventory] = Shared()
        self._newest: dict[Place, Inventory] = {}
        self._failures: dict[Door, _Failure] = {}

    def known(self, place: Place) -> Inventory | None:
        """The newest one of a place, through whatever door it was read, however old."""
        return self._newest.get(place)

    async def get(self, access: Access, region: str, newer_than: datetime | None = None) -> Inventory:
        """The inventory: kept while it is young, or read from `newer_than` on. Raises ReadFailed.

        A failed sweep is remembered for a moment, and never replaces a complete one.
        """
        door = door_of(access, region)
        if newer_than is None:
            if (kept := self._kept.young(door, self._refresh)) is not None:
                return kept
            self._fail_again(access, region, door)
        patience = Patience(self._patience, lambda: self._sessions.heard(access, region, SWEEP))
        try:
            return await self._kept.get(
                door,
                self._refresh,
                lambda: self._read(access, region, door),
                lambda found: newer_than is None or found.taken_at >= newer_than,
                patience,
            )
        except Silent as silence:
            error = errors.silent(access, region, self._patience)
            self._failures[door] = _Failure(time.monotonic(), error, silent=True)
            raise error from silence

    def _fail_again(self, access: Access, region: str, door: Door) -> None:
        """Raises what the last sweep has failed with, if it is recent or the place has fallen silent."""
        failure = self._failures.get(door)
        if failure is None:
            return
        if failure.silent and not failure.recent:
            self._kept.start(door, lambda: self._read(access, region, door))
        if failure.silent or failure.recent:
            raise failure.error.with_traceback(None)  # it is raised many times: each would keep its frames

    async def _read(self, access: Access, region: str, door: Door) -> Inventory:
        try:
            inventory = await self._sweep(access, region)
        except ReadFailed as error:
            self._failures[door] = self._after(error, self._failures.get(door))
            raise
        self._failures.pop(door, None)
        self._newest[inventory.place] = inventory
        self._on_refresh(inventory)
        return inventory

    @staticmethod
    def _after(error: ReadFailed, before: _Failure | None) -> _Failure:
        """A place that has fallen silent stays so, in the same words, until it answers something."""
        if before is not None and before.silent and not isinstance(error.__cause__, ClientError):
            return _Failure(time.monotonic(), before.error, silent=True)
        return _Failure(time.monotonic(), error, silent=False)
