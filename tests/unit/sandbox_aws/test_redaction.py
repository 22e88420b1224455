"""What the call log hides and what it shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drs_sandbox.aws.redaction import HIDDEN, redacted


@pytest.mark.parametrize(
    ("given", "shown", "because"),
    [
        ({"ExternalId": "x"}, {"ExternalId": HIDDEN}, "AssumeRole"),
        ({"a": [{"SecretAccessKey": "x"}]}, {"a": [{"SecretAccessKey": HIDDEN}]}, "however deep"),
        ({"sessionToken": "x"}, {"sessionToken": HIDDEN}, "in any case of letters"),
        ({"Password": "x", "UserName": "u"}, {"Password": HIDDEN, "UserName": "u"}, "CreateLoginProfile"),
        ({"Type": "SecureString", "Value": "x"}, {"Type": "SecureString", "Value": HIDDEN}, "PutParameter"),
        ({"Type": "String", "Value": "x"}, {"Type": "String", "Value": "x"}, "plain parameters are shown"),
        ({"nextToken": "x", "ClientToken": "y"}, {"nextToken": "x", "ClientToken": "y"}, "tokens that open nothing"),
        ({"tags": {"Password": "x"}}, {"tags": {"Password": HIDDEN}}, "a tag of that name is suspect as well"),
        ({"PolicyDocument": "not json"}, {"PolicyDocument": HIDDEN}, "what cannot be looked through is hidden whole"),
        ([1, None, True, "x"], [1, None, True, "x"], "other values are as they were"),
    ],
)
def test_redacted(given: Any, shown: Any, because: str) -> None:
    assert redacted(given) == shown, because


def test_external_ids_inside_policy_documents_are_hidden_and_the_rest_is_shown() -> None:
    condition = {"StringEquals": {"sts:ExternalId": ["one", "two"]}}
    policy = json.dumps({"Statement": [{"Effect": "Allow", "Condition": condition}]})
    shown = json.loads(redacted({"AssumeRolePolicyDocument": policy})["AssumeRolePolicyDocument"])
    assert shown == {"Statement": [{"Effect": "Allow", "Condition": {"StringEquals": {"sts:ExternalId": HIDDEN}}}]}


def test_the_original_is_left_alone() -> None:
    original = {"ExternalId": "x", "deep": [{"ExternalId": "y"}]}
    redacted(original)
    assert original == {"ExternalId": "x", "deep": [{"ExternalId": "y"}]}
