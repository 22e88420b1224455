"""Which fault acts on a call or a phase, and how often."""

from __future__ import annotations

from typing import Any

import pytest

from drs_sandbox.aws.faults import FaultBook
from drs_sandbox.aws.wire import Operation
from drs_sandbox.world import Fault

ONE, TWO = "123456789012", "210987654321"
SERVER, OTHER = "s-1234567890abcdef0", "s-1234567890abcdef1"
STARTS = {"sourceServers": [{"sourceServerID": SERVER}]}


def _fault(**fields: Any) -> Fault:
    return Fault.model_validate({"operation": "StartRecovery", "effect": "hang", **fields})


def _call(
    book: FaultBook,
    operation: str = "StartRecovery",
    parameters: dict[str, Any] | None = None,
    account: str = ONE,
    region: str = "us-east-1",
    service: str = "drs",
    continued: bool = False,
) -> Fault | None:
    asked = Operation(service, operation, "rest-json", STARTS if parameters is None else parameters)
    return book.call_fault(asked, account, region, continued)


@pytest.mark.parametrize(
    ("fault", "call", "acts", "because"),
    [
        ({}, {}, True, "the operation is enough"),
        ({}, {"operation": "DescribeJobs"}, False, "another operation"),
        ({"service": "drs"}, {}, True, "its service"),
        ({"operation": "TagResource", "service": "sns"}, {"operation": "TagResource"}, False, "the same name in drs"),
        ({"account": ONE}, {}, True, "its account"),
        ({"account": TWO}, {}, False, "another account"),
        ({"region": "us-east-1"}, {}, True, "its Region"),
        ({"region": "us-west-2"}, {}, False, "another Region"),
        ({"serverId": SERVER}, {}, True, "the server is in a list of mappings"),
        ({"serverId": OTHER}, {}, False, "another server"),
        (
            {"operation": "TagResource", "serverId": SERVER},
            {
                "operation": "TagResource",
                "parameters": {"resourceArn": f"arn:aws:drs:us-east-1:{ONE}:source-server/{SERVER}"},
            },
            True,
            "an ARN names the server too",
        ),
        ({"serverId": SERVER}, {"parameters": {"tags": {"x": f"{SERVER}-old"}}}, False, "part of a longer word"),
    ],
)
def test_what_a_fault_matches(fault: dict[str, Any], call: dict[str, Any], acts: bool, because: str) -> None:
    book = FaultBook([_fault(**fault)])
    assert (_call(book, **call) is not None) is acts, because


def test_the_first_that_matches_acts_until_its_times_are_over() -> None:
    first, second = _fault(times=2), _fault(effect="error", code="ThrottlingException", times=1)
    book = FaultBook([first, second])
    assert [_call(book) for _ in range(4)] == [first, first, second, None]


def test_a_call_that_does_not_match_uses_nothing_up() -> None:
    book = FaultBook([_fault(account=TWO, times=1)])
    assert _call(book) is None
    assert _call(book, account=TWO) is not None


def test_faults_added_later_come_after_those_of_the_world() -> None:
    world, injected = _fault(times=1), _fault(effect="lostAnswer")
    book = FaultBook([world])
    book.add([injected])
    assert [_call(book), _call(book)] == [world, injected]


def test_clear_ends_them_all() -> None:
    book = FaultBook([_fault(), _fault()])
    assert book.clear() == 2
    assert _call(book) is None


def test_a_call_that_brings_an_empty_pages_token_gets_no_other_empty_page() -> None:
    page, after = _fault(operation="DescribeJobs", effect="emptyPage"), _fault(operation="DescribeJobs", times=1)
    book = FaultBook([page, after])
    assert _call(book, "DescribeJobs", {}) == page
    assert _call(book, "DescribeJobs", {}, continued=True) == after
    assert _call(book, "DescribeJobs", {}, continued=True) is None


@pytest.mark.parametrize(
    ("fault", "phase", "server", "acts"),
    [
        ({"phase": "LAUNCH"}, "LAUNCH", SERVER, True),
        ({"phase": "LAUNCH"}, "CONVERSION", SERVER, False),
        ({"phase": "LAUNCH", "serverId": SERVER}, "LAUNCH", SERVER, True),
        ({"phase": "LAUNCH", "serverId": SERVER}, "LAUNCH", OTHER, False),
        ({"phase": "LAUNCH", "account": TWO}, "LAUNCH", SERVER, False),
    ],
)
def test_phases(fault: dict[str, Any], phase: Any, server: str, acts: bool) -> None:
    book = FaultBook([Fault.model_validate({"effect": "stuck", "times": 1, **fault})])
    assert (book.phase_fault(phase, ONE, "us-east-1", server) is not None) is acts
    assert book.phase_fault(phase, ONE, "us-east-1", server) is None, "used up, or never matched"


def test_faults_of_phases_do_not_act_on_calls_and_the_other_way_round() -> None:
    book = FaultBook([Fault.model_validate({"phase": "LAUNCH", "effect": "stuck"}), _fault(times=1)])
    assert _call(book) is not None
    assert book.phase_fault("LAUNCH", ONE, "us-east-1", SERVER) is not None
