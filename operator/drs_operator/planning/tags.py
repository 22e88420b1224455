"""Which servers a tag selection means."""

from __future__ import annotations

from collections.abc import Mapping


def matches(selection: Mapping[str, str], tags: Mapping[str, str]) -> bool:
    """All pairs must match: keys exactly, values without case and outer blanks. An empty selection matches nothing."""
    return bool(selection) and all(
        key in tags and tags[key].strip().casefold() == value.strip().casefold() for key, value in selection.items()
    )
