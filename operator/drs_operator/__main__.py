"""The command `drs-operator`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from contextlib import closing
from enum import StrEnum
from importlib.metadata import version as installed_version
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from drs_operator import abandoning, lead_commands, timeline_report, verify, verify_report
from drs_operator.app import WatchEnded
from drs_operator.app import run as run_operator
from drs_operator.kube.client import NoCluster
from drs_operator.ledger import installation, tables
from drs_operator.ledger.reading import find_run
from drs_operator.ledger.store import Store
from drs_operator.observability import logs
from drs_operator.ports import Fenced, LostRace, ReadFailed
from drs_operator.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Disaster recovery with AWS DRS, from Kubernetes.",
)


NOT_COMPARED = 2
"""Exit code of `ledger verify` when it cannot tell."""


class Output(StrEnum):
    """How a command answers."""

    TABLE = "table"
    JSON = "json"


def _fail(message: str, code: int = 1) -> typer.Exit:
    print(f"drs-operator: {message}", file=sys.stderr)
    return typer.Exit(code)


def _settings(code: int = 1) -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"DRS_OPERATOR_{str((*e['loc'], '…')[0]).upper()}: {e['msg']}" for e in error.errors()]
        raise _fail("settings are not right:\n  " + "\n  ".join(lines), code) from None


@app.command()
def run() -> None:
    """Runs the operator until SIGTERM."""
    settings = _settings()
    logs.configure(settings.log_format, settings.log_level)
    try:
        asyncio.run(run_operator(settings))
    except (tables.TablesMissing, NoCluster, ReadFailed, WatchEnded, Fenced) as error:
        raise _fail(str(error)) from None


@app.command("init-ledger")
def init_ledger(
    prefix: Annotated[str | None, typer.Option(help="Prefix of the tables; default DRS_OPERATOR_TABLE_PREFIX.")] = None,
    region: Annotated[
        str | None, typer.Option(help="Region of the tables; default DRS_OPERATOR_LEDGER_REGION.")
    ] = None,
) -> None:
    """Makes the DynamoDB tables that are missing. Running it again changes nothing."""
    chosen = prefix or os.environ.get("DRS_OPERATOR_TABLE_PREFIX", "drs")
    try:
        store = Store(chosen, region or os.environ.get("DRS_OPERATOR_LEDGER_REGION"))
        asyncio.run(store.call(lambda: tables.make(store.client, chosen, print)))
        print(f"ledger {asyncio.run(installation.make_meta(store))} in {store.region}")
    except (TimeoutError, ReadFailed) as error:
        raise _fail(f"the ledger could not be made: {error}") from None


@app.command("take-over")
def take_over(
    yes: Annotated[bool, typer.Option("--yes", help="Does not ask.")] = False,
    by: Annotated[str | None, typer.Option(help="Who wants it; default the user and host.")] = None,
) -> None:
    """Lets the operator of this cluster lead the installation instead of another cluster's."""
    _do(lead_commands.take_over(_settings(), _agrees(yes), by or lead_commands.person()))


@app.command("adopt-ledger")
def adopt_ledger(
    yes: Annotated[bool, typer.Option("--yes", help="Does not ask.")] = False,
    by: Annotated[str | None, typer.Option(help="Who accepts it; default the user and host.")] = None,
) -> None:
    """Accepts a ledger that was replaced or rolled back, so that the operator claims and launches again."""
    _do(lead_commands.adopt_ledger(_settings(), _agrees(yes), by or lead_commands.person()))


@app.command("abandon-run")
def abandon_run(
    run_id: Annotated[str, typer.Argument(help="spec.runId of the execution, by default NAMESPACE/NAME.")],
    yes: Annotated[bool, typer.Option("--yes", help="Does not ask.")] = False,
    by: Annotated[str | None, typer.Option(help="Who wants it; default the user and host.")] = None,
) -> None:
    """Cancels a run whose object is gone: the operator ends it and frees its plan and servers."""
    _do(abandoning.abandon(_settings(), run_id, _agrees(yes), by or lead_commands.person()))


def _agrees(yes: bool) -> Callable[[str, str], bool]:
    """Shows what is about to happen and lets a person type a word to agree."""

    def agrees(text: str, word: str) -> bool:
        print(text)
        return yes or str(typer.prompt(f"Type {word} to go on", default="", show_default=False)) == word

    return agrees


def _do(command: Coroutine[Any, Any, str]) -> None:
    try:
        print(asyncio.run(command))
    except (lead_commands.Declined, NoCluster, ReadFailed, LostRace) as error:
        raise _fail(str(error)) from None


ledger = typer.Typer(no_args_is_help=True, help="Looks after the ledger.")
app.add_typer(ledger, name="ledger")


@ledger.command("verify")
def verify_ledger(
    repair: Annotated[
        bool, typer.Option("--repair", help="Takes what is missing and free, lets go of the surplus, writes rows.")
    ] = False,
    output: Annotated[Output, typer.Option("--output", "-o", help="For people or for machines.")] = Output.TABLE,
) -> None:
    """Compares claims and rows with the objects of this cluster; exit code 0: the same, 1: differs, 2: not compared."""
    try:
        verified = asyncio.run(verify.verify(_settings(NOT_COMPARED), repair))
    except (verify.NotHere, NoCluster, ReadFailed, LostRace) as error:
        raise _fail(str(error), NOT_COMPARED) from None
    if output is Output.JSON:
        print(json.dumps(verify_report.as_json(verified), indent=2))
    else:
        print("\n".join(verify_report.lines(verified)))
    if not verified.report.same:
        raise typer.Exit(1)


@ledger.command("timeline")
def show_timeline(
    run_id: Annotated[str, typer.Argument(help="spec.runId of the execution, by default NAMESPACE/NAME.")],
    output: Annotated[Output, typer.Option("--output", "-o", help="For people or for machines.")] = Output.TABLE,
) -> None:
    """Tells a run in the order in which things happened, from the ledger alone: the cluster may be gone."""
    settings = _settings()
    try:
        with closing(Store(settings.table_prefix, settings.ledger_region)) as store:
            run = asyncio.run(find_run(store, run_id))
    except ReadFailed as error:
        raise _fail(str(error)) from None
    if run is None:
        raise _fail(f"run id {run_id} was never used in this ledger; by default it is NAMESPACE/NAME of the execution")
    if output is Output.JSON:
        print(json.dumps(timeline_report.as_json(run), indent=2))
    else:
        print("\n".join(timeline_report.lines(run)))


@app.command()
def version() -> None:
    """Prints the version."""
    print(installed_version("drs-operator"))


def main() -> None:
    """Entry point."""
    app()


if __name__ == "__main__":
    main()
