"""The operator dies between any two of its side effects, and the next one brings the run to the same end.

Each effect (a write to the ledger or to the API server, a launch call) kills in two ways: before it happens, and after
it happened but before its answer is there.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.ports import Fenced
from tests.unit.reconcilers.world import PLACE, World, server_ids

WAVES = [server_ids(tier) for tier in ("db", "app", "web")]
PARTS = 4
"""The effects of a whole run are shared out among so many tests."""


def prepared(execution_type: str = "DRILL", pause_before: tuple[int, ...] = (2,)) -> World:
    """A settled world with a new execution `run`, whose plan pauses before its second wave."""
    world = World()
    world.quickstart(pause_before)
    world.wait(1)
    world.effects.done.clear()
    world.execute("run", executionType=execution_type)
    return world


def to_the_end(world: World) -> None:
    """Pause, resume, end."""
    world.until(lambda: bool(world.holds("run")), DRExecution)
    world.command("resume", "2.1", "run")
    world.until(lambda: world.finished("run"), DRExecution)


def cancelled(world: World) -> None:
    """Cancelled while the first wave launches."""
    world.until(lambda: len(world.cloud.launches()) == 1, DRExecution)
    world.command("cancel", "now", "run")
    world.until(lambda: world.finished("run"), DRExecution)


def outcome(world: World) -> dict[str, Any]:
    """The status without times, ids of jobs and instances, and how often something was tried."""
    status = world.cluster.status(DRExecution, "dr", "run")
    return {
        "phase": status["phase"],
        "progress": (status["waveProgress"], status["serverProgress"]),
        "waves": [
            (wave["phase"], [(s["phase"], s.get("launchStatus"), "privateIp" in s) for s in wave["servers"]])
            for wave in status["waves"]
        ],
        "holds": status["holds"],
        "requests": [(r["type"], r["value"], r["outcome"], r["count"]) for r in status["requests"]],
        "conditions": [(c["type"], c["status"], c["reason"], c["message"]) for c in status["conditions"]],
        "error": status.get("error"),
    }


def assert_nothing_left(world: World) -> None:
    """No lock, no hold, no command, no finalizer; no instance was launched over."""
    assert world.tables.plans == {}
    assert world.tables.holds == {}
    assert world.cloud.destroyed == []
    assert world.cloud.conflicts == []
    assert world.seen("run").metadata.annotations == {}
    assert world.seen("run").metadata.finalizers == []


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("applied", [False, True], ids=["before it happens", "before its answer"])
def test_a_run_survives_a_crash_at_any_effect(applied: bool, part: int) -> None:
    undisturbed = prepared()
    to_the_end(undisturbed)
    for number, name in list(enumerate(undisturbed.effects.done))[part::PARTS]:
        world = prepared()
        world.effects.kill_at(number, applied)
        to_the_end(world)
        at = f"killed at effect {number} ({name})"
        assert world.deaths == 1, at
        assert [servers for _, servers in world.cloud.launches()] == WAVES, at
        assert outcome(world) == outcome(undisturbed), at
        assert_nothing_left(world)


@pytest.mark.parametrize("every", [13, 17, 29])
def test_a_run_survives_many_crashes(every: int) -> None:
    undisturbed = prepared()
    to_the_end(undisturbed)
    world = prepared()
    kills = 0

    def again() -> None:
        nonlocal kills
        kills += 1
        world.effects.kill_at(len(world.effects.done) + every, applied=kills % 2 == 0)

    start = world.start_operator

    def restarted() -> None:
        again()
        start()

    world.start_operator = restarted  # type: ignore[method-assign]
    again()
    to_the_end(world)
    assert world.deaths > 1
    assert [servers for _, servers in world.cloud.launches()] == WAVES
    assert outcome(world) == outcome(undisturbed)
    assert_nothing_left(world)


@pytest.mark.parametrize("applied", [False, True], ids=["before it happens", "before its answer"])
def test_a_cancelled_run_survives_a_crash_at_any_effect(applied: bool) -> None:
    undisturbed = prepared()
    cancelled(undisturbed)
    for number, name in enumerate(undisturbed.effects.done):
        world = prepared()
        world.effects.kill_at(number, applied)
        cancelled(world)
        at = f"killed at effect {number} ({name})"
        assert world.deaths == 1, at
        assert len(world.cloud.launches()) == 1, at
        assert outcome(world) == outcome(undisturbed), at
        assert_nothing_left(world)


@pytest.mark.parametrize("applied", [False, True], ids=["before it happens", "before its answer"])
def test_a_refusal_survives_a_crash_at_any_effect(applied: bool) -> None:
    def refused() -> World:
        world = prepared()
        world.cloud.server(PLACE, server_ids("web")[0], state="DISCONNECTED", Tier="web")
        return world

    undisturbed = refused()
    undisturbed.until(lambda: undisturbed.finished("run"), DRExecution)
    want = undisturbed.seen("run").status
    for number, name in enumerate(undisturbed.effects.done):
        world = refused()
        world.effects.kill_at(number, applied)
        world.until(lambda world=world: world.finished("run"), DRExecution)  # type: ignore[misc]
        status, at = world.seen("run").status, f"killed at effect {number} ({name})"
        assert world.deaths == 1, at
        assert (status.phase, status.error, status.findings) == (want.phase, want.error, want.findings), at
        assert status.error is not None
        assert status.findings, at
        assert world.cloud.launches() == [], at
        assert_nothing_left(world)


@pytest.mark.parametrize("wave", [0, 1, 2])
@pytest.mark.parametrize("applied", [False, True], ids=["before it happens", "before its answer"])
def test_a_recovery_whose_launch_call_died(applied: bool, wave: int) -> None:
    """What happened is adopted; of what did not happen a person decides."""
    undisturbed = prepared("RECOVERY", pause_before=())
    undisturbed.until(lambda: undisturbed.finished("run"), DRExecution)
    calls = [number for number, name in enumerate(undisturbed.effects.done) if name == "start recovery"]
    world = prepared("RECOVERY", pause_before=())
    world.effects.kill_at(calls[wave], applied)
    world.until(lambda: bool(world.holds("run")) or world.finished("run"), DRExecution)
    assert world.deaths == 1
    if applied:
        assert [servers for _, servers in world.cloud.launches()] == WAVES
        assert outcome(world) == outcome(undisturbed)
        assert_nothing_left(world)
        return
    assert [reason for _, reason in world.holds("run")] == ["LaunchOutcomeUnknown"]
    world.wait(3 * 3600, DRExecution)
    assert [servers for _, servers in world.cloud.launches()] == WAVES[:wave]
    assert world.tables.holds != {}, "its servers stay its own meanwhile"


def test_a_leader_of_before_writes_nothing_any_more() -> None:
    """It slept through the take-over; awake again it is stopped at its first write and launches nothing."""
    world = prepared()
    world.until(lambda: bool(world.holds("run")), DRExecution)
    sleeper = world.context
    world.start_operator()
    world.command("resume", "2.1", "run")
    world.until(lambda: len(world.cloud.launches()) == 2, DRExecution)
    leader = world.context
    world.lead(sleeper)
    calls = len(world.cloud.calls)
    before = (world.cluster.status(DRExecution, "dr", "run"), dict(world.tables.rows))
    world.clock.advance(timedelta(hours=1).total_seconds())
    with pytest.raises(Fenced, match="epoch 2"):
        world.wait(600, DRExecution)
    assert (world.cluster.status(DRExecution, "dr", "run"), dict(world.tables.rows)) == before
    assert len(world.cloud.calls) == calls
    world.lead(leader)
    world.until(lambda: world.finished("run"), DRExecution)
    assert [servers for _, servers in world.cloud.launches()] == WAVES
