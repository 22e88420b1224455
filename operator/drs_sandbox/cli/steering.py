"""calls, inject, clock, set: the simulated AWS while it runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from drs_sandbox.cli.options import DEFAULT_DIRECTORY, Directory, Format, Output, control
from drs_sandbox.errors import SandboxError
from drs_sandbox.state import StateFolder

_PARAMETERS_WIDTH = 100


def calls(
    service: Annotated[str | None, typer.Option(help="Only calls of this service, such as drs or sts.")] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    output: Format = Output.TABLE,
) -> None:
    """Print the log of every AWS call, also after the sandbox has ended."""
    records = [record for record in _records(StateFolder(directory)) if service in (None, record["service"])]
    if output is Output.JSON:
        print(json.dumps(records, indent=2))
        return
    table = Table("time", "account", "region", "principal", "call", "outcome", "parameters", box=None, pad_edge=False)
    for record in records:
        outcome = record["outcome"]
        parameters = json.dumps(record["parameters"])
        table.add_row(
            record["time"][11:23],
            record["account"] or "-",
            record["region"] or "-",
            Text((record["principal"] or "-").rpartition("/")[2]),
            f"{record['service'] or '?'}:{record['operation'] or '?'}",
            Text(
                f"{outcome['status']} {outcome.get('code', '')}".strip(),
                style="green" if outcome["status"] == 200 and "code" not in outcome else "red",
            ),
            Text(parameters if len(parameters) <= _PARAMETERS_WIDTH else f"{parameters[: _PARAMETERS_WIDTH - 1]}…"),
        )
    Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 250).print(table)


def inject(
    file: Annotated[Path | None, typer.Argument(help="YAML with the key faults; - is stdin.", metavar="FILE")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="End all faults; jobs that are stuck go on.")] = False,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Add faults while the sandbox runs, or end them."""
    if (file is None) != clear:
        raise typer.BadParameter("give either FILE (or -) or --clear")
    client = control(directory)
    if file is None:
        print(f"{_faults(client.clear_faults())} ended")
        return
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
    except OSError as error:
        raise typer.BadParameter(f"{file}: expected a readable file ({error.strerror})") from None
    print(f"{_faults(client.add_faults(text, '(stdin)' if str(file) == '-' else str(file)))} added")


def clock(
    speed: Annotated[float | None, typer.Option(min=0, help="What takes time takes 1/N; 0 stops jobs.")] = None,
    advance: Annotated[
        float | None,
        typer.Option(min=0, help="Move AWS's time on; what becomes due is done then.", metavar="SECONDS"),
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    output: Format = Output.TABLE,
) -> None:
    """Print AWS's time and the speed, or change them."""
    client = control(directory)
    asked = speed is None and advance is None
    now = client.clock() if asked else client.change_clock(speed=speed, advance=advance)
    if output is Output.JSON:
        print(json.dumps(now, indent=2))
    else:
        print(f"{now['time']}  speed {now['speed']:g}  {now['offsetSeconds']:+g} s from this machine's clock")


def set_(
    server: Annotated[str, typer.Argument(help="Id of a source server.", metavar="SERVER")],
    changes: Annotated[
        list[str],
        typer.Argument(
            help="replicationState=…, lag=PT1S, tags.KEY=…, snapshots=PT5M,PT1H; an empty tag is removed.",
            metavar="KEY=VALUE...",
        ),
    ],
    account: Annotated[str | None, typer.Option(help="Its account, if several have this id.")] = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Change a source server, all changes or none; prints what it is then."""
    pairs = [change.partition("=") for change in changes]
    for key, equals, _ in pairs:
        if not key or not equals:
            raise typer.BadParameter(f"expected key=value, not {key or '='}")
    shown = control(directory).set_server(server, {key: value for key, _, value in pairs}, account)
    print(json.dumps(shown, indent=2))


def _faults(count: int) -> str:
    return "1 fault" if count == 1 else f"{count} faults"


def _records(folder: StateFolder) -> list[dict[str, Any]]:
    try:
        lines = folder.calls.read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        raise SandboxError(
            "NoCalls",
            f"there is no call log in {folder.directory}",
            "drs-sandbox up starts a sandbox that keeps one; --dir names another folder.",
        ) from None
    # The last line may be in the middle of being written.
    return [json.loads(line) for line in lines if line.endswith("\n")]
