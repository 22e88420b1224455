"""bin."""

from __future__ import annotations

from typing import Annotated

import typer

from drs_sandbox.toolchain import tool
from drs_sandbox.toolchain.catalogue import PROGRAMS


def bin_(name: Annotated[str, typer.Argument(help=f"One of {', '.join(PROGRAMS)}.", metavar="NAME")]) -> None:
    """Print the path of a program; it is built first when it is nowhere."""
    print(tool(name))
