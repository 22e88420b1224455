"""Which servers a tag selection means."""

from __future__ import annotations

from collections.abc import Mapping


def matches(selection: Mapping[str, str], tags: Mapping[str, str]) -> bool:
    """All pairs must match: keys exactly, values without case and outer blanks. An empty selection matches nothing."""
    return bool(selection) and all(_same(tags.get(key), value) for key, value in selection.items())


def difference(selection: Mapping[str, str], tags: Mapping[str, str]) -> str | None:
    """The first pair that does not match, in words; None if all do."""
    for key, value in sorted(selection.items()):
        if not _same(tags.get(key), value):
            return f"{key} is {tags[key]}, not {value}" if key in tags else f"{key} is gone"
    return None


def _same(tag: str | None, value: str) -> bool:
    return tag is not None and tag.strip().casefold() == value.strip().casefold()
