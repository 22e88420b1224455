"""What a launch call is preceded by: claims, servers that are gone or silent; and a lost launch without its tags."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from drs_operator.ports import Access, ReadFailed
from tests.fakes.cloud import Lost
from tests.unit.reconcilers.world import ACCOUNT_ID, EXTERNAL_ID, NAMESPACE, PLACE, World, server_ids

DB = server_ids("db")
WEB = server_ids("web")[0]
SETTLE = 6 * 60


def prepared(pause_before: tuple[int, ...] = (), **wave_fields: Any) -> World:
    world = World()
    world.quickstart(pause_before, **wave_fields)
    world.wait(1)
    return world


def paused(**wave_fields: Any) -> World:
    """A drill that waits before its last wave."""
    world = prepared((3,), **wave_fields)
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    return world


def calls(world: World, operation: str) -> int:
    return sum(1 for name, _ in world.cloud.calls if name == operation)


# --- lost, and without tags -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("execution_type", ["DRILL", "RECOVERY"])
@pytest.mark.parametrize("unseen_for", [0, 120], ids=["seen at once", "seen after two minutes"])
def test_a_lost_launch_without_tags_is_found_by_its_servers_last_launch(execution_type: str, unseen_for: int) -> None:
    world = prepared()
    world.cloud.answers = [Lost(launched=True, untagged=True, unseen_for=timedelta(seconds=unseen_for))]
    world.execute("run", executionType=execution_type)
    world.until(lambda: world.finished("run"))
    assert world.phase("run") == "Completed"
    assert calls(world, "start recovery") == 3
    assert world.cloud.destroyed == []
    assert world.holds("run") == []


def test_a_launch_that_is_found_by_its_token_costs_no_second_look() -> None:
    world = prepared()
    world.cloud.answers = [Lost(launched=True)]
    world.execute()
    world.until(lambda: calls(world, "start recovery") == 1)
    world.until(lambda: any(intent.job_id for intent in world.run_of().intents))
    asked = calls(world, "source servers")
    assert asked == 1, "the guards' own"


def test_somebody_elses_launch_of_other_servers_is_not_taken_for_a_lost_one() -> None:
    world = prepared()
    world.cloud.answers = [Lost(launched=False)]
    world.execute("run", executionType="RECOVERY")
    world.until(lambda: calls(world, "start recovery") == 1)
    world.cloud.foreign_job(PLACE, (*DB, WEB), timedelta(minutes=1))
    world.wait(SETTLE + 120)
    assert [reason for _, reason in world.holds("run")] == ["LaunchOutcomeUnknown"]


def test_as_long_as_the_servers_cannot_be_asked_nothing_is_repeated() -> None:
    world = prepared()
    world.cloud.answers = [Lost(launched=True, untagged=True)]
    world.execute()
    world.until(lambda: calls(world, "start recovery") == 1)
    world.cloud.failing["source servers"] = ReadFailed("DRS_ERROR", "no answer")
    world.wait(3600)
    assert calls(world, "start recovery") == 1
    del world.cloud.failing["source servers"]
    world.until(world.finished)
    assert calls(world, "start recovery") == 3
    assert world.cloud.destroyed == []


# --- claims -----------------------------------------------------------------------------------------------------------


def test_a_server_that_another_run_holds_by_now_is_not_launched() -> None:
    world = paused()
    world.tables.holds[PLACE, WEB] = ("exec-other", "dr/other")
    world.command("resume", "3.1")
    world.until(world.finished)
    assert len(world.cloud.launches()) == 2
    (server,) = world.seen().status.waves[2].servers
    assert server.error is not None
    assert server.error.code == "SERVER_CONFLICT"
    assert "dr/other" in str(server.error.message)
    assert world.tables.holds == {(PLACE, WEB): ("exec-other", "dr/other")}, "the other's is not let go"


def test_a_server_whose_hold_was_lost_is_held_again_and_launched() -> None:
    world = paused()
    del world.tables.holds[PLACE, WEB]
    world.command("resume", "3.1")
    world.until(lambda: len(world.cloud.launches()) == 3)
    assert world.tables.holds[PLACE, WEB][0] == world.run_of().execution_id
    world.until(world.finished)
    assert world.phase() == "Completed"
    assert world.tables.holds == {}


# --- servers and recovery points --------------------------------------------------------------------------------------


def test_a_source_server_that_vanished_fails_alone() -> None:
    world = prepared((1,), onFailure="Continue")
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    world.cloud.remove(PLACE, DB[0])
    world.command("resume", "1.1")
    world.until(world.finished)
    assert world.phase() == "CompletedWithExceptions"
    assert next(servers for _, servers in world.cloud.launches()) == (DB[1],)
    errors = {s.server_id: s.error.code for s in world.seen().status.waves[0].servers if s.error}
    assert errors == {DB[0]: "INVALID_SERVERS"}


def test_a_silent_source_uses_its_newest_point_at_once() -> None:
    world = prepared((1,))
    world.execute("run", executionType="RECOVERY")
    world.until(lambda: world.phase("run") == "Paused")
    world.cloud.server(PLACE, DB[0], state="STALLED", Tier="db")
    world.command("resume", "1.1", "run")
    world.until(lambda: world.finished("run"))
    snapshots = [intent.snapshots for intent in world.run_of("run").intents]
    assert snapshots == [{DB[0]: f"snap-{DB[0][-3:]}-1"}, {}, {}], "the others take a new snapshot"
    told = [event.message for event in world.cluster.events if event.reason == "WaveLaunching"]
    assert "silent" in told[0]
    assert "silent" not in told[1]


def test_how_far_recovery_points_are_from_the_time_is_told() -> None:
    world = prepared()
    for tier in ("db", "app", "web"):
        for server in server_ids(tier):
            world.cloud.server(PLACE, server, points=4, Tier=tier)
    world.clock.advance(60)
    world.cloud.server(PLACE, DB[1], points=4, Tier="db")
    asked = world.clock.now() - timedelta(minutes=12)
    point = {"policy": "At", "time": asked.isoformat()}
    world.execute("run", executionType="RECOVERY", recoveryPoint=point)
    world.until(lambda: world.finished("run"))
    told = [event.message for event in world.cluster.events if event.reason == "WaveLaunching"]
    assert (
        f"recovery points 3 min 0 s to 4 min 0 s before {asked:%Y-%m-%dT%H:%M:%SZ}, the farthest of host-001" in told[0]
    )
    assert len(told) == 3


# --- evidence ---------------------------------------------------------------------------------------------------------


def test_the_log_tells_each_transition_with_the_ids_that_aws_sees() -> None:
    world = prepared()
    structlog.reset_defaults()
    with capture_logs() as lines:
        world.execute()
        world.until(world.finished)
    run = world.run_of()
    calls_told = [line for line in lines if line["event"] == "launch intent"]
    states = {wave: [line["state"] for line in calls_told if line["wave"] == wave] for wave in (1, 2, 3)}
    assert states == {wave: ["Planned", "Calling", "Started", "Ended"] for wave in (1, 2, 3)}
    for line in calls_told:
        assert (line["execution_id"], line["execution"]) == (run.execution_id, f"{NAMESPACE}/drill")
        assert line["attempt"] == 1
    access = Access("production", ACCOUNT_ID, None, EXTERNAL_ID)
    jobs = asyncio.run(world.cloud.jobs(access, PLACE.region, world.clock.now() - timedelta(hours=1))).jobs
    tags = [job.tags for job in jobs]
    assert [t["drs-operator.io/token"] for t in tags] == [x["launch"] for x in calls_told if x["state"] == "Started"]
    assert {t["drs-operator.io/execution-id"] for t in tags} == {run.execution_id}
    assert [(t["drs-operator.io/wave"], t["drs-operator.io/attempt"]) for t in tags] == [
        ("1", "1"),
        ("2", "1"),
        ("3", "1"),
    ]
    waves = [(line["wave"], line["phase"]) for line in lines if line["event"] == "wave"]
    assert [wave for wave, phase in waves if phase == "Completed"] == [1, 2, 3]
    assert [line["reason"] for line in lines if line["event"] == "run event"] == world.reasons()
