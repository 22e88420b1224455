"""How a run begins: its id, what it asks for, until when it may start, and what is pinned."""

from datetime import datetime
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan
from drs_operator.planning import ids, pinning, start
from drs_operator.planning.facts import Place
from drs_operator.planning.run import Run, RunWave
from tests import builders as b
from tests.unit.planning.grounds import ground, listed
from tests.unit.planning.tables import table

RECOVERY: dict[str, Any] = {"executionType": "RECOVERY"}
TIME = "2026-01-31T11:00:00Z"


def _pinned(execution: DRExecution, plan: RecoveryPlan, *groups: ProtectionGroup, **changes: Any) -> Run:
    run = start.claimed(execution, b.INSTALLATION, b.NOW)
    return pinning.pinned(run, execution, ground(plan, *groups, **changes), b.NOW)


def _servers(wave: RunWave) -> list[str]:
    return [server.server_id for server in wave.servers]


# --- claim ----------------------------------------------------------------------------------------------------------


def test_a_claim_says_who_asks_for_what() -> None:
    execution = b.execution(meta={"annotations": {"drs-operator.io/requested-by": "jane@example.com"}})

    run = start.claimed(execution, b.INSTALLATION, b.NOW)

    assert (run.state, run.verdict, run.waves, run.start_time) == ("Claimed", None, (), None)
    assert run.run_id == "dr/drill-1"
    assert run.execution_id == ids.execution_id(b.INSTALLATION, "dr/drill-1")
    assert run.plan_id == ids.plan_id(b.INSTALLATION, "dr", "production")
    assert (run.namespace, run.name, run.uid) == ("dr", "drill-1", "uid-drill-1")
    assert run.requested_by == "jane@example.com"
    assert run.claimed_time == b.NOW


def test_the_run_id_outlives_the_object() -> None:
    first = start.claimed(b.execution(), b.INSTALLATION, b.NOW)
    again = start.claimed(b.execution(meta={"uid": "another", "generation": 7}), b.INSTALLATION, b.at(hours=9))
    named = start.claimed(b.execution("other", runId="2026-q1"), b.INSTALLATION, b.NOW)

    assert (again.execution_id, again.digest) == (first.execution_id, first.digest)
    assert (named.run_id, named.execution_id) == ("2026-q1", ids.execution_id(b.INSTALLATION, "2026-q1"))


@pytest.mark.parametrize(
    ("spec", "want", "because"),
    table(
        ("drill", {}, ("Latest", None, "Reissue"), "a drill takes a snapshot now and may ask again"),
        ("recovery", RECOVERY, ("Latest", None, "Hold"), "a recovery never launches again by itself"),
        ("drill that holds", {"ambiguousLaunchPolicy": "Hold"}, ("Latest", None, "Hold"), "as asked"),
        (
            "recovery that reissues",
            {**RECOVERY, "ambiguousLaunchPolicy": "Reissue"},
            ("Latest", None, "Reissue"),
            "as asked",
        ),
        (
            "point in time",
            {**RECOVERY, "recoveryPoint": {"policy": "At", "time": TIME}},
            ("At", datetime.fromisoformat(TIME), "Hold"),
            "the time goes with the policy",
        ),
    ),
)
def test_policies(spec: dict[str, Any], want: tuple[str, datetime | None, str], because: str) -> None:
    run = start.claimed(b.execution(**spec), b.INSTALLATION, b.NOW)

    assert (run.recovery_point_policy, run.recovery_point_time, run.ambiguous_launch_policy) == want, because
    assert run.is_drill is (spec.get("executionType") != "RECOVERY"), "isDrill is what was asked for"


@pytest.mark.parametrize(
    ("spec", "same", "because"),
    table(
        ("nothing", {}, True, "the same request"),
        ("reason", {"reason": "because"}, True, "why is not what"),
        ("who", {"initiatedBy": "bob", "invocationSource": "CLI"}, True, "who is not what"),
        ("run id", {"runId": "x"}, True, "the run id is what the digest is compared under"),
        ("spelled out default", {"pausePolicy": "Honor", "liveRecoveryInstances": "Refuse"}, True, "the same request"),
        ("plan", {"recoveryPlanRef": {"name": "other"}}, False, "another plan"),
        ("type", RECOVERY, False, "a drill is no recovery"),
        ("point", {"recoveryPoint": {"policy": "ExistingLatest"}}, False, "another recovery point"),
        ("live instances", {"liveRecoveryInstances": "Replace"}, False, "what it may destroy"),
        ("ambiguous", {"ambiguousLaunchPolicy": "Hold"}, False, "what it may launch again"),
        ("pauses", {"pausePolicy": "Skip"}, False, "whether it stops"),
        ("scope", {"scope": {"waves": [1]}}, False, "what it covers"),
        ("dry run", {"dryRun": True}, False, "whether it launches"),
    ),
)
def test_digest(spec: dict[str, Any], same: bool, because: str) -> None:
    assert (start.digest(b.execution(**spec)) == start.digest(b.execution())) is same, because


def test_a_drill_is_no_recovery_whatever_else_they_ask_for() -> None:
    same: dict[str, Any] = {"reason": "x", "recoveryPoint": {"policy": "Latest"}, "ambiguousLaunchPolicy": "Hold"}

    assert start.digest(b.execution(**same)) != start.digest(b.execution(executionType="RECOVERY", **same))


