"""The command `drs-operator.io/release-servers`: lets Leaving servers go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drs_operator.planning import ids
from drs_operator.planning.naming import few

COMMAND = "release-servers"
ALL = "all"
REMEMBERED = 100
"""So many honoured values are remembered, the newest ones."""


@dataclass(frozen=True, slots=True)
class Release:
    """How the command is answered."""

    value: str
    requested_by: str
    released: frozenset[str] = frozenset()
    code: str | None = None
    """Why it is refused; None: it is honoured."""
    message: str = ""

    @property
    def mark(self) -> str:
        """By which an honoured value is known again."""
        return ids.command_mark(COMMAND, self.value)

    def __str__(self) -> str:
        text = f"{COMMAND}={self.value} by {self.requested_by or 'unknown'}: "
        return text + (self.message if self.code is None else f"{self.code}: {self.message}")


def answer(value: str, requested_by: str, leaving: Mapping[str, str], suspended: bool = False) -> Release:
    """What the command does; `leaving` are the names of the Leaving servers by id."""
    if suspended:
        message = "the group is suspended and lets nobody go; set spec.suspend to false, then give the command again"
        return Release(value, requested_by, code="NOTHING_TO_RELEASE", message=message)
    named = set(leaving) if value.strip() == ALL else set(value.replace(",", " ").split())
    released = frozenset(named & leaving.keys())
    if not released:
        there = f"Leaving are: {few(sorted(leaving))}" if leaving else "no server of the group is Leaving"
        return Release(value, requested_by, code="NOTHING_TO_RELEASE", message=f"{there}; name their ids, or: {ALL}")
    message = f"let go: {few(sorted(leaving[server_id] for server_id in released))}"
    if others := sorted(named - released):
        message += f"; not Leaving: {few(others)}"
    return Release(value, requested_by, released, message=message)


def remembered(honoured: tuple[str, ...], answered: Release | None) -> tuple[str, ...]:
    """The marks to keep, the newest last."""
    if answered is None or answered.code is not None or answered.mark in honoured:
        return honoured
    return (*honoured, answered.mark)[-REMEMBERED:]
