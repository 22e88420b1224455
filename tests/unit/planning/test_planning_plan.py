"""Whether a RecoveryPlan would work now, and its status."""

from __future__ import annotations

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan
from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.recoveryplan import RecoveryPlanStatus
from drs_operator.api.v1alpha1.targetaccount import RegionQuotas
from drs_operator.planning import ids
from drs_operator.planning.claims import Owner
from drs_operator.planning.facts import Failure
from drs_operator.planning.plan import Surroundings, evaluate, waits_for
from tests import builders as b
from tests.unit.planning.tables import table


def _conditions(ready: str, reason: str = "Ready") -> list[dict[str, Any]]:
    return [
        {"type": "Ready", "status": ready, "reason": reason, "message": "…", "lastTransitionTime": b.NOW.isoformat()}
    ]


def _group(
    number: int,
    servers: int = 1,
    ready: str | None = "True",
    recoverable: bool = True,
    state: str = "CONTINUOUS",
    **spec: Any,
) -> ProtectionGroup:
    members = [
        {
            "serverId": b.server_id(1000 * number + n),
            "hostname": f"host-{number}-{n}",
            "recoverable": recoverable,
            "replicationState": state,
            "membership": "Member",
        }
        for n in range(1, servers + 1)
    ]
    status: dict[str, Any] = {"servers": members, "accountId": b.ACCOUNT, "sourceRegions": [b.ORIGIN]}
    if ready is not None:
        status["conditions"] = _conditions(ready, "Ready" if ready == "True" else "TooFewServers")
    return b.group(f"group-{number}", status=status, **spec)


def _evaluate(plan: RecoveryPlan, *groups: ProtectionGroup, seconds: float = 0, **seen: Any) -> RecoveryPlanStatus:
    by_name = {group.metadata.name: group for group in groups}
    surroundings = Surroundings(by_name, **{"version": 1, **seen})
    return evaluate(plan, b.INSTALLATION, surroundings, b.at(seconds))


def _text(status: RecoveryPlanStatus, type: str = "Ready") -> str:
    condition = find_condition(status.conditions, type)
    assert condition is not None, type
    return condition.message


