"""With a ledger that is not the known one nothing is claimed and nothing launched; jobs are followed all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drs_operator.planning.facts import Failure
from tests.unit.reconcilers.test_execution_troubles import assert_completed, shown
from tests.unit.reconcilers.world import World

REPLACED = Failure("LEDGER_REPLACED", "the ledger was ledger-1, now it is ledger-2; drs-operator adopt-ledger")
ROLLED_BACK = Failure("LEDGER_ROLLED_BACK", "epoch 6, 7 was known; drs-operator adopt-ledger")


class Gate:
    """What the operator thinks of its ledger."""

    def __init__(self, world: World) -> None:
        self.problem: Failure | None = None
        world.lead(replace(world.context, ledger_problem=lambda: self.problem))


@pytest.fixture
def world() -> World:
    """Three groups and a plan, evaluated."""
    world = World()
    world.quickstart(())
    world.wait(1)
    return world


@pytest.mark.parametrize("problem", [REPLACED, ROLLED_BACK], ids=["replaced", "rolled back"])
def test_a_new_execution_is_not_claimed_until_the_ledger_is_accepted(world: World, problem: Failure) -> None:
    gate = Gate(world)
    gate.problem = problem
    world.execute()
    world.wait(600)
    assert shown(world) == ("".join(part.capitalize() for part in problem.code.split("_")), problem.message)
    assert world.phase() is None
    assert (world.tables.rows, world.tables.plans, world.tables.holds) == ({}, {}, {})
    assert world.cloud.launches() == []
    gate.problem = None
    assert_completed(world)


def test_a_run_under_way_is_followed_and_launches_no_more(world: World) -> None:
    gate = Gate(world)
    world.execute()
    world.until(lambda: len(world.cloud.launches()) == 1)
    gate.problem = ROLLED_BACK
    world.wait(7200)
    assert world.seen().status.waves[0].phase == "Completed", "its job was followed to its end"
    assert shown(world)[0] == "LedgerRolledBack"
    assert len(world.cloud.launches()) == 1
    gate.problem = None
    assert_completed(world)


def test_steady_state_with_an_unknown_ledger_writes_nothing(world: World) -> None:
    gate = Gate(world)
    gate.problem = REPLACED
    world.execute()
    world.wait(600)
    done = len(world.effects.done)
    world.wait(3600)
    assert world.effects.done[done:] == []


def test_a_run_that_was_claimed_but_not_pinned_waits(world: World) -> None:
    gate = Gate(world)
    world.execute()

    def lost() -> None:
        gate.problem = REPLACED

    world.effects.meanwhile["create run"] = lost
    world.wait(600)
    assert gate.problem is REPLACED
    assert world.run_of().state == "Claimed"
    assert (world.tables.plans, world.tables.holds) == ({}, {})
    gate.problem = None
    assert_completed(world)
