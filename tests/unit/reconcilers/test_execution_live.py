"""Servers that run as a real recovery already: refused, kept or replaced, and never launched over by accident."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.reconcilers.world import PLACE, World, server_ids

DB, APP, WEB = (server_ids(tier) for tier in ("db", "app", "web"))


def prepared(*alive: str, pause_before: tuple[int, ...] = ()) -> World:
    """A settled world in which these servers run as a real recovery."""
    world = World()
    world.quickstart(pause_before)
    for server_id in alive:
        world.cloud.live_instance(PLACE, server_id)
    world.wait(1)
    return world


def recover(world: World, policy: str, name: str = "run", **fields: Any) -> None:
    world.execute(name, executionType="RECOVERY", liveRecoveryInstances=policy, **fields)
    world.until(lambda: world.finished(name) or world.phase(name) == "Paused")


def launched(world: World) -> list[tuple[str, ...]]:
    return [servers for _, servers in world.cloud.launches()]


def codes(world: World, name: str = "run") -> list[tuple[str, str]]:
    return [(str(finding.severity), finding.code) for finding in world.seen(name).status.findings]


def phases(world: World, name: str = "run") -> list[tuple[str, list[str]]]:
    return [(str(w.phase), [str(s.phase) for s in w.servers]) for w in world.seen(name).status.waves]


def assert_nothing_left(world: World) -> None:
    assert (world.tables.plans, world.tables.holds) == ({}, {})


def test_refuse_launches_nothing_at_all() -> None:
    world = prepared(WEB[0])
    recover(world, "Refuse")
    assert (world.phase("run"), codes(world)) == ("Failed", [("Refusal", "LIVE_RECOVERY_INSTANCE")])
    assert (launched(world), world.cloud.destroyed) == ([], [])
    assert_nothing_left(world)


def test_keep_launches_only_the_rest() -> None:
    world = prepared(DB[0], WEB[0])
    recover(world, "Keep")
    assert world.phase("run") == "Completed"
    assert phases(world) == [("Completed", ["Kept", "Ready"]), ("Completed", ["Ready"]), ("Completed", ["Kept"])]
    assert launched(world) == [(DB[1],), APP]
    assert world.cloud.destroyed == []
    assert codes(world) == [("Warning", "LIVE_RECOVERY_INSTANCE")] * 2
    assert world.seen("run").status.server_progress == "4/4"
    kept = world.seen("run").status.waves[2].servers[0]
    assert (kept.recovery_instance_id, kept.private_ip) == (f"i-live-{WEB[0][-3:]}", "10.9.9.9")
    assert_nothing_left(world)


def test_keep_with_every_server_alive_is_completed_without_a_job() -> None:
    world = prepared(*DB, *APP, *WEB, pause_before=(1, 2, 3))
    recover(world, "Keep")
    assert world.phase("run") == "Completed"
    assert phases(world) == [("Completed", ["Kept"] * 2), ("Completed", ["Kept"]), ("Completed", ["Kept"])]
    assert (launched(world), world.holds("run")) == ([], [])
    assert_nothing_left(world)


def test_keep_holds_what_it_keeps_while_it_runs() -> None:
    world = prepared(WEB[0], pause_before=(1,))
    recover(world, "Keep")
    assert (PLACE, WEB[0]) in world.tables.holds, "no drill may launch it meanwhile"
    world.execute("drill")
    world.until(lambda: world.finished("drill"))
    assert ("Refusal", "PLAN_ALREADY_EXECUTING") in codes(world, "drill")


def test_keep_also_keeps_what_comes_to_life_while_it_waits() -> None:
    """Somebody recovers it by hand between the pin and the launch."""
    world = prepared(pause_before=(3,))
    recover(world, "Keep")
    world.cloud.live_instance(PLACE, WEB[0])
    world.command("resume", "3.1", "run")
    world.until(lambda: world.finished("run"))
    assert phases(world)[2] == ("Completed", ["Kept"])
    assert launched(world) == [DB, APP]
    assert world.cloud.destroyed == []


def test_replace_launches_over_what_was_there_when_it_started() -> None:
    world = prepared(WEB[0])
    recover(world, "Replace")
    assert world.phase("run") == "Completed"
    assert launched(world) == [DB, APP, WEB]
    assert world.cloud.destroyed == [f"i-live-{WEB[0][-3:]}"], "as asked"
    assert_nothing_left(world)


def test_replace_does_not_launch_over_what_has_come_since() -> None:
    world = prepared(pause_before=(3,))
    recover(world, "Replace")
    world.cloud.live_instance(PLACE, WEB[0])
    world.command("resume", "3.1", "run")
    world.until(lambda: len(world.holds("run")) == 1 and world.holds("run")[0][0] == "3.2")
    assert world.holds("run") == [("3.2", "LiveRecoveryInstance")]
    assert launched(world) == [DB, APP]
    assert world.cloud.destroyed == []


@pytest.mark.parametrize("policy", ["Keep", "Replace"])
def test_a_drill_is_refused_whatever_it_asks_for(policy: str) -> None:
    world = prepared(WEB[0])
    world.execute("drill", liveRecoveryInstances=policy)
    world.until(lambda: world.finished("drill"))
    assert codes(world, "drill") == [("Refusal", "LIVE_RECOVERY_INSTANCE")]
    assert (launched(world), world.cloud.destroyed) == ([], [])


def test_a_recovery_again_with_keep_launches_what_the_first_could_not() -> None:
    """Evening (c): one server fails its conversion; a third recovery launches only that one."""
    world = World()
    world.quickstart((), onFailure="Continue")
    world.wait(1)
    world.cloud.fates = {WEB[0]: "FAILED"}
    recover(world, "Refuse", "first")
    assert world.phase("first") == "CompletedWithExceptions"
    world.cloud.mend(WEB[0])
    world.wait(61)
    recover(world, "Refuse", "second")
    assert codes(world, "second") == [("Refusal", "LIVE_RECOVERY_INSTANCE")] * 2
    recover(world, "Keep", "third")
    assert world.phase("third") == "Completed"
    assert phases(world, "third") == [("Completed", ["Kept"] * 2), ("Completed", ["Kept"]), ("Completed", ["Ready"])]
    assert launched(world)[-1] == WEB
    assert len(launched(world)) == 4
    assert world.cloud.destroyed == []


# --- scope ------------------------------------------------------------------------------------------------------------


def test_only_what_is_in_scope_is_launched_and_held() -> None:
    world = prepared(pause_before=(1,))
    scope = {"waves": [1, 3], "excludeServerIds": [DB[1]]}
    world.execute("run", executionType="RECOVERY", scope=scope)
    world.until(lambda: world.phase("run") == "Paused")
    assert {server_id for _, server_id in world.tables.holds} == {DB[0], WEB[0]}
    assert [wave.wave_number for wave in world.seen("run").status.waves] == [1, 3]
    world.command("resume", "1.1", "run")
    world.until(lambda: world.finished("run"))
    assert world.phase("run") == "Completed"
    assert launched(world) == [(DB[0],), WEB], "the last one waits for the first, through the one that is left out"
    first, last = world.run_of("run").waves
    assert first.end_time is not None
    assert last.start_time is not None
    assert first.end_time <= last.start_time
    assert_nothing_left(world)


def test_a_live_server_that_is_left_out_refuses_nobody() -> None:
    world = prepared(WEB[0])
    world.execute("drill", scope={"excludeServerIds": [WEB[0]]})
    world.until(lambda: world.finished("drill"))
    assert world.phase("drill") == "Completed"
    assert launched(world) == [DB, APP]
    assert world.cloud.destroyed == []


@pytest.mark.parametrize("execution_type", ["DRILL", "RECOVERY"])
def test_a_scope_that_leaves_nothing_is_refused(execution_type: str) -> None:
    world = prepared()
    scope = {"serverIds": [DB[0]], "excludeServerIds": [DB[0]]}
    world.execute("run", executionType=execution_type, scope=scope)
    world.until(lambda: world.finished("run"))
    assert codes(world) == [("Refusal", "INVALID_PARAMETER")]
    assert launched(world) == []
    assert_nothing_left(world)
