"""The command ``drs-sandbox``.

Exit codes: 0; 1 for what could not be done; 2 for what was given and is not right (options, world, faults, changes);
3 from ``status`` when nothing is up.
"""

from __future__ import annotations

import sys

import typer

from drs_sandbox.cli import lifecycle, programs, steering
from drs_sandbox.control_client import ControlRefused
from drs_sandbox.errors import SandboxError
from drs_sandbox.world_text import WorldError

app = typer.Typer(
    name="drs-sandbox",
    help="A laptop-size world for drs-operator: a real Kubernetes API, DynamoDB Local, simulated AWS accounts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    lifecycle.up,
    lifecycle.env,
    lifecycle.status,
    lifecycle.down,
    steering.calls,
    steering.inject,
    steering.clock,
    steering.set_,
    programs.bin_,
):
    app.command(command.__name__.rstrip("_"))(command)


def main() -> None:
    """Entry point."""
    try:
        app()
    except (WorldError, ControlRefused) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except SandboxError as error:
        print(f"drs-sandbox: {error}", file=sys.stderr)
        sys.exit(1)
