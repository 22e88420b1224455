"""`managementPolicy: Observe`, also as the emergency stop while a run launches and the operator dies."""

from __future__ import annotations

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, TargetAccount
from tests.unit.reconcilers.world import World

MUTATIONS = {"start recovery"}
SETTLED_SECONDS = 900
"""Longer than a lost launch is looked for, and than a wave takes."""


def observe(world: World, policy: str = "Observe") -> None:
    world.cluster.edit(TargetAccount, None, "production", managementPolicy=policy)


def test_everything_is_evaluated_and_nothing_is_changed() -> None:
    world = World()
    world.quickstart()
    observe(world)
    world.wait(300)
    ready = world.condition(TargetAccount, "production")
    assert (ready.status, ready.reason) == ("True", "Observing")
    for tier in ("db", "app", "web"):
        assert world.condition(ProtectionGroup, tier).status == "True"
    assert world.condition(RecoveryPlan, "production").status == "True"
    for name, execution_type in (("drill", "DRILL"), ("recovery", "RECOVERY")):
        world.execute(name, executionType=execution_type)
        world.until(lambda: world.seen(name).status.finish_time is not None)  # noqa: B023 - awaited at once
        error = world.seen(name).status.error
        assert error is not None
        assert error.code == "ACCOUNT_OBSERVE_ONLY"
        assert "kubectl patch drta production" in (error.message or "")
    assert {operation for operation, _ in world.cloud.calls} & MUTATIONS == set()


@pytest.mark.parametrize("execution_type", ["DRILL", "RECOVERY"])
def test_the_emergency_stop_holds_the_next_wave_and_says_how_to_go_on(execution_type: str) -> None:
    world = World()
    world.quickstart(pause_before=())
    world.execute(executionType=execution_type)
    world.until(lambda: len(world.cloud.launches()) == 1)
    observe(world)
    world.until(lambda: bool(world.holds()))
    ((hold, reason),) = world.holds()
    assert reason == "AccountUnavailable"
    message = str(world.seen().status.holds[0].message)
    assert "ACCOUNT_OBSERVE_ONLY" in message
    assert all(part in message for part in ("production", "123456789012", "kubectl patch drta production", "resume"))
    world.wait(7200)
    assert len(world.cloud.launches()) == 1
    observe(world, "Manage")
    world.wait(600)
    assert len(world.cloud.launches()) == 1, "a person resumes"
    world.command("resume", hold)
    world.until(world.finished)
    assert len(world.cloud.launches()) == 3


def _effects_of_a_run() -> int:
    world = World()
    world.quickstart(pause_before=())
    world.wait(1)
    before = len(world.effects.done)
    world.execute()
    world.until(world.finished)
    return len(world.effects.done) - before


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
def test_no_launch_is_begun_after_the_stop_whenever_the_operator_dies(applied: bool) -> None:
    """The stop comes with the death, at each side effect in turn: only a call that was out may become a launch."""
    for number in range(_effects_of_a_run()):
        world = World()
        world.quickstart(pause_before=())
        world.wait(1)
        world.effects.kill_at(len(world.effects.done) + number, applied)
        world.execute()
        world.until(lambda: world.deaths == 1 or world.finished(), DRExecution)  # noqa: B023 - awaited at once
        out = {i.token for i in world.run_of().intents if i.state != "Planned"} if world.tables.rows else set()
        observe(world)
        world.wait(SETTLED_SECONDS, DRExecution)
        assert {token for token, _ in world.cloud.launches()} <= out, f"effect {number}"
