"""What a run holds on to when it starts: servers that run as a real recovery, its scope, what is there to pin."""

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan
from drs_operator.planning import engine, pinning, start
from drs_operator.planning.facts import Observed
from drs_operator.planning.run import Run, RunServer
from tests import builders as b
from tests.unit.planning.grounds import ground, listed
from tests.unit.planning.tables import table

ALIVE = b.instance(1, is_drill=False)
DRILLED = b.instance(1, is_drill=True)
GONE = b.instance(1, is_drill=False, state="TERMINATED")
TWO = b.plan(b.wave_spec(1, pauseBeforeWave=True), b.wave_spec(2))


def _recovery(**spec: Any) -> DRExecution:
    return b.execution(executionType="RECOVERY", **spec)


def _pinned(execution: DRExecution, plan: RecoveryPlan, *groups: ProtectionGroup, **changes: Any) -> Run:
    run = start.claimed(execution, b.INSTALLATION, b.NOW)
    return pinning.pinned(run, execution, ground(plan, *groups, **changes), b.NOW)


def _first(run: Run) -> RunServer:
    return run.waves[0].servers[0]


@pytest.mark.parametrize(
    ("execution", "instance", "phase", "replaces", "because"),
    table(
        ("keep", _recovery(liveRecoveryInstances="Keep"), ALIVE, "Kept", None, "left as it runs"),
        ("replace", _recovery(liveRecoveryInstances="Replace"), ALIVE, "Pending", b.instance_id(1), "this one only"),
        ("refuse", _recovery(), ALIVE, "Pending", None, "the guards stop it"),
        ("drill's instance, keep", _recovery(liveRecoveryInstances="Keep"), DRILLED, "Pending", None, "no recovery"),
        ("drill's instance, replace", _recovery(liveRecoveryInstances="Replace"), DRILLED, "Pending", None, "free"),
        ("gone, keep", _recovery(liveRecoveryInstances="Keep"), GONE, "Pending", None, "it does not run"),
        ("gone, replace", _recovery(liveRecoveryInstances="Replace"), GONE, "Pending", None, "nothing to destroy"),
        ("drill", b.execution(), ALIVE, "Pending", None, "a drill is refused, and keeps and replaces nothing"),
    ),
)
def test_a_server_that_runs(
    execution: DRExecution, instance: Any, phase: str, replaces: str | None, because: str
) -> None:
    server = _first(_pinned(execution, b.plan(), listed(1, 1, 2), instances=(instance,)))

    assert (server.phase, server.replaces) == (phase, replaces), because


@pytest.mark.parametrize("policy", ["Keep", "Replace"])
def test_a_drill_ignores_what_it_may_not_ask_for(policy: str) -> None:
    """The schema refuses it; a run that was written all the same must not destroy a recovered server."""
    run = start.claimed(b.execution(), b.INSTALLATION, b.NOW).model_copy(update={"live_recovery_instances": policy})

    pinned = pinning.pinned(run, b.execution(), ground(b.plan(), listed(1, 1), instances=(ALIVE,)), b.NOW)

    assert (_first(pinned).phase, _first(pinned).replaces) == ("Pending", None)


def test_a_kept_server_shows_what_it_runs_as() -> None:
    server = _first(_pinned(_recovery(liveRecoveryInstances="Keep"), b.plan(), listed(1, 1), instances=(ALIVE,)))

    assert (server.recovery_instance_id, server.private_ip) == (ALIVE.instance_id, ALIVE.private_ip)
    assert server.recovery_point_time == ALIVE.recovery_point_time
    assert (server.up, server.launched, server.attempt) == (True, True, 0)


@pytest.mark.parametrize(
    ("alive", "phase", "because"),
    table(
        ("all", (1, 2), "Completed", "nothing is left to launch, and nobody is asked before it"),
        ("one of two", (1,), "Pending", "the other one is launched"),
        ("none", (), "Pending", "both are launched"),
    ),
)
def test_a_wave_of_kept_servers_is_done(alive: tuple[int, ...], phase: str, because: str) -> None:
    instances = tuple(b.instance(n, is_drill=False) for n in alive)

    run = _pinned(_recovery(liveRecoveryInstances="Keep"), TWO, listed(1, 1, 2), listed(2, 3), instances=instances)

    assert run.waves[0].phase == phase, because
    assert run.waves[0].end_time == (b.NOW if phase == "Completed" else None)
    assert run.waves[1].phase == "Pending"


