"""Small valid specs, and the tables' shapes."""

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

A = "s-0000000000000000a"
B = "s-0000000000000000b"
NOON = "2026-01-31T12:00:00Z"


def changed(base: Object, changes: Object) -> Object:
    """`base` with the changes; None removes a field."""
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def account(**changes: Any) -> Object:
    return changed(
        {"accountId": "123456789012", "assumeRoleName": "Recovery", "allowedNamespaces": {"from": "All"}}, changes
    )


def group(**changes: Any) -> Object:
    base = {
        "targetAccountRef": {"name": "production"},
        "region": "us-east-1",
        "serverSelectionMode": "tags",
        "serverSelectionTags": {"Tier": "web"},
    }
    return changed(base, changes)


def override(server: str = A, *, defaults: bool = True, **launch: Any) -> Object:
    return {"serverId": server, "useGroupDefaults": defaults, "launchConfiguration": launch}


def wave(number: int, group: str | None = None, **changes: Any) -> Object:
    base = {
        "waveNumber": number,
        "name": f"wave {number}",
        "protectionGroupRef": {"name": group or f"group-{number}"},
    }
    return changed(base, changes)


def plan(*waves: Object, **changes: Any) -> Object:
    return changed({"waves": list(waves) or [wave(1)]}, changes)


def drill(**changes: Any) -> Object:
    return changed({"recoveryPlanRef": {"name": "production"}, "executionType": "DRILL"}, changes)


def recovery(**changes: Any) -> Object:
    base = drill(executionType="RECOVERY", reason="flood", recoveryPoint={"policy": "Latest"})
    return changed(base, changes)


def schedule(template: Object | None = None, metadata: Object | None = None, **changes: Any) -> Object:
    execution = changed({"spec": template or drill(), "metadata": metadata}, {})
    return changed({"schedule": "0 3 * * 6", "executionTemplate": execution}, changes)


@dataclass(frozen=True)
class Creation:
    """`good` is accepted, `bad` is refused, and the user reads `says`."""

    name: str
    kind: str
    good: Object
    bad: Object
    says: str
    lifted: bool = False


@dataclass(frozen=True)
class Edit:
    """Of the stored `spec` the change `good` is accepted, `bad` is refused, and the user reads `says`."""

    name: str
    kind: str
    spec: Object
    good: Object
    bad: Object
    says: str
    lifted: bool = False
