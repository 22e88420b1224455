"""What the matrix has shown, for people and for machines."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from rich.table import Table

from tests.crash_matrix.runner import Result

SHOWN = 3
"""Violations of one world that the table shows."""


def summary(results: list[Result]) -> dict[str, Any]:
    """Counts, and every result that is not clean."""
    reached = [result for result in results if result.reached]
    return {
        "pointsKilled": sum(1 for result in reached if result.kind == "point"),
        "faults": sum(1 for result in reached if result.kind == "fault"),
        "notReached": [result.label for result in results if not result.reached],
        "violations": sum(len(result.violations) for result in results),
        "violated": [asdict(result) for result in results if result.violations],
    }


def table(results: list[Result], title: str) -> Table:
    """A row for each kind of step, then one for each violation."""
    shown = Table(title=title)
    for column in ("step", "tried", "not reached", "violations"):
        shown.add_column(column, overflow="fold")
    kinds = Counter(_kind(result) for result in results)
    for kind, count in kinds.items():
        mine = [result for result in results if _kind(result) == kind]
        missed = sum(1 for result in mine if not result.reached)
        wrong = sum(len(result.violations) for result in mine)
        shown.add_row(kind, str(count), str(missed or ""), f"[red]{wrong}[/]" if wrong else "0")
    for result in results:
        for violation in result.violations[:SHOWN]:
            shown.add_row(f"[red]{result.label}[/]", "", "", violation)
        if len(result.violations) > SHOWN:
            shown.add_row("", "", "", f"and {len(result.violations) - SHOWN} more: -o json shows all")
    return shown


def _kind(result: Result) -> str:
    if result.kind == "fault":
        return f"fault: {result.label}"
    side, *rest = result.label.split()
    return f"killed {side} {' '.join(rest[:2])}"
