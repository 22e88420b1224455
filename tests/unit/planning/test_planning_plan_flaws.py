"""What is wrong with the waves of a plan: all of it at once."""

from __future__ import annotations

import pytest

from drs_operator.api.v1alpha1 import RecoveryPlan
from drs_operator.planning.flaws import launched_by, wave_findings
from tests import builders as b
from tests.unit.planning.tables import table

MEMBERS = {"group-1": ["s-1", "s-2"], "group-2": ["s-3"], "group-3": ["s-4"]}


@pytest.mark.parametrize(
    ("plan", "want", "because"),
    table(
        ("good", b.plan(b.wave_spec(1), b.wave_spec(2)), [], "nothing is wrong"),
        ("no waves", b.plan().model_copy(update={"spec": b.plan().spec.model_copy(update={"waves": []})}),
         [("PLAN_HAS_NO_WAVES", None)], "an older object may have none"),
        ("group twice", b.plan(b.wave_spec(1), b.wave_spec(2, protectionGroupRef={"name": "group-1"})),
         [("INVALID_WAVE_DATA", 2), ("SERVER_CONFLICT", 2)], "a group may be in one wave only, and so may its servers"),
        ("unknown group", b.plan(b.wave_spec(9)), [("PROTECTION_GROUP_NOT_FOUND", 9)], "the reference leads nowhere"),
        ("itself", b.plan(b.wave_spec(1, dependsOnWaves=[1])), [("CIRCULAR_DEPENDENCY", 1)], "waits for itself"),
        ("missing dependency", b.plan(b.wave_spec(1, dependsOnWaves=[7])), [("INVALID_WAVE_DATA", 1)], "no such wave"),
        ("later dependency", b.plan(b.wave_spec(1, dependsOnWaves=[2]), b.wave_spec(2)),
         [("CIRCULAR_DEPENDENCY", 1)], "not a lower launchOrder"),
        ("same order", b.plan(b.wave_spec(1, launchOrder=5), b.wave_spec(2, launchOrder=5, dependsOnWaves=[1])),
         [("CIRCULAR_DEPENDENCY", 2)], "an equal launchOrder is not lower"),
        ("order against number", b.plan(b.wave_spec(1, launchOrder=9, dependsOnWaves=[2]), b.wave_spec(2)), [],
         "launchOrder counts, not the number"),
        ("stranger", b.plan(b.wave_spec(1, optionalServerIds=["s-2", "s-9"])), [("INVALID_WAVE_DATA", 1)],
         "an optional server that is not in the group"),
        ("all at once", b.plan(b.wave_spec(1, dependsOnWaves=[1, 7]), b.wave_spec(9)),
         [("CIRCULAR_DEPENDENCY", 1), ("INVALID_WAVE_DATA", 1), ("PROTECTION_GROUP_NOT_FOUND", 9)], "all findings"),
    ),
)  # fmt: skip
def test_wave_findings(plan: RecoveryPlan, want: list[tuple[str, int | None]], because: str) -> None:
    found = wave_findings(plan, MEMBERS)

    assert [(finding.code, finding.wave_number) for finding in found] == want, because


@pytest.mark.parametrize(
    ("servers", "split", "want", "because"),
    table(
        ("a hundred", 100, False, [], "what one job takes"),
        ("a hundred and one", 101, False, ["WAVE_SIZE_EXCEEDED"], "a drill does not split by itself"),
        ("split", 101, True, [], "unless it is told to"),
        ("a thousand", 1000, True, [], "the most that a plan takes"),
        ("more", 1001, True, ["PLAN_TOO_LARGE"], "too many for one plan"),
    ),
)
def test_sizes(servers: int, split: bool, want: list[str], because: str) -> None:
    plan = b.plan(splitOversizedWaves=split)

    found = wave_findings(plan, {"group-1": [f"s-{n}" for n in range(servers)]})

    assert [finding.code for finding in found] == want, because


def test_a_server_in_two_groups_of_a_plan_is_found_and_belongs_to_the_first_wave() -> None:
    """A second launch in the same run would destroy the instance of the first."""
    plan = b.plan(b.wave_spec(1, launchOrder=2), b.wave_spec(2, launchOrder=1), b.wave_spec(3))
    members = {"group-1": ["s-1", "s-2"], "group-2": ["s-2", "s-3"], "group-3": ["s-3"]}

    found = wave_findings(plan, members)

    assert [(finding.code, finding.wave_number) for finding in found] == [
        ("SERVER_CONFLICT", 1),
        ("SERVER_CONFLICT", 3),
    ]
    assert "shares servers with wave 2: s-2" in found[0].message
    assert launched_by(plan, members) == {"s-1": 1, "s-2": 2, "s-3": 2}


@pytest.mark.parametrize(
    ("plan", "says", "because"),
    table(
        ("itself", b.plan(b.wave_spec(1, dependsOnWaves=[1])), ["itself", "dependsOnWaves"], "where to take it out"),
        (
            "later",
            b.plan(b.wave_spec(1, dependsOnWaves=[2]), b.wave_spec(2)),
            ["wave 2", "lower launchOrder"],
            "what to change",
        ),
        ("missing", b.plan(b.wave_spec(1, dependsOnWaves=[7])), ["wave 7", "does not exist"], "which one"),
        ("unknown group", b.plan(b.wave_spec(9)), ["group-9", "create it"], "which one, and the next step"),
        (
            "strangers",
            b.plan(b.wave_spec(2, optionalServerIds=[b.server_id(n) for n in range(1, 8)])),
            ["group-2", b.server_id(1), b.server_id(5), "2 more"],
            "the first five of seven",
        ),
    ),
)
def test_findings_name_the_object_and_the_next_step(plan: RecoveryPlan, says: list[str], because: str) -> None:
    (found,) = wave_findings(plan, MEMBERS)

    assert [word for word in says if word not in found.message] == [], because


def test_a_wave_that_is_too_large_says_both_ways_out() -> None:
    (found,) = wave_findings(b.plan(), {"group-1": [f"s-{n}" for n in range(150)]})

    assert "group group-1 has 150 servers, a drill takes at most 100" in found.message
    assert "splitOversizedWaves: true, or split the group" in found.message


def test_of_a_group_whose_servers_are_not_known_yet_nothing_is_said() -> None:
    plan = b.plan(b.wave_spec(1, optionalServerIds=["s-1"]))

    assert wave_findings(plan, {"group-1": None}) == []
    assert launched_by(plan, {"group-1": None}) == {}
