"""World files as text: YAML in, one line per finding out."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml
from pydantic_core import ErrorDetails


class WorldError(ValueError):
    """A world file that is not right; `str()` is one line `FILE: path.to.field: expected …` per finding."""


class Findings(ValueError):
    """Several findings of one check, each with the path of its field."""

    def __init__(self, findings: list[tuple[str, str]]) -> None:
        super().__init__("\n".join(f"{path}: {expected}" for path, expected in findings))
        self.findings = findings


def read_yaml(text: str, source: str) -> dict[str, Any]:
    """The mapping that a YAML text holds. Raises WorldError, also for a key that is there twice."""
    try:
        document = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise WorldError(f"{source}: expected YAML ({getattr(error, 'problem', error)}{where})") from None
    if not isinstance(document, dict):
        raise WorldError(f"{source}: expected a mapping with apiVersion and kind")
    return document


class _Loader(yaml.SafeLoader):
    """YAML's own loader takes the last of two equal keys and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value} only once, it is there twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def lines(source: str, details: list[ErrorDetails]) -> list[str]:
    """What pydantic has found, as lines of a WorldError."""
    found: list[str] = []
    for detail in details:
        path = _path(detail["loc"])
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, Findings):
            found += [f"{source}: {path}{'.' if path else ''}{where}: {text}" for where, text in cause.findings]
        else:
            found.append(f"{source}: {path or '(whole file)'}: {_expectation(detail)}")
    return found


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in ("one", "many"):  # tags of the union of server entries, not of the file
            path += f".{part}" if path else part
    return path


def _expectation(detail: ErrorDetails) -> str:
    kind, context, given = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind == "extra_forbidden":
        return "expected no such key"
    if kind == "missing":
        return "expected a value, it is missing"
    if kind == "value_error":
        return str(context["error"])
    if kind in ("literal_error", "enum"):
        return f"expected {context['expected']}, not {given!r}"
    if kind == "string_pattern_mismatch":
        return f"expected text like {context['pattern']}, not {given!r}"
    if kind == "string_type":
        return f"expected text (in quotes), not {given!r}"
    if kind in ("time_delta_type", "time_delta_parsing"):
        return f"expected an ISO 8601 duration such as PT5M, not {given!r}"
    return f"expected another value: {detail['msg']}, not {given!r}"
