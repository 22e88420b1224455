"""What random runs have really met: a machine in which something never happens says nothing about it."""

from __future__ import annotations

from collections import Counter

from hypothesis import event

MET: Counter[str] = Counter()
"""How often each was met since the process began."""


def note(*what: str) -> None:
    """Counts it here and in the statistics of hypothesis (`--hypothesis-show-statistics`)."""
    for each in what:
        MET[each] += 1
        event(each)
