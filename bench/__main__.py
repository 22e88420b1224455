"""`make bench`: the table of floors, for people; `-o json` for machines."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from bench import conflicts, convergence, troubles
from bench.rows import Row
from bench.scale import Fleet
from bench.world import running


def main(
    groups: Annotated[int, typer.Option(min=10, help="Protection groups, ten servers each.")] = 1000,
    refresh: Annotated[float, typer.Option(min=1, help="Seconds between two sweeps of the inventory.")] = 15.0,
    output: Annotated[Literal["table", "json"], typer.Option("--output", "-o")] = "table",
) -> None:
    """Measures at full size; takes about ten minutes."""
    fleet, rows = Fleet(groups), list[Row]()
    for name, measure in (
        ("conflicts", _conflicts),
        ("convergence", _convergence),
        ("troubles of others", troubles.measure),
    ):
        print(f"[bench] {name}: {fleet.groups} groups, {fleet.servers} servers, {fleet.places} places", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            rows += measure(fleet, Path(folder), refresh)
    if output == "json":
        print(json.dumps([row.to_json() for row in rows], indent=2))
    else:
        Console().print(_table(fleet, rows))
    raise typer.Exit(int(any(row.kept is False for row in rows)))


def _conflicts(fleet: Fleet, folder: Path, refresh: float) -> list[Row]:
    return conflicts.measure(fleet)


def _convergence(fleet: Fleet, folder: Path, refresh: float) -> list[Row]:
    with running(fleet, folder) as bench:
        return [*convergence.converge(bench, refresh), *convergence.restart(bench, refresh)]


def _table(fleet: Fleet, rows: list[Row]) -> Table:
    where = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    title = f"{fleet.groups} groups, {fleet.servers} servers, {fleet.accounts} accounts × 3 Regions ({where})"
    table = Table(title=title)
    for column in ("measured", "value", "floor", ""):
        table.add_column(column)
    for row in rows:
        kept = {True: "[green]kept[/]", False: "[red]broken[/]", None: ""}[row.kept]
        table.add_row(row.name, f"{row.value:g}", row.floor, kept)
    return table


if __name__ == "__main__":
    typer.run(main)
