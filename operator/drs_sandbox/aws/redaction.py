"""Nothing secret goes into the call log: external ids, secret keys, session tokens, secure parameters."""

from __future__ import annotations

import json
from typing import Any

HIDDEN = "[redacted]"
_SECRET_NAMES = frozenset(
    {"externalid", "sts:externalid", "secretaccesskey", "sessiontoken", "password", "secretstring", "tokencode"}
)
_POLICY_NAMES = frozenset({"assumerolepolicydocument", "policydocument", "policy"})


def redacted(value: Any) -> Any:
    """A copy of parsed parameters in which secrets are hidden, also those inside policy documents."""
    if isinstance(value, dict):
        hidden = {"Value"} if value.get("Type") == "SecureString" else set()  # a parameter of SSM
        return {name: HIDDEN if name in hidden else _member(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return value


def _member(name: str, value: Any) -> Any:
    lowered = name.lower()
    if lowered in _SECRET_NAMES:
        return HIDDEN
    if lowered in _POLICY_NAMES and isinstance(value, str):
        try:
            return json.dumps(redacted(json.loads(value)))
        except ValueError:
            return HIDDEN
    return redacted(value)
