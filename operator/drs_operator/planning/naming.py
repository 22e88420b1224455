"""How several things are named in one line."""

from __future__ import annotations

from collections.abc import Sequence

NAMED = 5
"""How many are named before the rest is only counted."""


def few(names: Sequence[str], most: int = NAMED) -> str:
    """`a, b and 3 more`: the first ones, and how many there are besides."""
    first = ", ".join(names[:most])
    return first if len(names) <= most else f"{first} and {len(names) - most} more"


def joined(parts: Sequence[str], short: Sequence[str], length: int) -> str:
    """All parts in a row; those that do not fit into `length` characters in their short form, then only counted."""
    for full in range(len(parts), -1, -1):
        text = "; ".join([*parts[:full], *short[full:]])
        if len(text) <= length:
            return text
    for count in range(len(short) - 1, 0, -1):
        text = "; ".join([*short[:count], f"and {len(short) - count} more"])
        if len(text) <= length:
            return text
    return f"{len(parts)} of them"
