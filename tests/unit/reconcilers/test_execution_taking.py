"""A run takes its plan and its servers: what ends meanwhile, or has ended and still holds them, costs it nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drs_operator.planning.facts import Place
from drs_operator.ports import Holder
from tests.fakes.ledger import FakeLedger
from tests.unit.reconcilers.drills import (
    RECOVERY,
    WAVES,
    WEB,
    assert_nothing_left,
    codes,
    paused,
    prepared,
)
from tests.unit.reconcilers.world import PLACE, World


class Late(FakeLedger):
    """Lets something happen after a hold or a lock was refused, and before anybody asks who has it."""

    def __init__(self, world: World, act: Callable[[], None]) -> None:
        super().__init__(world.tables, world.context.ledger._epoch, world.effects)  # type: ignore[attr-defined]
        self._act: Callable[[], None] | None = act

    def _meanwhile(self) -> None:
        if self._act is not None:
            act, self._act = self._act, None
            act()

    async def plan_holder(self, plan_id: str) -> Holder | None:
        self._meanwhile()
        return await super().plan_holder(plan_id)

    async def server_holders(self, place: Place, server_ids: Any) -> dict[str, Holder]:
        self._meanwhile()
        return await super().server_holders(place, server_ids)


@pytest.mark.parametrize("plan", ["production", "careful"])
def test_a_drill_that_ends_while_it_is_asked_for_costs_a_recovery_nothing(plan: str) -> None:
    world = prepared()
    world.plan("careful", "web", pause_before=(1,))
    paused(world)
    drill = world.run_of("drill")

    def ends() -> None:
        ledger = FakeLedger(world.tables, drill.epoch, world.effects)

        async def end() -> None:
            await ledger.release_servers(PLACE, [i for ids in WAVES for i in ids], drill.execution_id)
            await ledger.unlock_plan(drill.plan_id, drill.execution_id)
            ended = {"state": "Ended", "verdict": "Cancelled", "finish_time": world.clock.now()}
            await ledger.save_run(drill.model_copy(update=ended), drill)

        # In the midst of another look of the same process, as it happens with two workers.
        coroutine = end()
        with pytest.raises(StopIteration):
            coroutine.send(None)

    object.__setattr__(world.context, "ledger", Late(world, ends))
    world.execute("failover", recoveryPlanRef={"name": plan}, **RECOVERY)
    world.until(lambda: world.phase("failover") == "Paused" or world.finished("failover"))
    assert codes(world, "failover") == []
    assert world.run_of("failover").cancel is None
    assert world.phase("failover") == "Paused"
    assert world.tables.holds[PLACE, WEB[0]] == (world.run_of("failover").execution_id, "dr/failover")


@pytest.mark.parametrize("type", ["DRILL", "RECOVERY"])
def test_what_an_ended_run_still_holds_is_nobodys(type: str) -> None:
    """A leader of before has slept and taken it for a run that was ended meanwhile: locks are not fenced."""
    world = prepared(())
    world.execute("drill")
    world.until(lambda: world.finished("drill"))
    ended = world.run_of("drill")
    world.tables.plans[ended.plan_id] = (ended.execution_id, "dr/drill")
    world.tables.holds[PLACE, WEB[0]] = (ended.execution_id, "dr/drill")
    world.wait(61)
    world.execute("next", executionType=type)
    world.until(lambda: world.finished("next"))
    assert (world.phase("next"), codes(world, "next")) == ("Completed", [])
    assert_nothing_left(world, "drill", "next")
