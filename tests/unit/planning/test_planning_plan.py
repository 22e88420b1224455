"""Whether a RecoveryPlan would work now."""

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan
from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.recoveryplan import RecoveryPlanStatus
from drs_operator.planning import ids
from drs_operator.planning.plan import evaluate, launched_by, wave_findings
from tests import builders as b
from tests.unit.planning.tables import table

MEMBERS = {"group-1": ["s-1", "s-2"], "group-2": ["s-3"], "group-3": ["s-4"]}


def _conditions(ready: str, reason: str = "Ready") -> list[dict[str, Any]]:
    return [
        {"type": "Ready", "status": ready, "reason": reason, "message": "…", "lastTransitionTime": b.NOW.isoformat()}
    ]


def _group(
    number: int, servers: int = 1, ready: str | None = "True", recoverable: bool = True, **spec: Any
) -> ProtectionGroup:
    members = [
        {"serverId": b.server_id(1000 * number + n), "hostname": f"host-{number}-{n}", "recoverable": recoverable}
        for n in range(1, servers + 1)
    ]
    status: dict[str, Any] = {"servers": members, "accountId": b.ACCOUNT, "sourceRegions": [b.ORIGIN]}
    if ready is not None:
        status["conditions"] = _conditions(ready, "Ready" if ready == "True" else "TooFewServers")
    return b.group(f"group-{number}", status=status, **spec)


def _evaluate(
    plan: RecoveryPlan, *groups: ProtectionGroup, executions: list[DRExecution] | None = None, seconds: float = 0
) -> RecoveryPlanStatus:
    by_name = {group.metadata.name: group for group in groups}
    return evaluate(plan, b.INSTALLATION, by_name, executions or [], b.at(seconds))


def _said(status: RecoveryPlanStatus, type: str) -> tuple[str, str]:
    condition = find_condition(status.conditions, type)
    assert condition is not None, type
    return condition.status, condition.reason


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
    ("groups", "plan", "type", "want", "because"),
    table(
        ("ready", [_group(1)], b.plan(), "Ready", ("True", "Ready"), "everything is met"),
        ("missing", [], b.plan(), "GroupsReady", ("False", "ProtectionGroupNotFound"), "the group does not exist"),
        ("missing is no flaw of the waves", [], b.plan(), "WavesValid", ("True", "WavesValid"), "said once"),
        ("not ready", [_group(1, ready="False")], b.plan(), "Ready", ("False", "TooFewServers"), "as its group says"),
        ("cannot be told", [_group(1, ready="Unknown")], b.plan(), "Ready", ("Unknown", "TooFewServers"), "not False"),
        ("never looked at", [_group(1, ready=None)], b.plan(), "Ready", ("Unknown", "Pending"), "not evaluated yet"),
        (
            "someone else's",
            [_group(1), _group(7, ready="False")],
            b.plan(),
            "Ready",
            ("True", "Ready"),
            "not used here",
        ),
        (
            "waves",
            [_group(1)],
            b.plan(b.wave_spec(1, dependsOnWaves=[4])),
            "Ready",
            ("False", "InvalidWaveData"),
            "the waves' own flaws",
        ),
        (
            "not recoverable",
            [_group(1, recoverable=False)],
            b.plan(),
            "Ready",
            ("False", "NoRecoveryPoint"),
            "a server that cannot be launched",
        ),
        (
            "groups before waves",
            [_group(1, ready="False")],
            b.plan(b.wave_spec(1, dependsOnWaves=[4])),
            "Ready",
            ("False", "TooFewServers"),
            "Ready copies the first that is not met",
        ),
    ),
)
def test_conditions(
    groups: list[ProtectionGroup], plan: RecoveryPlan, type: str, want: tuple[str, str], because: str
) -> None:
    assert _said(_evaluate(plan, *groups), type) == want, because


def test_status() -> None:
    plan = b.plan(b.wave_spec(1), b.wave_spec(2), b.wave_spec(3))
    groups = [_group(1, 2, displayName="Databases"), _group(2, 3, region="us-west-2")]

    status = _evaluate(plan, *groups)

    assert status.plan_id == ids.plan_id(b.INSTALLATION, b.NAMESPACE, "production")
    assert (status.version, status.observed_generation) == (1, 1)
    assert (status.total_waves, status.total_servers) == (3, 5)
    assert (status.source_region_summary, status.target_region_summary) == ("eu-west-1", "us-east-1,us-west-2")
    assert [(w.wave_number, w.protection_group_name, w.server_count, w.region) for w in status.waves] == [
        (1, "Databases", 2, "us-east-1"),
        (2, "group-2", 3, "us-west-2"),
        (3, "group-3", None, None),
    ]


def test_steady_state_writes_nothing_and_an_edit_is_a_version() -> None:
    groups = [_group(1, 2), _group(2, ready="False")]
    plan = b.plan(b.wave_spec(1), b.wave_spec(2))
    first = _evaluate(plan, *groups)

    again = plan.model_copy(update={"status": first})
    edited = b.plan(b.wave_spec(1), meta={"generation": 2}, status=first.to_json())

    assert _evaluate(again, *groups, seconds=3600) == first
    assert _evaluate(edited, *groups).version == 2


def _run(name: str, **status: Any) -> DRExecution:
    return b.execution(name, status=status)


def _ended(name: str, minutes: float, phase: str = "Completed") -> DRExecution:
    times = {"startTime": b.NOW.isoformat(), "finishTime": b.at(minutes=minutes).isoformat()}
    return _run(name, phase=phase, durations={"totalSeconds": int(60 * minutes)}, **times)


def test_executions_of_the_plan() -> None:
    executions = [
        _run("waiting"),
        _run("b", phase="Running", executionId="exec-b"),
        _run("a", phase="Paused"),
        _ended("old", 10),
        _ended("new", 30, "Failed"),
        _run("refused", phase="Failed", finishTime=b.at(minutes=90).isoformat()),
    ]

    status = _evaluate(b.plan(), _group(1), executions=executions)

    assert [(e.name, e.phase) for e in status.active_executions] == [("a", "Paused"), ("b", "Running")]
    assert status.last_execution is not None
    last = status.last_execution
    assert (last.name, last.phase, last.duration_seconds) == ("new", "Failed", 1800), "one that never ran is none"


@pytest.mark.parametrize(
    ("left", "want", "because"),
    table(
        ("none", [], "new", "the objects are gone, the plan remembers"),
        ("older", [_ended("old", 10)], "new", "an older object does not push a newer run aside"),
        ("newer", [_ended("newest", 60)], "newest", "a newer run does"),
    ),
)
def test_the_last_execution_outlives_its_object(left: list[DRExecution], want: str, because: str) -> None:
    before = _evaluate(b.plan(), _group(1), executions=[_ended("new", 30)])
    plan = b.plan(status=before.to_json())

    last = _evaluate(plan, _group(1), executions=left).last_execution

    assert last is not None
    assert last.name == want, because
