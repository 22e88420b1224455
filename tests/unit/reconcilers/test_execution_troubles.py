"""What does not answer is waited for, shown, and stops nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drs_operator.api.v1alpha1 import DRExecution, TargetAccount
from drs_operator.planning.facts import Place
from drs_operator.ports import ReadFailed
from tests.unit.reconcilers.world import PLACE, World, server_ids

NO_LEDGER = ReadFailed("LEDGER_UNREACHABLE", "the ledger in us-west-2 does not answer; the operator keeps trying")
NO_REGION = ReadFailed("DRS_ERROR", "account 123456789012 in us-east-1 does not answer")


@pytest.fixture
def world() -> World:
    world = World()
    world.quickstart(())
    world.wait(1)
    return world


def shown(world: World, name: str = "drill") -> tuple[str, str]:
    """Reason and message of Ready."""
    ready = world.condition(DRExecution, name)
    assert ready.status == "Unknown"
    assert world.condition(DRExecution, name, "Reconciling").status == "True"
    return ready.reason, ready.message


def assert_completed(world: World, name: str = "drill") -> None:
    """It ended well, with one launch for each wave."""
    world.until(lambda: world.finished(name))
    assert world.phase(name) == "Completed"
    assert world.condition(DRExecution, name).reason == "Completed"
    assert len(world.cloud.launches()) == 3
    assert (world.tables.plans, world.tables.holds) == ({}, {})


def test_nothing_starts_while_the_ledger_does_not_answer(world: World) -> None:
    world.tables.failure = NO_LEDGER
    world.execute()
    world.wait(600)
    assert shown(world) == ("LedgerUnreachable", NO_LEDGER.message)
    assert world.phase() is None, "nothing is claimed"
    assert world.cloud.launches() == []
    world.tables.failure = None
    assert_completed(world)


def test_a_run_waits_while_the_ledger_does_not_answer_and_goes_on(world: World) -> None:
    world.execute()
    world.until(lambda: world.phase() == "Running")
    world.tables.failure = NO_LEDGER
    world.wait(3600)
    assert shown(world) == ("LedgerUnreachable", NO_LEDGER.message)
    assert len(world.cloud.launches()) == 1, "no wave starts"
    assert world.phase() == "Running", "it is held, not failed"
    world.tables.failure = None
    assert_completed(world)


def test_the_answer_of_a_launch_that_could_not_be_recorded_is_found_again(world: World) -> None:
    def ledger_goes() -> None:
        world.tables.failure = NO_LEDGER

    world.execute()
    world.effects.meanwhile["start recovery"] = ledger_goes
    world.wait(1200)
    world.tables.failure = None
    assert_completed(world)


@pytest.mark.parametrize(("execution_type", "seconds"), [("DRILL", 600), ("RECOVERY", 50)])
def test_a_run_waits_for_a_region_that_does_not_answer(world: World, execution_type: str, seconds: float) -> None:
    world.clock.advance(120)
    world.cloud.failing["inventory"] = NO_REGION
    world.execute("run", executionType=execution_type)
    world.wait(seconds)
    assert world.phase("run") == "Validating"
    assert shown(world, "run") == ("DrsError", NO_REGION.message)
    del world.cloud.failing["inventory"]
    assert_completed(world, "run")


@pytest.mark.parametrize("operation", ["jobs", "recovery instances", "recovery points"])
def test_nothing_is_concluded_from_a_read_that_fails(world: World, operation: str) -> None:
    world.execute()
    world.until(lambda: world.phase() == "Running")
    world.cloud.failing[operation] = NO_REGION
    world.wait(3600)
    assert world.phase() == "Running"
    assert shown(world) == ("DrsError", NO_REGION.message)
    del world.cloud.failing[operation]
    assert_completed(world)


def test_a_job_log_that_cannot_be_read_is_shown_and_delays_nothing() -> None:
    world = World()
    world.quickstart((), readyWhen="InstanceStatusOk")
    world.cloud.failing["job log"] = NO_REGION
    world.execute()
    world.until(lambda: world.phase() == "Running")
    world.wait(60)
    assert shown(world) == ("DrsError", NO_REGION.message)
    assert_completed(world)


def test_trouble_that_is_over_is_not_shown_any_more(world: World) -> None:
    world.cloud.launch_takes = timedelta(hours=1)
    world.execute()
    world.until(lambda: world.phase() == "Running")
    world.cloud.failing["jobs"] = NO_REGION
    world.wait(300)
    assert shown(world)[0] == "DrsError"
    del world.cloud.failing["jobs"]
    world.wait(120)
    assert shown(world)[0] == "Running"


def test_an_account_that_does_not_answer_holds_up_no_other() -> None:
    world = World()
    world.quickstart(())
    other = Place("210987654321", "us-east-1")
    world.cloud.account(other.account_id, "unique-external-id-123")
    world.account("other", other.account_id)
    far = "s-00000000000000far"
    world.cloud.server(other, far, Tier="far")
    world.group("far", "other", Tier="far")
    world.plan("both", "db", "far", launchOrder=1)
    world.wait(1)
    world.execute("run", executionType="RECOVERY", recoveryPlanRef={"name": "both"})
    world.effects.meanwhile["hold server"] = lambda: world.cloud.deaf.add(PLACE)
    world.until(lambda: far in {i.server_id for i in world.cloud.instances(other)})
    world.wait(120)
    waves = {wave.wave_number: wave.phase for wave in world.seen("run").status.waves}
    assert waves[2] == "Completed"
    assert waves[1] not in ("Completed", "Failed")
    assert world.cloud.instances(PLACE) == []
    world.cloud.deaf.clear()
    world.until(lambda: world.finished("run"))
    assert world.phase("run") == "Completed"
    assert {i.server_id for i in world.cloud.instances(PLACE)} == set(server_ids("db"))


def test_a_status_that_cannot_be_written_is_written_later(world: World) -> None:
    world.execute()
    world.until(lambda: world.phase() == "Running")
    world.cluster.failure = ReadFailed("INTERNAL_ERROR", "the API server does not answer")
    world.wait(1800)
    assert len(world.cloud.launches()) == 1, "what cannot be read fresh is not launched"
    world.cluster.failure = None
    assert_completed(world)


def test_a_job_whose_account_object_is_gone_is_followed_when_it_is_back(world: World) -> None:
    world.execute()
    world.until(lambda: world.phase() == "Running")
    world.cluster.delete(TargetAccount, None, "production", force=True)
    world.wait(600)
    assert shown(world)[0] == "AccountUnavailable"
    assert "production" in shown(world)[1]
    world.account("production")
    world.until(lambda: bool(world.holds()) or world.finished())
    if world.holds():
        world.command("resume", "true")
    assert_completed(world)
