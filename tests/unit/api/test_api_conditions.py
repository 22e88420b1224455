"""Conditions are set, found and removed without changing the list that was given."""

from datetime import UTC, datetime, timedelta

import pytest

from drs_operator.api.v1alpha1.conditions import Condition, find_condition, set_condition, without_condition
from drs_operator.api.v1alpha1.enums import ConditionStatus, ConditionType

BEFORE = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
NOW = BEFORE + timedelta(hours=1)
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


def condition(type: str, status: ConditionStatus = TRUE) -> Condition:
    return Condition(
        type=type, status=status, observed_generation=1, last_transition_time=BEFORE, reason="Old", message="old"
    )


@pytest.mark.parametrize(
    ("old", "new", "since", "because"),
    [
        (TRUE, TRUE, BEFORE, "the status did not change"),
        (FALSE, TRUE, NOW, "the status changed"),
        (UNKNOWN, FALSE, NOW, "unknown is a status, too"),
        (None, FALSE, NOW, "there was no such condition"),
    ],
)
def test_transition_time(old: ConditionStatus | None, new: ConditionStatus, since: datetime, because: str) -> None:
    given = [condition("Ready", old)] if old else []

    after = set_condition(given, ConditionType.READY, new, "New", "new", 2, NOW)

    wanted = Condition(
        type="Ready", status=new, observed_generation=2, last_transition_time=since, reason="New", message="new"
    )
    assert after == [wanted], because


def test_other_conditions_keep_their_places() -> None:
    given = [condition("Ready"), condition("Reachable"), condition("CapacityOK")]

    after = set_condition(given, "Reachable", FALSE, "RoleAssumptionFailed", "…", 2, NOW)

    assert [entry.type for entry in after] == ["Ready", "Reachable", "CapacityOK"]
    assert (after[0], after[2]) == (given[0], given[2])
    assert given[1] == condition("Reachable"), "the given list is unchanged"


def test_find_and_remove() -> None:
    given = [condition("Ready"), condition("Paused")]

    assert find_condition(given, "Paused") is given[1]
    assert find_condition(given, "Stalled") is None
    assert without_condition(given, "Paused") == [given[0]]
    assert without_condition(given, "Stalled") == given


def test_written_form() -> None:
    written = set_condition([], "Ready", FALSE, "TooFewServers", "m" * 5000, 3, NOW.replace(microsecond=999999))

    assert written[0].to_json() == {
        "type": "Ready",
        "status": "False",
        "observedGeneration": 3,
        "lastTransitionTime": "2026-01-31T13:00:00Z",
        "reason": "TooFewServers",
        "message": "m" * 1023 + "…",
    }
