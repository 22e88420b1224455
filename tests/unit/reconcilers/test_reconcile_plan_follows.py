"""RecoveryPlan: it follows what it is judged by, and looks at nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, RecoveryPlan
from tests.unit.reconcilers.world import NAMESPACE, PLACE, World, server_ids

REFRESH = 66.0
"""A refresh with its jitter, and a moment for what follows from it."""


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


def used_by(world: World, group: str) -> list[str]:
    """What a group says of its plans."""
    found = world.cluster.now(ProtectionGroup, NAMESPACE, group)
    assert found is not None
    return found.status.used_by_plans


def conflicts(world: World, name: str = "production") -> list[tuple[str, str | None, str | None, str | None]]:
    """Server, execution, plan and job of each conflict."""
    found = plan(world, name).status
    assert bool(found.conflicts) == found.has_server_conflict
    return [(c.server_id, c.conflicting_execution, c.conflicting_plan, c.conflicting_job_id) for c in found.conflicts]


def test_a_tag_changed_in_drs_reaches_group_and_plan_with_the_refresh_alone(world: World) -> None:
    world.cloud.calls.clear()
    world.cloud.server(PLACE, "s-new0000000000001", Tier="db")
    world.wait(REFRESH)
    assert plan(world).status.total_servers == 5
    assert [wave.server_count for wave in plan(world).status.waves] == [3, 1, 1]
    assert world.cloud.calls == [("inventory", PLACE)]


def test_a_plan_does_not_call_aws(world: World) -> None:
    world.cloud.calls.clear()
    for token in ("1", "2", "3"):
        world.cluster.annotate(RecoveryPlan, NAMESPACE, "production", "drs-operator.io/reconcile", token)
        world.wait(1, RecoveryPlan)
        assert plan(world).status.last_handled_reconcile == token
    assert world.cloud.calls == []


def test_a_plan_that_drops_a_group_and_takes_another(world: World) -> None:
    world.group("cache", Tier="cache")
    world.cloud.server(PLACE, "s-cache000000000001", Tier="cache")
    waves = plan(world).spec.to_json()["waves"]
    waves[2]["protectionGroupRef"] = {"name": "cache"}
    world.cluster.edit(RecoveryPlan, NAMESPACE, "production", waves=waves)
    world.wait(1)
    assert {name: used_by(world, name) for name in ("db", "web", "cache")} == {
        "db": ["production"],
        "web": [],
        "cache": ["production"],
    }


def test_a_foreign_job_is_seen_with_the_refresh_and_gone_with_the_next(world: World) -> None:
    server = server_ids("db")[0]
    world.cloud.calls.clear()
    world.cloud.launch_takes = timedelta(minutes=5)
    job = world.cloud.foreign_job(PLACE, [server], timedelta(minutes=10))
    world.wait(REFRESH)
    assert conflicts(world) == [(server, None, None, job)]
    ready = world.condition(RecoveryPlan, "production")
    assert ready.status == "True", "a conflict warns, it takes nothing away"
    assert job in ready.message
    assert ("ServerConflict", True) in [(e.reason, e.warning) for e in world.cluster.events if e.name == "production"]

    world.wait(300)
    assert conflicts(world) == [], "its launch is over, though the job is not"
    assert {operation for operation, _ in world.cloud.calls} == {"inventory"}


def test_a_run_of_another_plan_is_a_conflict_from_its_pin_to_its_end(world: World) -> None:
    world.plan("databases", "db")
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    world.wait(1)
    assert conflicts(world, "databases") == [(server, "drill", "production", None) for server in server_ids("db")], (
        "its servers are up, the run goes on"
    )
    assert conflicts(world) == [], "its own run is no conflict of a plan"
    assert "drill (plan production)" in world.condition(RecoveryPlan, "databases").message
    world.command("resume", "2.1")
    world.until(world.finished)
    world.wait(1)
    assert conflicts(world, "databases") == []


def test_a_conflict_is_told_once(world: World) -> None:
    world.plan("databases", "db")
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    world.wait(1)
    world.cluster.edit(RecoveryPlan, NAMESPACE, "databases", priority=1)
    world.wait(300)
    assert plan(world, "databases").status.observed_generation == 2
    told = [event for event in world.cluster.events if event.name == "databases" and event.reason == "ServerConflict"]
    assert len(told) == 1


def test_what_would_queue_follows_the_quotas_of_the_account(world: World) -> None:
    waves = plan(world).spec.to_json()["waves"]
    world.cluster.edit(RecoveryPlan, NAMESPACE, "production", waves=[{**wave, "launchOrder": 1} for wave in waves])
    world.wait(1)
    assert world.condition(RecoveryPlan, "production", "WavesValid").reason == "WavesValid", "no quota is known"
    world.cloud.quotas = {"jobsInProgress": 2, "serversInAllJobs": 500}
    world.wait(REFRESH)
    valid = world.condition(RecoveryPlan, "production", "WavesValid")
    assert (valid.status, valid.reason) == ("True", "ConcurrentJobsLimitExceeded")
    assert "part of wave 3 queues" in valid.message
    assert world.condition(RecoveryPlan, "production").status == "True"
    world.cloud.quotas = {"jobsInProgress": 20, "serversInAllJobs": 500}
    world.wait(REFRESH)
    assert world.condition(RecoveryPlan, "production", "WavesValid").reason == "WavesValid"


def test_converged_it_writes_nothing_not_even_after_a_restart(world: World) -> None:
    world.cloud.launch_takes = timedelta(hours=1)
    world.cloud.foreign_job(PLACE, [server_ids("db")[0]], timedelta(hours=1))
    world.wait(2 * REFRESH)
    assert len(conflicts(world)) == 1
    before = plan(world).metadata.resource_version
    world.start_operator()
    world.wait(10 * REFRESH)
    assert plan(world).metadata.resource_version == before


@pytest.mark.parametrize(
    ("split", "jobs"),
    [(True, [100, 50]), (False, [])],
    ids=["split", "not split"],
)
def test_a_drill_of_a_large_wave(split: bool, jobs: list[int]) -> None:
    world = World()
    world.quickstart(pause_before=())
    for number in range(150):
        world.cloud.server(PLACE, f"s-farm{number:013d}", Tier="farm")
    world.group("farm", Tier="farm")
    world.plan("large", "farm")
    world.cluster.edit(RecoveryPlan, NAMESPACE, "large", splitOversizedWaves=split)
    world.wait(1)
    ready = world.condition(RecoveryPlan, "large")
    assert (ready.status, ready.reason) == (("True", "Ready") if split else ("False", "WaveSizeExceeded"))
    world.execute(recoveryPlanRef={"name": "large"})
    world.until(world.finished)
    seen = world.seen()
    assert seen.status.phase == ("Completed" if split else "Failed")
    assert [len(servers) for _, servers in world.cloud.launches()] == jobs
    assert len({server for _, servers in world.cloud.launches() for server in servers}) == sum(jobs)
    if not split:
        assert seen.status.error is not None
        assert seen.status.error.code == "WAVE_SIZE_EXCEEDED"
        assert "splitOversizedWaves: true" in (seen.status.error.message or "")
