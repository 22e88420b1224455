"""RecoveryPlan in the ledger: its name is its own, its row says what it says, and nothing of it is left behind."""

from __future__ import annotations

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import RecoveryPlan
from drs_operator.planning import ids
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers.context import FINALIZER
from tests.unit.reconcilers.world import NAMESPACE, World

UNREACHABLE = ReadFailed("LEDGER_UNREACHABLE", "DynamoDB in us-east-1 does not answer")


@pytest.fixture
def world() -> World:
    world = World()
    world.quickstart()
    world.wait(1)
    return world


def plan(world: World, name: str = "production") -> RecoveryPlan:
    """The plan as a user sees it."""
    found = world.cluster.now(RecoveryPlan, NAMESPACE, name)
    assert found is not None
    return found


def gone(world: World, name: str = "production") -> bool:
    """Whether the plan does not exist any more."""
    return world.cluster.now(RecoveryPlan, NAMESPACE, name) is None


def names(world: World) -> dict[str, str]:
    """Who has which plan name in the ledger."""
    found = {key: owner.name for key, owner in world.tables.claims.items() if key.startswith("NAME#RecoveryPlan#")}
    return {key.rsplit("#", 1)[1]: name for key, name in found.items()}


def rows(world: World) -> dict[str, tuple[int, dict[str, Any]]]:
    """Version and content of the rows of plans, by name."""
    found = {i: row for i, row in world.tables.mirrors.items() if i.startswith("plan-")}
    return {row.mirror.owner.name: (row.version, dict(row.mirror.content)) for row in found.values()}


def reason(world: World, name: str, type: str = "Ready") -> tuple[str, str]:
    """Status and reason of a condition of a plan."""
    condition = world.condition(RecoveryPlan, name, type)
    return condition.status, condition.reason


def test_name_and_row_are_in_the_ledger(world: World) -> None:
    assert names(world) == {"production": "production"}
    version, content = rows(world)["production"]
    assert [wave["name"] for wave in content["waves"]] == ["Tier db", "Tier app", "Tier web"]
    assert plan(world).status.version == version == 1
    assert plan(world).metadata.finalizers == [FINALIZER]
    assert reason(world, "production", "LedgerSynced") == ("True", "Synced")


def test_an_edit_is_one_version_more_and_a_look_is_none(world: World) -> None:
    world.cluster.edit(RecoveryPlan, NAMESPACE, "production", priority=900)
    world.wait(1)
    assert plan(world).status.version == 2
    assert rows(world)["production"][1]["priority"] == 900
    done = len(world.effects.done)
    world.cluster.annotate(RecoveryPlan, NAMESPACE, "production", "drs-operator.io/reconcile", "1")
    world.wait(1, RecoveryPlan)
    assert world.effects.done[done:] == ["write status"], "that it was served, and nothing in the ledger"
    assert plan(world).status.version == 2


def test_it_converges_with_two_writes(world: World) -> None:
    done = len(world.effects.done)
    world.plan("databases", "db")
    world.wait(1, RecoveryPlan)
    made = world.effects.done[done:]
    assert made[:4] == ["add finalizer", "take claim", "save mirror", "write status"], "the finalizer before the claim"
    assert [effect for effect in made if effect != "event"] == made[:4]


def test_the_first_has_the_name_and_the_other_gets_it_when_it_is_free(world: World) -> None:
    world.plan("second", "db")
    world.cluster.edit(RecoveryPlan, NAMESPACE, "second", displayName=" PRODUCTION")
    world.wait(1)
    assert reason(world, "second") == ("False", "RpNameExists")
    assert reason(world, "second", "WavesValid") == ("False", "RpNameExists")
    assert reason(world, "second", "LedgerSynced") == ("False", "RpNameExists")
    assert "plan dr/production already has the name ' PRODUCTION'" in world.condition(RecoveryPlan, "second").message
    assert names(world) == {"production": "production"}, "the loser has let go of its earlier name"
    assert reason(world, "production") == ("True", "Ready"), "the holder is not concerned"

    world.cluster.edit(RecoveryPlan, NAMESPACE, "production", displayName="Old")
    world.wait(1)
    assert reason(world, "second") == ("True", "Ready")
    assert names(world) == {"old": "production", "production": "second"}


def test_a_deletion_frees_the_name_at_once(world: World) -> None:
    world.plan("second", "db")
    world.cluster.edit(RecoveryPlan, NAMESPACE, "second", displayName="Production")
    world.wait(1)
    world.cluster.delete(RecoveryPlan, NAMESPACE, "production")
    world.wait(1)
    assert gone(world)
    assert reason(world, "second") == ("True", "Ready")
    assert names(world) == {"production": "second"}
    assert list(rows(world)) == ["second"]


