"""up, env, status, down."""

from __future__ import annotations

import json
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from drs_sandbox import supervisor
from drs_sandbox.cli.options import DEFAULT_DIRECTORY, Directory, Format, Output, running
from drs_sandbox.errors import SandboxError
from drs_sandbox.state import ProcessState, SandboxState, StateFolder, as_json
from drs_sandbox.supervisor import Request
from drs_sandbox.world import load_world

_NOT_UP = 3


class Only(StrEnum):
    AWS = "aws"
    KUBE = "kube"


def up(
    world: Annotated[
        Path | None, typer.Option(help="World file; without it a small world of its own.", metavar="FILE")
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    speed: Annotated[float, typer.Option(min=0, help="What takes time on AWS takes 1/N of it; 0 stops jobs.")] = 1.0,
    detach: Annotated[bool, typer.Option("--detach", help="Return when everything is ready.")] = False,
    only: Annotated[Only | None, typer.Option(help="Leave the other part out.")] = None,
    signature_ttl: Annotated[
        float, typer.Option(min=0, help="Seconds for which a request's signature is good, as on AWS.")
    ] = supervisor.SIGNATURE_TTL_SECONDS,
    ready_fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Start a sandbox; Ctrl-C or `drs-sandbox down` ends it."""
    request = Request(
        directory=directory,
        world=world,
        speed=speed,
        only=only.value if only else None,
        signature_ttl_seconds=signature_ttl,
    )
    load_world(request.world_file)  # before anything else: a wrong world leaves no trace
    if ready_fd is None and (state := _already_up(request)):
        Console(stderr=True).print(
            f"[sandbox] already up in {directory} (process {state.supervisor.pid})", markup=False, highlight=False
        )
        return
    if detach:
        raise typer.Exit(supervisor.detach(request))
    raise typer.Exit(supervisor.run(request, ready_fd))


def env(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Print export lines for a shell: eval "$(drs-sandbox env)"."""
    running(directory)
    print(StateFolder(directory).env.read_text(), end="")


def status(directory: Directory = DEFAULT_DIRECTORY, output: Format = Output.TABLE) -> None:
    """Tell what runs; exit code 3 if nothing is up."""
    folder = StateFolder(directory)
    state = folder.read()
    is_up = state is not None and folder.locked()
    if state is not None and not is_up and state.phase != "failed":
        state = None  # its supervisor was killed, and everything with it
    if output is Output.JSON:
        document = {"up": is_up, "dir": str(folder.directory)}
        if state is not None:
            processes = [{**process.model_dump(by_alias=True), "running": process.running} for process in _all(state)]
            document |= {**as_json(state), "processes": processes}
        print(json.dumps(document, indent=2))
    else:
        _show(folder, state)
    if not is_up:
        raise typer.Exit(_NOT_UP)


def down(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """End the sandbox; its logs and its call log stay."""
    began = time.monotonic()
    console = Console(stderr=True, highlight=False)
    if supervisor.end(StateFolder(directory)):
        console.print(f"[sandbox] down after {time.monotonic() - began:.1f} s", markup=False)
    else:
        console.print(f"[sandbox] nothing is up in {directory}", markup=False)


def _already_up(request: Request) -> SandboxState | None:
    folder = StateFolder(request.directory)
    if not folder.locked():
        return None
    state = running(request.directory)
    if (state.world, state.speed) != (str(request.world_file), request.speed):
        raise SandboxError(
            "AlreadyUp",
            f"a sandbox is up in {folder.directory}, with world {state.world} and speed {state.speed:g}",
            "drs-sandbox down ends it; --dir names another folder; drs-sandbox clock changes the speed.",
        )
    return state


def _all(state: SandboxState) -> list[ProcessState]:
    return [state.supervisor, *state.processes] if state.phase != "failed" else []


def _show(folder: StateFolder, state: SandboxState | None) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if state is None:
        console.print(f"[yellow]●[/] nothing is up in {folder.directory}")
        return
    if state.phase == "failed":
        console.print(f"[red]●[/] failed in {folder.directory}")
        console.print(state.reason or "", markup=False)
        return
    colour = "green" if state.phase == "ready" else "yellow"
    console.print(f"[{colour}]●[/] {state.phase} in {folder.directory}")
    console.print(f"  world       {state.world}, speed {state.speed:g}")
    console.print(f"  Kubernetes  {state.kubernetes_url or '-'}")
    console.print(f"  AWS         {state.aws_url or '-'}")
    console.print(f"  DynamoDB    {state.dynamodb or '-'}")
    table = Table("  process", "pid", "state", "log", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for process in _all(state):
        word = "[green]running[/]" if process.running else "[red]ended[/]"
        table.add_row(f"  {process.name}", str(process.pid), word, Path(process.log or "").name)
    console.print(table)
