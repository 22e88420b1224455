"""The command `drs-operator`."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.metadata import version as installed_version
from typing import Annotated

import typer
from pydantic import ValidationError

from drs_operator.app import NoMeta, WatchEnded
from drs_operator.app import run as run_operator
from drs_operator.kube.client import NoCluster
from drs_operator.ledger import installation, tables
from drs_operator.ledger.store import Store
from drs_operator.observability import logs
from drs_operator.ports import Fenced, ReadFailed
from drs_operator.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Disaster recovery with AWS DRS, from Kubernetes.",
)


def _fail(message: str) -> typer.Exit:
    print(f"drs-operator: {message}", file=sys.stderr)
    return typer.Exit(1)


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"DRS_OPERATOR_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
        raise _fail("settings are not right:\n  " + "\n  ".join(lines)) from None


@app.command()
def run() -> None:
    """Runs the operator until SIGTERM."""
    settings = _settings()
    logs.configure(settings.log_format, settings.log_level)
    try:
        asyncio.run(run_operator(settings))
    except (tables.TablesMissing, NoMeta, NoCluster, ReadFailed, WatchEnded, Fenced) as error:
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


@app.command()
def version() -> None:
    """Prints the version."""
    print(installed_version("drs-operator"))


def main() -> None:
    """Entry point."""
    app()


if __name__ == "__main__":
    main()
