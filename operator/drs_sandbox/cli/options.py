"""Options that several commands take, and what they do with them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from drs_sandbox.control_client import ControlClient
from drs_sandbox.errors import SandboxError
from drs_sandbox.state import SandboxState, StateFolder

DEFAULT_DIRECTORY = Path(".sandbox")


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"


Directory = Annotated[Path, typer.Option("--dir", help="The sandbox's state folder.", metavar="DIR")]
Format = Annotated[Output, typer.Option("-o", "--output", help="How to print.")]


def running(directory: Path) -> SandboxState:
    """The state of the sandbox that is up in ``directory``. Raises ``SandboxError`` (NotUp, NotReady)."""
    folder = StateFolder(directory)
    state = folder.read() if folder.locked() else None
    if state is None:
        raise SandboxError(
            "NotUp", f"no sandbox is up in {folder.directory}", "drs-sandbox up starts one; --dir names another folder."
        )
    if state.phase != "ready":
        raise SandboxError("NotReady", f"the sandbox in {folder.directory} is {state.phase}", "Try again in a moment.")
    return state


def control(directory: Path) -> ControlClient:
    """The control API of the sandbox that is up in ``directory``."""
    state = running(directory)
    if state.aws_url is None:
        raise SandboxError(
            "NoAws", "this sandbox has no simulated AWS", "It was started with --only kube: start one without."
        )
    return ControlClient(state.aws_url)