def _said(status: RecoveryPlanStatus, type: str) -> tuple[str, str]:
    condition = find_condition(status.conditions, type)
    assert condition is not None, type
    return condition.status, condition.reason


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
            "no servers",
            [_group(1, servers=0, ready="False")],
            b.plan(),
            "Recoverable",
            ("Unknown", "TooFewServers"),
            "nothing was seen, so nothing is said",
        ),
        ("ledger", [_group(1)], b.plan(), "LedgerSynced", ("True", "Synced"), "name and row are there"),
        (
            "worst first",
            [_group(1, ready="Unknown"), _group(2, ready="False")],
            b.plan(b.wave_spec(1), b.wave_spec(2)),
            "GroupsReady",
            ("False", "TooFewServers"),
            "what is certain decides",
        ),
        (
            "missing is worst",
            [_group(1, ready="False")],
            b.plan(b.wave_spec(1), b.wave_spec(2)),
            "GroupsReady",
            ("False", "ProtectionGroupNotFound"),
            "what does not exist comes first",
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


def test_every_group_that_is_not_ready_is_named() -> None:
    groups = [_group(1), _group(2, ready="False"), _group(3, ready="Unknown")]
    plan = b.plan(*(b.wave_spec(number) for number in range(1, 6)))

    text = _text(_evaluate(plan, *groups), "GroupsReady")

    assert text == (
        "4 of 5 groups are not ready: wave 2: ProtectionGroup group-2: …; wave 3: ProtectionGroup group-3: …; "
        "wave 4: ProtectionGroup group-4 does not exist; create it or correct the wave; "
        "wave 5: ProtectionGroup group-5 does not exist; create it or correct the wave"
    )


def test_servers_that_a_suspended_group_only_shows_do_not_count() -> None:
    group = _group(1, 3, ready="False")
    shown = [server.model_copy(update={"membership": None}) for server in group.status.servers[:2]]
    status = group.status.model_copy(update={"servers": [*shown, group.status.servers[2]]})

    found = _evaluate(b.plan(), group.model_copy(update={"status": status}))

    assert (found.total_servers, found.waves[0].server_count) == (1, 1)


def test_a_message_about_fifty_groups_fits() -> None:
    plan = b.plan(*(b.wave_spec(n, protectionGroupRef={"name": f"g{n:02}-{'x' * 40}"}) for n in range(1, 51)))

    text = _text(_evaluate(plan), "GroupsReady")

    assert len(text) <= 1024
    assert text.startswith("50 of 50 groups are not ready: wave 1: ProtectionGroup g01-")
    assert text.endswith(" more"), "what does not fit is counted"


def test_all_findings_are_in_one_message() -> None:
    plan = b.plan(b.wave_spec(1, dependsOnWaves=[1, 7]), b.wave_spec(2, optionalServerIds=[b.server_id(1)]))

    status = _evaluate(plan, _group(1), _group(2))

    assert _said(status, "WavesValid") == ("False", "CircularDependency")
    text = _text(status, "WavesValid")
    assert [word for word in ("itself", "wave 7", "wave 2: optionalServerIds") if word not in text] == []


QUOTAS = {b.PLACE: RegionQuotas(jobs_in_progress=1, servers_in_all_jobs=500)}


def test_what_would_queue_is_a_warning() -> None:
    plan = b.plan(b.wave_spec(1, launchOrder=1), b.wave_spec(2, launchOrder=1))

    status = _evaluate(plan, _group(1), _group(2), quotas=QUOTAS)

    assert _said(status, "WavesValid") == ("True", "ConcurrentJobsLimitExceeded")
    assert "part of wave 2 queues" in _text(status, "WavesValid")
    assert _said(status, "Ready") == ("True", "Ready")


def test_waves_that_are_wrong_are_not_weighed() -> None:
    plan = b.plan(b.wave_spec(1, launchOrder=1), b.wave_spec(2, launchOrder=1, dependsOnWaves=[1]))

    status = _evaluate(plan, _group(1), _group(2), quotas=QUOTAS)

    assert _said(status, "WavesValid") == ("False", "CircularDependency")


def test_a_stalled_server_with_a_point_is_recoverable_with_a_warning() -> None:
    status = _evaluate(b.plan(), _group(1, 2, state="STALLED"))

    assert _said(status, "Recoverable") == ("True", "Recoverable")
    assert "newest recovery point only: host-1-1, host-1-2" in _text(status, "Recoverable")


HOLDER = Owner("plan-x", b.INSTALLATION, b.NAMESPACE, "elder", "Production")


def test_a_name_that_another_plan_has() -> None:
    status = _evaluate(b.plan(displayName="production"), _group(1), name_holder=HOLDER, version=None)

    assert _said(status, "WavesValid") == ("False", "RpNameExists")
    assert _said(status, "Ready") == ("False", "RpNameExists")
    assert "plan dr/elder already has the name 'production'" in _text(status)


@pytest.mark.parametrize("code", ["DYNAMODB_ERROR", "LEDGER_UNREACHABLE"])
def test_a_ledger_that_fails(code: str) -> None:
    before = _evaluate(b.plan(), _group(1), version=4)
    status = _evaluate(b.plan(status=before.to_json()), _group(1), ledger=Failure(code, "it said no"), version=None)

    want = {"DYNAMODB_ERROR": "DynamodbError", "LEDGER_UNREACHABLE": "LedgerUnreachable"}[code]
    assert _said(status, "LedgerSynced") == ("False", want)
    assert _text(status) == "it said no"
    assert status.version == 4, "the last version that was written stands"


def test_steady_state_writes_nothing() -> None:
    groups = [_group(1, 2), _group(2, ready="False")]
    plan = b.plan(b.wave_spec(1), b.wave_spec(2))
    first = _evaluate(plan, *groups)

    again = plan.model_copy(update={"status": first})

    assert _evaluate(again, *groups, seconds=3600) == first


def test_the_version_is_that_of_the_row() -> None:
    before = _evaluate(b.plan(), _group(1), version=7)

    assert before.version == 7
    assert _evaluate(b.plan(status=before.to_json()), _group(1), version=8).version == 8


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


@pytest.mark.parametrize(
    ("deleted", "executions", "want", "because"),
    table(
        ("not deleted", False, [_run("a", phase="Running")], None, "nobody wants it gone"),
        ("free", True, [_ended("a", 10)], None, "no run is left"),
        ("not begun", True, [_run("a")], None, "a run that was not looked at holds nothing"),
        ("in use", True, [_run("b", phase="Paused"), _run("a", phase="Running")], "a, b", "all that use it are named"),
    ),
)
def test_a_deletion_waits_for_runs(
    deleted: bool, executions: list[DRExecution], want: str | None, because: str
) -> None:
    meta = {"deletionTimestamp": b.NOW.isoformat(), "finalizers": ["drs-operator.io/operator"]} if deleted else {}
    plan = b.plan(meta=meta)

    text = waits_for(plan, executions)

    assert (text is None) == (want is None), because
    ready = _evaluate(plan, _group(1), executions=executions)
    assert _said(ready, "Ready") == ("True", "Ready"), "it stays usable"
    if want is not None:
        assert f"execution {want}:" in _text(ready), because
