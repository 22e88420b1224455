"""Ids that a rebuilt cluster finds again: hashes of installation, namespace and name."""

from __future__ import annotations

import hashlib
import json
from typing import Any

ID_HEX_DIGITS = 17  # as long as AWS's own ids


def _hashed(prefix: str, *parts: str) -> str:
    # A length before each part, so that ("a", "bc") and ("ab", "c") differ.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:ID_HEX_DIGITS]}"


def group_id(installation: str, namespace: str, name: str) -> str:
    """`pg-…` of a ProtectionGroup: the same in a rebuilt cluster of the same installation."""
    return _hashed("pg", installation, namespace, name)


def plan_id(installation: str, namespace: str, name: str) -> str:
    """`plan-…` of a RecoveryPlan."""
    return _hashed("plan", installation, namespace, name)


def execution_id(installation: str, run_id: str) -> str:
    """`exec-…` of a run: the same whenever an object with this run id is created again."""
    return _hashed("exec", installation, run_id)


def launch_token(execution: str, wave: int, attempt: int, shard: int) -> str:
    """The tag value by which a DRS job is recognised as the one that this intent started."""
    return f"{execution}/{wave}/{attempt}/{shard}"


def digest(request: dict[str, Any]) -> str:
    """What a run asks for, as a SHA-256 in hex: two requests differ exactly if their digests do."""
    canonical = json.dumps(request, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def command_mark(command: str, value: str) -> str:
    """A short mark of a command's key and value, remembered for ever so that it is honoured once."""
    return hashlib.sha256(f"{command}={value}".encode()).hexdigest()[:16]
