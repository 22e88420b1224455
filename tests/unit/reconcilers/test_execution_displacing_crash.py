"""The operator dies while a recovery pushes a drill aside: the next one brings both to the same end."""

from __future__ import annotations

import pytest

from drs_operator.api.v1alpha1 import DRExecution
from tests.unit.reconcilers.drills import (
    RECOVERY,
    WAVES,
    WEB,
    assert_nothing_left,
    drilling,
    kinds,
    prepared,
)
from tests.unit.reconcilers.world import World

PARTS = 2
"""The effects up to the first launch are shared out among so many tests."""


def _displacing(plan: str) -> World:
    world = prepared(())
    drilling(world)
    world.effects.done.clear()
    world.execute("failover", recoveryPlanRef={"name": plan}, **RECOVERY)
    return world


def _to_the_end(world: World) -> bool:
    """A call of a recovery that died and did not happen is a person's to decide: it is skipped. Returns whether."""
    world.until(lambda: world.finished("failover") or bool(world.holds("failover")), DRExecution)
    asked = world.holds("failover")
    for hold, reason in asked:
        assert reason == "LaunchOutcomeUnknown"
        world.command("skip", hold, "failover")
    world.until(lambda: world.finished("failover") and world.finished("drill"), DRExecution)
    return bool(asked)


@pytest.mark.parametrize("plan", ["production", "other"])
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("applied", [False, True], ids=["before it happens", "before its answer"])
def test_a_recovery_that_pushes_a_drill_aside_survives_a_crash_at_any_effect(
    applied: bool, part: int, plan: str
) -> None:
    waves = WAVES if plan == "production" else [WEB]
    undisturbed = _displacing(plan)
    _to_the_end(undisturbed)
    assert undisturbed.phase("failover") == "Completed"
    effects = undisturbed.effects.done
    begun = effects.index("start recovery") + 1  # from there on it is a run like any other
    for number, name in list(enumerate(effects[:begun]))[part::PARTS]:
        world = _displacing(plan)
        world.effects.kill_at(number, applied)
        skipped = _to_the_end(world)
        at = f"killed at effect {number} ({name})"
        assert world.deaths == 1, at
        calls = [servers for is_drill, servers in kinds(world) if not is_drill]
        assert skipped is (effects[number + applied : number + applied + 1] == ["start recovery"]), at
        assert len(calls) == len(waves) - skipped, at
        assert skipped or calls == waves, at
        assert skipped or world.phase("failover") == "Completed", at
        cancel = world.run_of("drill").cancel
        assert cancel is not None, at
        assert (world.phase("drill"), cancel.requested_by) == ("Cancelled", "execution/failover"), at
        assert [is_drill for is_drill, _ in kinds(world)].count(True) == 1, at
        assert_nothing_left(world, "drill", "failover")
