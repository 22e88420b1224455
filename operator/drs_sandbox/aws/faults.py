"""Faults: those of the world file and those injected later; the first that matches acts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from drs_sandbox.aws.wire import Operation
from drs_sandbox.drs.ports import Phase
from drs_sandbox.world import Fault


@dataclass
class _Entry:
    fault: Fault
    left: int | None

    def use(self) -> Fault:
        if self.left is not None:
            self.left -= 1
        return self.fault


class FaultBook:
    """The faults in force, in their order. Called under the clock's lock. A FaultPort for the DRS simulator."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._entries: list[_Entry] = []
        self.add(faults)

    def add(self, faults: Iterable[Fault]) -> None:
        """Adds faults after those that are there."""
        self._entries.extend(_Entry(fault, fault.times) for fault in faults)

    def clear(self) -> int:
        """Ends all faults, those of the world file too; returns how many there were."""
        ended = len(self._entries)
        self._entries.clear()
        return ended

    def call_fault(self, operation: Operation, account: str, region: str, continued: bool) -> Fault | None:
        """The first fault that matches a call; counts it as used.

        `continued` calls bring the token of an empty page: for them no other empty page follows.
        """

        def matches(fault: Fault) -> bool:
            return (
                fault.operation == operation.name
                and fault.service in (None, operation.service)
                and (fault.server_id is None or _names(operation.parameters, fault.server_id))
                and not (continued and "emptyPage" in fault.effects)
            )

        return self._first(account, region, matches)

    def phase_fault(self, phase: Phase, account: str, region: str, server_id: str) -> Fault | None:
        """The first fault that matches a server as it enters a phase; counts it as used."""
        return self._first(account, region, lambda fault: fault.phase == phase and fault.server_id in (None, server_id))

    def _first(self, account: str, region: str, matches: Callable[[Fault], bool]) -> Fault | None:
        for entry in self._entries:
            fault = entry.fault
            if entry.left == 0 or fault.account not in (None, account) or fault.region not in (None, region):
                continue
            if matches(fault):
                return entry.use()
        return None


def _names(value: Any, server_id: str) -> bool:
    if isinstance(value, dict):
        return any(_names(item, server_id) for item in value.values())
    if isinstance(value, list):
        return any(_names(item, server_id) for item in value)
    return isinstance(value, str) and (value == server_id or value.endswith(f"/{server_id}"))
