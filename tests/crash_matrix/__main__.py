"""`make crash-matrix`: the operator killed before and after everything that it changes, and other faults."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from tests.crash_matrix import report
from tests.crash_matrix.breaks import BREAKS, copied, fingerprint
from tests.crash_matrix.faults import FAULTS, fault_trial
from tests.crash_matrix.points import Point
from tests.crash_matrix.runner import Book, Trial, point_trial, points_of, record, run_all
from tests.crash_matrix.stage import Stage


def main(
    results: Annotated[
        Path,
        typer.Option(help="Folder of the results, one in it for each state of the code: a later call goes on there."),
    ] = Path(".crash-matrix"),
    sample: Annotated[int, typer.Option(help="So many points instead of all.")] = 0,
    only: Annotated[str, typer.Option(help="Only points and faults whose name has this in it.")] = "",
    faults: Annotated[bool, typer.Option(help="Whether the other faults are run, too.")] = True,
    points: Annotated[bool, typer.Option(help="Whether points are run.")] = True,
    side_by_side: Annotated[int, typer.Option(min=1, help="How many sandboxes run at the same time.")] = 2,
    minutes: Annotated[float, typer.Option(help="Nothing new is begun after so long; a later call goes on.")] = 0,
    break_: Annotated[
        str, typer.Option("--break", help=f"Runs a copy with a broken promise: {', '.join(BREAKS)}.")
    ] = "",
    output: Annotated[Literal["table", "json"], typer.Option("--output", "-o")] = "table",
) -> None:
    """Exit code 1: something that must never happen has happened, or the harness failed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
    until = time.monotonic() + minutes * 60 if minutes else float("inf")
    with tempfile.TemporaryDirectory(prefix="crash-matrix-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        sound = copied(folder / "sound")
        source = copied(folder / "broken", break_) if break_ else sound
        kept = results / fingerprint(source)
        kept.mkdir(parents=True, exist_ok=True)
        book = Book(kept / "results.jsonl")
        trials: dict[str, Trial] = {}
        if faults:
            trials |= {name: fault_trial(name, source) for name in FAULTS if only in name}
        if points:
            chosen = [p for p in _points(kept / "recorded.json", folder, sound) if only in p.label]
            trials |= {p.label: point_trial(p, source) for p in chosen[: sample or None]}
        run_all(trials, folder, book, side_by_side, until)
    mine = [result for result in book.results if result.label in trials]
    shown = report.summary(mine) | {"left": len(trials) - len(mine), "code": kept.name}
    if output == "json":
        print(json.dumps(shown, indent=2))
    else:
        console = Console()
        console.print(report.table(mine, f"crash matrix{f', broken on purpose: {break_}' if break_ else ''}"))
        console.print(
            f"{shown['pointsKilled']} points killed, {shown['faults']} faults, {shown['violations']} violations, "
            f"{len(shown['notReached'])} not reached, {shown['left']} left; code {kept.name}"
        )
    raise typer.Exit(int(bool(shown["violations"] or not mine or (shown["left"] and not minutes))))


def _points(file: Path, folder: Path, sound: Path) -> list[Point]:
    """Those of the recording, which is made once for a folder of results, by code that is not broken."""
    if not file.exists():
        with Stage(folder / "recording", capacity=1) as stage:
            mutations, reads, found = record(stage, sound)
        if found:
            print(f"[crash-matrix] the drill is not clean without a fault: {'; '.join(found)}", file=sys.stderr)
            raise typer.Exit(1)
        file.write_text(json.dumps({"mutations": mutations, "reads": reads[::READS_SAMPLE]}, indent=1))
    recorded = json.loads(file.read_text())
    return points_of([(str(name), int(ordinal)) for name, ordinal in recorded["mutations"]], recorded["reads"])


EXIT_TERMINATED = 128 + signal.SIGTERM
READS_SAMPLE = 5
"""Every so manieth read is a point, too."""

if __name__ == "__main__":
    typer.run(main)