def test_another_installation_may_use_the_same_name(world: World) -> None:
    other = World("other", beside=world)
    other.quickstart()
    other.wait(1)
    assert other.condition(RecoveryPlan, "production", "WavesValid").status == "True"
    assert sum(1 for key in world.tables.claims if key.startswith("NAME#RecoveryPlan#")) == 2


def test_it_stays_usable_while_a_run_of_it_is_active(world: World) -> None:
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    world.cluster.delete(RecoveryPlan, NAMESPACE, "production")
    world.wait(300)
    ready = world.condition(RecoveryPlan, "production")
    assert (ready.status, ready.reason) == ("True", "Ready")
    assert ready.message.startswith("its deletion waits for the end of execution drill")
    told = [event for event in world.cluster.events if event.reason == "PlanHasActiveExecution"]
    assert [(event.name, event.warning) for event in told] == [("production", True)], "once"
    assert names(world) == {"production": "production"}

    world.command("resume", "2.1")
    world.until(world.finished)
    world.wait(1)
    assert world.phase() == "Completed"
    assert gone(world)
    assert (names(world), rows(world)) == ({}, {})


def test_a_ledger_that_does_not_answer_is_said_and_caught_up_with(world: World) -> None:
    world.tables.failure = UNREACHABLE
    world.cluster.edit(RecoveryPlan, NAMESPACE, "production", displayName="New")
    world.wait(30)
    assert reason(world, "production", "LedgerSynced") == ("False", "LedgerUnreachable")
    assert "does not answer" in world.condition(RecoveryPlan, "production").message
    assert plan(world).status.version == 1
    assert names(world) == {"production": "production"}

    world.tables.failure = None
    world.wait(90)
    assert reason(world, "production") == ("True", "Ready")
    assert (names(world), plan(world).status.version) == ({"new": "production"}, 2)


def test_a_deletion_waits_for_the_ledger(world: World) -> None:
    world.tables.failure = UNREACHABLE
    world.cluster.delete(RecoveryPlan, NAMESPACE, "production")
    world.wait(30)
    assert reason(world, "production", "LedgerSynced") == ("False", "LedgerUnreachable")
    world.tables.failure = None
    world.wait(90)
    assert gone(world)
    assert (names(world), rows(world)) == ({}, {})


def test_what_others_keep_is_left_alone(world: World) -> None:
    world.cluster.delete(RecoveryPlan, NAMESPACE, "production", force=True)
    world.wait(1)
    assert gone(world)
    assert names(world) == {"production": "production"}, "whoever forces a deletion is told by `ledger verify`"


def _life(world: World) -> None:
    """A plan is made, renamed, edited and deleted; another one wants its name meanwhile."""
    world.plan("short", "db")
    world.wait(1)
    world.cluster.edit(RecoveryPlan, NAMESPACE, "short", displayName="Renamed", priority=1)
    world.wait(1)
    world.plan("rival", "app")
    world.cluster.edit(RecoveryPlan, NAMESPACE, "rival", displayName="renamed")
    world.wait(1)
    world.cluster.delete(RecoveryPlan, NAMESPACE, "short")
    world.wait(120)


def _effects_of_a_life() -> int:
    world = World()
    world.quickstart()
    world.wait(1)
    begun = len(world.effects.done)
    _life(world)
    return len(world.effects.done) - begun


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
def test_killed_around_any_effect_nothing_leaks(applied: bool) -> None:
    count = _effects_of_a_life()
    assert count > 10
    for number in range(count):
        world = World()
        world.quickstart()
        world.wait(1)
        world.effects.kill_at(len(world.effects.done) + number, applied)
        _life(world)
        assert world.deaths == 1, number
        assert gone(world, "short"), number
        assert names(world) == {"production": "production", "renamed": "rival"}, number
        assert sorted(rows(world)) == ["production", "rival"], number
        assert reason(world, "rival") == ("True", "Ready"), number
        assert plan(world, "rival").status.version == rows(world)["rival"][0], number


def test_a_rebuilt_cluster_finds_its_own(world: World) -> None:
    rebuilt = World("test", beside=world)
    rebuilt.quickstart()
    rebuilt.wait(1)
    assert reason(rebuilt, "production") == ("True", "Ready")
    assert plan(rebuilt).status.plan_id == ids.plan_id("test", NAMESPACE, "production") == plan(world).status.plan_id
    assert plan(rebuilt).status.version == 1, "the row says the same already"
