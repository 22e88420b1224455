"""Which reasons and codes the operator's source gives, read from its syntax trees and from the policies' messages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from drs_operator.api.v1alpha1.codes import Code
from drs_operator.api.v1alpha1.enums import ExecutionPhase, HoldReason
from drs_operator.planning.launching import Refusal

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "operator" / "drs_operator"
MANIFESTS = ROOT / "manifests"

# Where a call takes a reason or a code, by the name of what is called.
POSITIONS = {
    "AccessDenied": 0,
    "Aspect": 2,
    "Failure": 0,
    "News": 1,
    "ReadFailed": 0,
    "WaveFinding": 0,
    "No": 0,
    "_requeue": 2,
    "add": 1,
    "bad": 1,
    "event": 2,
    "good": 1,
    "opened": 2,
}
KEYWORDS = {"ErrorRecord": "code", "Finding": "code", "FindingRecord": "code"}
ENUMS = {"Code": Code, "ExecutionPhase": ExecutionPhase, "HoldReason": HoldReason, "Refusal": Refusal}
DECLARATIONS = ("api/reasons/", "api/v1alpha1/codes.py", "api/v1alpha1/enums.py")
"""Files that list reasons without giving any."""
_CODE_IN_MESSAGE = re.compile(r"\b([A-Z]+(?:_[A-Z]+)+): ")
_WORD = re.compile(r"[A-Z]\w*")


def trees() -> Iterator[tuple[str, ast.Module]]:
    """The source files that may give a reason, by their path in the package."""
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if not name.startswith(DECLARATIONS):
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def _literals(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may be: of a conditional both branches."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from _literals(body)
            yield from _literals(other)


def literals_in_calls() -> dict[str, str]:
    """Every literal at a place that takes a reason or a code, with the place where it was seen."""
    found: dict[str, str] = {}
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for text in _of_call(node):
                    found.setdefault(text, f"{name}:{node.lineno}")
    return found


def _of_call(node: ast.Call) -> Iterator[str]:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    position = POSITIONS.get(called)
    if position is not None and len(node.args) > position:
        yield from (text for text in _literals(node.args[position]) if _WORD.fullmatch(text))
    for keyword in node.keywords:
        if keyword.arg == KEYWORDS.get(called):
            yield from _literals(keyword.value)


def given() -> set[str]:
    """Every text that the source or the policies use as a whole, or as the code at the head of a message."""
    found: set[str] = set()
    for _, tree in trees():
        for node in ast.walk(tree):
            match node:
                case ast.Constant(value=str(text)):
                    found.add(text)
                    found |= set(_CODE_IN_MESSAGE.findall(text))
                case ast.Attribute(value=ast.Name(id=enum), attr=member) if enum in ENUMS:
                    found |= {str(entry) for key, entry in ENUMS[enum].__members__.items() if key == member}
    for path in sorted(MANIFESTS.rglob("*.yaml")):
        found |= set(_CODE_IN_MESSAGE.findall(path.read_text(encoding="utf-8")))
    return found