def test_a_digest_does_not_cross_namespaces() -> None:
    assert start.digest(b.execution(meta={"namespace": "other"})) != start.digest(b.execution())


@pytest.mark.parametrize(
    ("spec", "want", "because"),
    table(
        ("drill", {}, 3600, "an hour from its creation"),
        ("recovery", RECOVERY, 600, "ten minutes from its creation"),
        ("deadline", {"startingDeadlineSeconds": 60}, 60, "as asked"),
        ("asked earlier", {"requestedAt": "2026-01-31T11:50:00Z"}, 3000, "from when it was asked for"),
    ),
)
def test_expires_at(spec: dict[str, Any], want: int, because: str) -> None:
    assert start.expires_at(b.execution(**spec)) == b.at(want), because


# --- pin ------------------------------------------------------------------------------------------------------------


def test_a_pin_holds_the_plan_as_it_is_now() -> None:
    plan = b.plan(
        b.wave_spec(1, launchOrder=2, waitAfterSeconds=30, timeoutSeconds=600, readyWhen="InstanceStatusOk"),
        b.wave_spec(2, launchOrder=1, optionalServerIds=[b.server_id(2)]),
        status={"version": 7},
        objectives={"rtoSeconds": 3600, "rpoSeconds": 900},
    )

    run = _pinned(b.execution(), plan, listed(1, 1), listed(2, 2, 3))

    assert (run.plan_version, run.rto_seconds, run.rpo_seconds) == (7, 3600, 900)
    second, first = run.waves
    assert (second.wave_number, first.wave_number) == (2, 1), "in launch order"
    assert (first.waits_for, second.waits_for) == ((2,), ())
    assert (first.wait_after_seconds, first.timeout_seconds, first.ready_when) == (30, 600, "InstanceStatusOk")
    assert [(s.server_id, s.hostname, s.optional) for s in second.servers] == [
        (b.server_id(2), "host-2", True),
        (b.server_id(3), "host-3", False),
    ]
    assert (first.account_name, first.account_id, first.region) == ("production", b.ACCOUNT, b.REGION)
    assert {wave.phase for wave in run.waves} == {"Pending"}


@pytest.mark.parametrize(
    ("spec", "wave", "on_failure", "pause", "because"),
    table(
        ("drill", {}, {}, "Fail", False, "a drill that fails has failed"),
        ("recovery", RECOVERY, {}, "Pause", False, "a recovery asks a person"),
        ("as written", RECOVERY, {"onFailure": "Continue"}, "Continue", False, "the plan decides"),
        ("pause", {}, {"pauseBeforeWave": True}, "Fail", True, "Honor is the default"),
        ("skip", {"pausePolicy": "Skip"}, {"pauseBeforeWave": True}, "Fail", False, "a drill may skip its pauses"),
        (
            "recovery that skips",
            {**RECOVERY, "pausePolicy": "Skip"},
            {"pauseBeforeWave": True},
            "Pause",
            True,
            "a recovery never skips a pause, whatever got past admission",
        ),
    ),
)
def test_on_failure_and_pauses(
    spec: dict[str, Any], wave: dict[str, Any], on_failure: str, pause: bool, because: str
) -> None:
    (only,) = _pinned(b.execution(**spec), b.plan(b.wave_spec(1, **wave)), listed(1, 1)).waves

    assert (only.on_failure, only.pause_before_wave) == (on_failure, pause), because


def test_a_server_is_launched_by_one_wave_only() -> None:
    plan = b.plan(b.wave_spec(1), b.wave_spec(2), b.wave_spec(3, protectionGroupRef={"name": "group-1"}))

    run = _pinned(b.execution(**RECOVERY), plan, listed(1, 1, 2), listed(2, 2, 3))

    assert [_servers(wave) for wave in run.waves] == [
        [b.server_id(1), b.server_id(2)],
        [b.server_id(3)],
        [],
    ], "a second launch would destroy the instance of the first"


def test_membership_is_pinned_from_the_fresh_inventory() -> None:
    stale = [{"serverId": b.server_id(8)}, {"serverId": b.server_id(1)}]

    (wave,) = _pinned(b.execution(), b.plan(), b.group("group-1", status={"servers": stale})).waves

    assert _servers(wave) == [b.server_id(n) for n in (1, 2, 3)]


def test_where_a_place_does_not_answer_the_last_known_members_are_pinned() -> None:
    known = [{"serverId": b.server_id(8), "hostname": "db-01", "recoverable": True}]
    far = b.group("group-2", status={"servers": known}, region="us-west-2")
    plan = b.plan(b.wave_spec(1), b.wave_spec(2))
    failures = {Place(b.ACCOUNT, "us-west-2"): "ACCOUNT_UNAVAILABLE: the role was refused"}

    first, second = _pinned(b.execution(**RECOVERY), plan, listed(1, 1), far, failures=failures).waves

    assert _servers(first) == [b.server_id(1)]
    assert [(s.server_id, s.hostname) for s in second.servers] == [(b.server_id(8), "db-01")]


def test_a_dependency_that_does_not_exist_does_not_let_a_wave_start_early() -> None:
    plan = b.plan(b.wave_spec(1), b.wave_spec(2, dependsOnWaves=[9]))

    run = _pinned(b.execution(**RECOVERY), plan, listed(1, 1), listed(2, 2))

    assert run.waves[1].waits_for == (1,)