def test_what_is_kept_is_not_launched_and_what_follows_starts() -> None:
    execution = _recovery(liveRecoveryInstances="Keep")
    instances = (b.instance(1, is_drill=False), b.instance(3, is_drill=False))
    plan = b.plan(b.wave_spec(1), b.wave_spec(2))
    run = _pinned(execution, plan, listed(1, 1), listed(2, 2, 3), instances=instances)
    run = run.model_copy(update={"state": "Running", "start_time": b.NOW})

    decision = engine.plan_next_steps(run, Observed(), b.NOW)

    assert [intent.server_ids for intent in decision.run.intents] == [(b.server_id(2),)]


def test_a_run_of_kept_servers_only_is_completed() -> None:
    execution = _recovery(liveRecoveryInstances="Keep")
    instances = (b.instance(1, is_drill=False), b.instance(2, is_drill=False))
    run = _pinned(execution, TWO, listed(1, 1), listed(2, 2), instances=instances)
    run = run.model_copy(update={"state": "Running", "start_time": b.NOW})

    decision = engine.plan_next_steps(run, Observed(), b.NOW)

    assert (decision.run.verdict, decision.run.intents, decision.run.holds) == ("Completed", (), ())
    assert decision.steps == (engine.Finish(),)


def test_a_wave_without_servers_is_not_taken_for_one_of_kept_ones() -> None:
    run = _pinned(_recovery(liveRecoveryInstances="Keep"), b.plan(), b.group(serverSelectionTags={"a": "b"}))

    assert (run.waves[0].servers, run.waves[0].phase) == ((), "Pending")


def test_only_what_is_in_scope_is_pinned() -> None:
    plan = b.plan(b.wave_spec(1), b.wave_spec(2), b.wave_spec(3, dependsOnWaves=[2]))
    execution = b.execution(scope={"waves": [1, 3], "excludeServerIds": [b.server_id(1)]})

    run = _pinned(execution, plan, listed(1, 1, 2), listed(2, 2), listed(3, 3))

    found = [(w.wave_number, w.waits_for, [s.server_id for s in w.servers]) for w in run.waves]
    assert found == [(1, (), [b.server_id(2)]), (3, (1,), [b.server_id(3)])]


@pytest.mark.parametrize(
    ("plan", "groups", "accounts", "spec", "want", "because"),
    table(
        ("all there", TWO, (1, 2), True, {}, True, "nothing is missing"),
        ("no plan", None, (), True, {}, False, "nothing to pin"),
        ("no group", TWO, (1,), True, {}, False, "a wave without servers or place"),
        ("no account", TWO, (1, 2), False, {}, False, "no place"),
        ("group of another wave", TWO, (1,), True, {"waves": [1]}, True, "not in scope"),
        ("its servers left out", TWO, (1, 2), True, {"excludeServerIds": [b.server_id(2)]}, True, "not in scope"),
    ),
)
def test_what_can_be_pinned(
    plan: RecoveryPlan | None,
    groups: tuple[int, ...],
    accounts: bool,
    spec: dict[str, Any],
    want: bool,
    because: str,
) -> None:
    seen = ground(plan, *(listed(n, n) for n in groups), accounts={"production": b.account()} if accounts else {})

    assert pinning.plannable(b.execution(scope=spec or None), seen) is want, because


def test_an_account_that_is_missing_for_a_wave_that_is_left_out_is_not_missed() -> None:
    elsewhere = b.group(
        "group-2", targetAccountRef={"name": "gone"}, status={"servers": [{"serverId": b.server_id(2)}]}
    )
    seen = ground(TWO, listed(1, 1), elsewhere)

    assert pinning.plannable(b.execution(scope={"excludeServerIds": [b.server_id(2)]}), seen)
    assert not pinning.plannable(b.execution(), seen)


def test_servers_that_turn_out_to_run_are_kept_later_too() -> None:
    run = b.run(b.run_wave(1, servers=[1, 2]))

    kept = pinning.keeping(run, 1, {b.server_id(2): b.instance(2, is_drill=False)})

    assert [server.phase for server in kept.waves[0].servers] == ["Pending", "Kept"]
    assert kept.waves[0].servers[1].recovery_instance_id == b.instance_id(2)
