"""The graph of waves: which wave waits for which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol


class WaveLike(Protocol):
    """What the graph needs of a wave of a plan."""

    @property
    def wave_number(self) -> int: ...
    @property
    def launch_order(self) -> int | None: ...
    @property
    def depends_on_waves(self) -> Sequence[int] | None: ...


def order(wave: WaveLike) -> int:
    """The launch order in force: `launchOrder`, else the wave's number."""
    return wave.wave_number if wave.launch_order is None else wave.launch_order


def waits_for(wave: WaveLike, waves: Iterable[WaveLike]) -> tuple[int, ...]:
    """The waves that this one waits for: `dependsOnWaves`, or without it every wave with a lower launch order."""
    if wave.depends_on_waves:
        return tuple(sorted(set(wave.depends_on_waves)))
    return tuple(sorted(other.wave_number for other in waves if order(other) < order(wave)))


def in_order(waves: Iterable[WaveLike]) -> list[WaveLike]:
    """Waves as they are launched: by launch order, then by number."""
    return sorted(waves, key=lambda wave: (order(wave), wave.wave_number))
