"""Codes and their form as reasons."""

import re

import pytest

from drs_operator.api.v1alpha1.codes import Code, reason


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (Code.IP_IN_USE, "IpInUse"),
        (Code.DRS_ERROR, "DrsError"),
        (Code.DYNAMODB_ERROR, "DynamodbError"),
        (Code.SERVER_CONFLICT, "ServerConflict"),
        (Code.SUPERSEDED, "Superseded"),
    ],
)
def test_reason(code: Code, wanted: str) -> None:
    assert reason(code) == wanted


@pytest.mark.parametrize("code", list(Code))
def test_every_reason_is_one_that_conditions_allow(code: Code) -> None:
    assert code.name == code.value
    assert re.fullmatch(r"[A-Z][a-z]+([A-Z][a-z]*)*", reason(code))


def test_no_two_codes_share_a_reason() -> None:
    assert len({reason(code) for code in Code}) == len(Code)
