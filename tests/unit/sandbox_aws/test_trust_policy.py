"""Whom a role's trust policy lets in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drs_sandbox.aws.sessions import Caller
from drs_sandbox.aws.trust import may_assume, trust_policy

HUB = "111111111111"
USER = Caller("AKIAEXAMPLE", "", HUB, f"arn:aws:iam::{HUB}:user/drs-operator", "AIDA")
SESSION = Caller(
    "ASIAEXAMPLE", "", HUB, f"arn:aws:sts::{HUB}:assumed-role/Hub/x", "AROA:x", f"arn:aws:iam::{HUB}:role/Hub"
)


def _policy(*statements: dict[str, Any]) -> str:
    allow = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{HUB}:root"}, "Action": "sts:AssumeRole"}
    return json.dumps({"Statement": [{**allow, **statement} for statement in statements]})


@pytest.mark.parametrize(
    ("external_id", "given", "allowed"),
    [("right-id", "right-id", True), ("right-id", "wrong", False), ("right-id", None, False), (None, None, True)],
)
def test_the_world_files_roles_trust_the_hub_with_their_external_id(
    external_id: str | None, given: str | None, allowed: bool
) -> None:
    policy = trust_policy(HUB, external_id)
    assert may_assume(policy, USER, given) is allowed
    stranger = Caller("AKIA", "", "999999999999", "arn:aws:iam::999999999999:user/x", "AIDA")
    assert may_assume(policy, stranger, given) is False


@pytest.mark.parametrize(
    ("statements", "caller", "given", "allowed", "because"),
    [
        ([{"Principal": {"AWS": HUB}}], USER, None, True, "an account id is its root"),
        ([{"Principal": {"AWS": ["999999999999", USER.arn]}}], USER, None, True, "one of a list"),
        ([{"Principal": "*"}], USER, None, True, "everybody"),
        ([{"Principal": {"AWS": SESSION.role_arn}}], SESSION, None, True, "a session is its role"),
        ([{"Principal": {"AWS": SESSION.arn}}], SESSION, None, True, "or itself"),
        ([{"Principal": {"Service": "ec2.amazonaws.com"}}], USER, None, False, "a service"),
        ([{"Action": ["sts:TagSession", "sts:AssumeRole"]}], USER, None, True, "one of several actions"),
        ([{"Action": "sts:AssumeRoleWithSAML"}], USER, None, False, "another action"),
        ([{}, {"Effect": "Deny"}], USER, None, False, "a denial wins"),
        ([{"Effect": "Deny", "Principal": {"AWS": "999999999999"}}, {}], USER, None, True, "a denial of others"),
        ([], USER, None, False, "nothing allows it"),
        (
            [{"Condition": {"StringEquals": {"sts:externalid": ["a", "b"]}}}],
            USER,
            "b",
            True,
            "one of several, condition keys have no case",
        ),
        ([{"Condition": {"StringLike": {"sts:ExternalId": "team-*"}}}], USER, "team-7", True, "a pattern"),
        ([{"Condition": {"StringLike": {"sts:ExternalId": "team-*"}}}], USER, "Team-7", False, "values have case"),
        ([{"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}], USER, None, False, "unknown: stricter"),
    ],
)
def test_statements(
    statements: list[dict[str, Any]], caller: Caller, given: str | None, allowed: bool, because: str
) -> None:
    assert may_assume(_policy(*statements), caller, given) is allowed, because
