"""Runs points and faults, several sandboxes side by side, and keeps each result as a line of JSON."""

from __future__ import annotations

import hashlib
import json
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from tests.crash_matrix.checks import irreparable, violations
from tests.crash_matrix.gate import Gate
from tests.crash_matrix.points import Point, Side
from tests.crash_matrix.scenario import TooLate, play, status_of
from tests.crash_matrix.stage import Actor, Stage

SIDES: tuple[Side, ...] = ("before", "after")
CHECK_SECONDS = 30.0
"""How long the checks may take to become true: a projection follows the ledger."""


@dataclass(slots=True)
class Result:
    """What became of one world."""

    kind: Literal["point", "fault"]
    label: str
    reached: bool
    """Whether the point came up, or the fault acted; otherwise nothing was tried."""
    seconds: float
    starts: int
    violations: list[str] = field(default_factory=list)


Trial = Callable[[Stage], Result | None]
"""Plays one world of a stage; None if the stage has no more worlds."""


def record(stage: Stage, source: Path | None = None) -> tuple[list[tuple[str, int]], list[str], list[str]]:
    """Plays the drill without a fault. Returns its mutations (name, ordinal), its reads' names and violations."""
    world = stage.world()
    assert world is not None
    actor = Actor(stage, world, Gate(), source)
    try:
        play(actor)
        found = _settled(actor)
    finally:
        actor.end()
    return actor.gate.mutations, actor.gate.reads, found


def points_of(mutations: Iterable[tuple[str, int]], reads: Iterable[str] = ()) -> list[Point]:
    """Both sides of each mutation, and the side before each of these reads.

    Launches come first, the others in an order that is mixed, but always the same: a run that is ended early, or a
    sample, has some of everything.
    """
    made = [Point(name, ordinal, side) for name, ordinal in mutations for side in SIDES]
    return sorted([*made, *(Point(name, 1, "before") for name in reads)], key=_rank)


def _rank(point: Point) -> tuple[bool, str]:
    return not point.name.startswith("drs StartRecovery"), hashlib.sha256(point.label.encode()).hexdigest()


def point_trial(point: Point, source: Path | None = None) -> Trial:
    """Kills the operator at a point and starts it again."""

    def trial(stage: Stage) -> Result | None:
        world = stage.world()
        if world is None:
            return None
        gate = Gate(point)
        return judged("point", point.label, Actor(stage, world, gate, source), lambda actor: _play(actor), gate)

    return trial


def _play(actor: Actor) -> None:
    play(actor)


def judged(
    kind: Literal["point", "fault"], label: str, actor: Actor, run: Callable[[Actor], None], gate: Gate
) -> Result:
    """Plays and checks one world, and clears it away."""
    began = time.monotonic()
    try:
        try:
            run(actor)
            found = _settled(actor)
        except (TooLate, AssertionError) as error:
            found = [f"{error}", *violations(actor, status_of(actor))]
    finally:
        actor.end()
    seconds = round(time.monotonic() - began, 1)
    return Result(kind, label, gate.fired, seconds, actor.starts, found)


def _settled(actor: Actor) -> list[str]:
    deadline = time.monotonic() + CHECK_SECONDS
    while (found := violations(actor, status_of(actor))) and not irreparable(found) and time.monotonic() < deadline:
        actor.keep_up()
        time.sleep(1.0)
    return found


class Book:
    """Results as JSON lines, the last of each label; what was reached is not tried again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = file.read_text().splitlines() if file.exists() else []
        self._results = {result.label: result for result in (Result(**json.loads(line)) for line in lines if line)}

    @property
    def results(self) -> list[Result]:
        """One for each label."""
        with self._lock:
            return list(self._results.values())

    def has(self, label: str) -> bool:
        """Whether it was tried, and came up."""
        with self._lock:
            return label in self._results and self._results[label].reached

    def add(self, result: Result) -> None:
        """Keeps a result at once."""
        with self._lock:
            self._results[result.label] = result
            with self._file.open("a") as stream:
                stream.write(json.dumps(asdict(result)) + "\n")


class Progress:
    """Tells people how far it is."""

    def __init__(self, all_: int, done: int) -> None:
        self._all, self._done = all_, done
        self._lock = threading.Lock()

    def tell(self, result: Result) -> None:
        """One more."""
        told = "; ".join(result.violations) or ("ok" if result.reached else "not reached")
        with self._lock:
            self._done += 1
            where = f"[crash-matrix] {self._done}/{self._all}"
            print(f"{where} {result.label} ({result.seconds:.0f} s): {told}", file=sys.stderr, flush=True)


def run_all(trials: dict[str, Trial], folder: Path, book: Book, lanes: int, until: float = float("inf")) -> None:
    """Runs what the book has not, in `lanes` sandboxes side by side; begins nothing after `until` (monotonic)."""
    waiting: queue.SimpleQueue[tuple[str, Trial]] = queue.SimpleQueue()
    for label, trial in trials.items():
        if not book.has(label):
            waiting.put((label, trial))
    count = Progress(len(trials), len(trials) - waiting.qsize())

    def lane(number: int) -> None:
        turn = 0
        while not waiting.empty() and time.monotonic() < until:
            turn += 1
            with Stage(folder / f"lane-{number}-{turn}") as stage:
                _serve(stage, waiting, book, until, count)

    threads = [threading.Thread(target=lane, args=(number,), daemon=True) for number in range(1, lanes + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _serve(
    stage: Stage, waiting: queue.SimpleQueue[tuple[str, Trial]], book: Book, until: float, progress: Progress
) -> None:
    while time.monotonic() < until:
        try:
            label, trial = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            result = trial(stage)
        except Exception:  # noqa: BLE001 - the other worlds are worth trying
            print(f"[crash-matrix] {label}: the harness failed, it is not counted", file=sys.stderr)
            traceback.print_exc()
            continue
        if result is None:
            waiting.put((label, trial))
            return
        book.add(result)
        progress.tell(result)
