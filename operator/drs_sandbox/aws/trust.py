"""Whether the trust policy of an IAM role lets a caller assume it.

What of the policy language is not known here (other condition operators and keys, NotPrincipal) never allows anything,
so that a policy is taken for stricter than it is, not for laxer.
"""

from __future__ import annotations

import fnmatch
import json
from typing import Any

from drs_sandbox.aws.sessions import Caller

_ACTIONS = ("sts:assumerole", "sts:*", "*")


def trust_policy(hub_account: str, external_id: str | None) -> str:
    """The trust policy of a role that trusts the hub account, with an external id or without."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{hub_account}:root"},
        "Action": "sts:AssumeRole",
    }
    if external_id is not None:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def may_assume(policy: str, caller: Caller, external_id: str | None) -> bool:
    """Whether the policy document (JSON) allows sts:AssumeRole to the caller with that external id."""
    statements = _many(json.loads(policy).get("Statement"))
    fitting = [statement for statement in statements if _fits(statement, caller, external_id)]
    return bool(fitting) and all(statement.get("Effect") == "Allow" for statement in fitting)


def _fits(statement: dict[str, Any], caller: Caller, external_id: str | None) -> bool:
    if not any(str(action).lower() in _ACTIONS for action in _many(statement.get("Action"))):
        return False
    principal = statement.get("Principal")
    names = ["*"] if principal == "*" else _many(principal.get("AWS")) if isinstance(principal, dict) else []
    if not any(_is(str(name), caller) for name in names):
        return False
    return all(
        _condition_holds(operator, key, [str(value) for value in _many(wanted)], external_id)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def _is(name: str, caller: Caller) -> bool:
    return name in ("*", caller.account, f"arn:aws:iam::{caller.account}:root", caller.arn, caller.role_arn)


def _condition_holds(operator: str, key: str, wanted: list[str], external_id: str | None) -> bool:
    if key.lower() != "sts:externalid" or external_id is None:
        return False
    if operator == "StringEquals":
        return external_id in wanted
    if operator == "StringLike":
        return any(fnmatch.fnmatchcase(external_id, pattern) for pattern in wanted)
    return False


def _many(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
