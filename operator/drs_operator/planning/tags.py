"""Which servers a tag selection means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def matches(selection: Mapping[str, str], tags: Mapping[str, str]) -> bool:
    """All pairs must match: keys exactly, values without case and outer blanks. An empty selection matches nothing."""
    return bool(selection) and all(_same(tags.get(key), value) for key, value in selection.items())


def difference(selection: Mapping[str, str], tags: Mapping[str, str]) -> str | None:
    """The first pair that does not match, in words; None if all do."""
    for key, value in sorted(selection.items()):
        if not _same(tags.get(key), value):
            return f"{key} is {tags[key]}, not {value}" if key in tags else f"{key} is gone"
    return None


class Index:
    """An inverted index of tag sets: which of them a selection means, at the cost of its rarest pair.

    A key is indexed when it is first asked for: tags that no group selects by cost nothing.
    """

    def __init__(self, listed: Sequence[Mapping[str, str]]) -> None:
        self._listed = listed
        self._keys: dict[str, dict[str, list[int]]] = {}

    def matching(self, selection: Mapping[str, str]) -> list[int]:
        """Positions of the tag sets that match, ascending; exactly those of which `matches` is true."""
        if not selection:
            return []
        rarest = min((self._with(key, value) for key, value in selection.items()), key=len)
        return [position for position in rarest if matches(selection, self._listed[position])]

    def _with(self, key: str, value: str) -> Sequence[int]:
        if key not in self._keys:
            values: dict[str, list[int]] = {}
            for position, tags in enumerate(self._listed):
                if key in tags:
                    values.setdefault(_bare(tags[key]), []).append(position)
            self._keys[key] = values
        return self._keys[key].get(_bare(value), ())


def _same(tag: str | None, value: str) -> bool:
    return tag is not None and _bare(tag) == _bare(value)


def _bare(value: str) -> str:
    return value.strip().casefold()
