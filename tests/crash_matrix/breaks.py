"""Copies of the operator with one of its promises broken, to show that the matrix can fail."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.harness import ROOT

PACKAGE = "drs_operator"


@dataclass(frozen=True, slots=True)
class Break:
    """Replacements in one file of the package; each text must be there exactly once."""

    file: str
    replacements: tuple[tuple[str, str], ...]
    because: str


BREAKS = {
    "intent-after-call": Break(
        "reconcilers/launching.py",
        (
            ("await session.move(launching.call(", "called = (launching.call("),
            ("calling = launching.find(session.run, intent)", "calling = launching.find(called, intent)"),
            (
                "    await session.must_move(lambda run: _recorded(run, calling",
                "    await session.move(called)\n    await session.must_move(lambda run: _recorded(run, calling",
            ),
        ),
        "StartRecovery is called before the ledger says CALLING: after a crash it is called again",
    ),
    "no-settle-window": Break(
        "planning/launching.py",
        (("if not intent.settled(aws_now, settle):", "if False:"),),
        "a launch with an unknown outcome is repeated at once: the first may still arrive or show up",
    ),
    "lock-left": Break(
        "reconcilers/execution.py",
        (("    await ledger.unlock_plan(run.plan_id, run.execution_id)\n", ""),),
        "the plan stays locked when its run has ended",
    ),
}


def copied(folder: Path, break_: str = "", source: Path | None = None) -> Path:
    """Copies the package of `source`, by default this repository's, broken as told. Raises ValueError.

    Returns the folder for PYTHONPATH.

    A sound copy is of use, too: edits while the matrix runs do not mix into it.
    """
    target = folder / "operator"
    shutil.copytree(
        (source or ROOT / "operator") / PACKAGE, target / PACKAGE, ignore=shutil.ignore_patterns("__pycache__")
    )
    if break_:
        _apply(BREAKS[break_], target / PACKAGE)
    return target


def fingerprint(source: Path) -> str:
    """Tells one copy's code from another's, in 12 characters."""
    digest = hashlib.sha256()
    for file in sorted((source / PACKAGE).rglob("*.py")):
        digest.update(f"{file.relative_to(source)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _apply(chosen: Break, package: Path) -> None:
    file = package / chosen.file
    text = file.read_text()
    for old, new in chosen.replacements:
        if text.count(old) != 1:
            raise ValueError(f"{chosen.file} has {text.count(old)} times {old!r}: the break must follow the code")
        text = text.replace(old, new)
    file.write_text(text)
