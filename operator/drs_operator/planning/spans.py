"""Spans of time that may overlap."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta


def covered(spans: Iterable[tuple[datetime, datetime]]) -> timedelta:
    """How much time the spans cover together: what they share counts once, one that ends before it begins is none."""
    total, reached = timedelta(), None
    for begin, end in sorted(spans):
        if reached is not None:
            begin = max(begin, reached)
        if end > begin:
            total += end - begin
            reached = end
    return total
