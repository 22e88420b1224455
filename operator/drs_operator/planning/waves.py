"""The graph of waves: which wave waits for which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar


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


def waits_for(wave: WaveLike, waves: Sequence[WaveLike]) -> tuple[int, ...]:
    """The waves that this one waits for: `dependsOnWaves`, or without it every wave with a lower launch order.

    A dependency that does not exist is left out: a RECOVERY goes on with a warning, and must not start out of order.
    """
    existing = {other.wave_number for other in waves}
    if named := set(wave.depends_on_waves or ()) & existing:
        return tuple(sorted(named))
    return tuple(sorted(other.wave_number for other in waves if order(other) < order(wave)))


W = TypeVar("W", bound=WaveLike)


def in_order(waves: Iterable[W]) -> list[W]:
    """Waves as they are launched: by launch order, then by number."""
    return sorted(waves, key=lambda wave: (order(wave), wave.wave_number))
