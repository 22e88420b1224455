"""Values of a given length, to fill objects with."""

from typing import Any

Object = dict[str, Any]

TIME = "2026-01-31T12:00:00Z"


def human(length: int, prefix: str = "") -> str:
    return prefix + "ü" * (length - len(prefix))


def machine(length: int, prefix: str = "") -> str:
    return prefix + "x" * (length - len(prefix))


def server(number: int) -> str:
    return f"s-{number:017}"


def conditions(*types: str) -> list[Object]:
    return [
        {
            "type": type,
            "status": "Unknown",
            "observedGeneration": 1000,
            "lastTransitionTime": TIME,
            "reason": machine(64),
            "message": machine(1024),
        }
        for type in types
    ]
