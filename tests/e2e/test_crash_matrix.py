"""The crash matrix, sampled: `make crash-matrix` is the whole of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash_matrix.breaks import BREAKS, copied
from tests.crash_matrix.faults import fault_trial
from tests.crash_matrix.points import Point
from tests.crash_matrix.runner import point_trial
from tests.crash_matrix.stage import Stage

FIRST_LAUNCH = "drs StartRecovery us-east-1 s-0db0000000001 s-0db0000000002"
RUN_ROW = "dynamodb PutItem execution-history exec-ID RUN"
POINTS = (
    Point("dynamodb PutItem ledger PLAN#plan-ID", 1, "after"),
    Point(f"{RUN_ROW} CALLING", 1, "after"),
    Point(FIRST_LAUNCH, 1, "after"),
    Point("dynamodb DeleteItem ledger PLAN#plan-ID", 1, "after"),
)
"""The plan is locked but not recorded, an intent has no call, a launch has no record, an end is half done."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A sandbox with a world for each test."""
    with Stage(tmp_path_factory.mktemp("matrix") / "stage", capacity=len(POINTS) + 2) as running:
        yield running


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.label)
def test_killed_there_the_drill_ends_as_if_nothing_had_happened(stage: Stage, point: Point) -> None:
    result = point_trial(point)(stage)
    assert result is not None
    assert (result.reached, result.starts, result.violations) == (True, 2, [])


def test_a_request_that_reaches_aws_too_late_launches_nothing(stage: Stage) -> None:
    result = fault_trial("late request")(stage)
    assert result is not None
    assert (result.reached, result.violations) == (True, [])


def test_the_matrix_sees_an_intent_that_is_written_after_the_call(stage: Stage, tmp_path: Path) -> None:
    result = point_trial(Point(FIRST_LAUNCH, 1, "after"), copied(tmp_path, "intent-after-call"))(stage)
    assert result is not None
    assert any("was launched 2 times" in violation for violation in result.violations), result


@pytest.mark.parametrize("name", BREAKS)
def test_each_break_still_finds_the_code_that_it_breaks(tmp_path: Path, name: str) -> None:
    assert copied(tmp_path, name).exists()
