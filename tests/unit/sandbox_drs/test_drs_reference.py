"""The reference of the simulator names tests that exist and operations that are there."""

from __future__ import annotations

import re
from pathlib import Path

from drs_sandbox.drs.operations import OPERATIONS

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs/reference/simulator.md").read_text(encoding="utf-8")


def named_tests() -> list[tuple[str, str]]:
    """File and function of every test that the reference names: with its path, or under a line that has the path."""
    named: list[tuple[str, str]] = []
    current = ""
    for line in REFERENCE.splitlines():
        if found := re.match(r"`(tests/[\w/]+\.py)`", line):
            current = found[1]
        for path, name in re.findall(r"`(?:(tests/[\w/]+\.py)::)?(test_\w+)`", line):
            named.append((path or current, name))
    return named


def test_every_test_that_the_reference_names_exists() -> None:
    sources = {path: (ROOT / path).read_text(encoding="utf-8") for path, _ in named_tests()}
    missing = [f"{path}::{name}" for path, name in named_tests() if f"def {name}(" not in sources[path]]
    assert len(named_tests()) > 100
    assert missing == []


def test_the_reference_names_every_rule_with_a_test() -> None:
    rows = [line for line in REFERENCE.splitlines() if line.startswith("| ") and not re.match(r"\| (rule|open)", line)]
    assert [row for row in rows if "`test_" not in row and "::test_" not in row] == []


def test_the_reference_lists_the_operations() -> None:
    listed = REFERENCE.split("Operations: ")[1].split("Every other")[0]
    assert set(re.findall(r"[A-Z]\w+", listed)) == set(OPERATIONS)
