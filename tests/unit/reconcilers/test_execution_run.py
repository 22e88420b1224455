"""Whole runs: waves in their order, pauses, verdicts, and nothing left behind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan
from drs_operator.api.v1alpha1.conditions import find_condition
from tests.unit.reconcilers.world import NAMESPACE, PLACE, World, server_ids


@pytest.fixture
def world() -> World:
    world = World()
    world.quickstart()
    return world


def plain(**wave_fields: object) -> World:
    """A world whose plan does not pause; every wave has these fields, too."""
    world = World()
    world.quickstart((), **wave_fields)
    return world


def assert_nothing_left(world: World) -> None:
    """No lock, no hold, no launch over a running instance."""
    assert world.tables.plans == {}
    assert world.tables.holds == {}
    assert world.cloud.destroyed == []


def wave_phases(world: World, name: str = "drill") -> list[str]:
    """Phases of the waves, by number."""
    return [str(wave.phase) for wave in world.seen(name).status.waves]


def test_a_drill_of_three_waves_with_a_pause(world: World) -> None:
    world.execute()
    world.until(lambda: world.phase() == "Paused")

    status = world.seen().status
    assert wave_phases(world) == ["Completed", "Held", "Pending"]
    assert [servers for _, servers in world.cloud.launches()] == [server_ids("db")], "nothing beyond the pause"
    assert (status.wave_progress, status.server_progress, status.waiting_for) == ("1/3", "2/4", "you: resume 2.1")
    assert world.holds() == [("2.1", "PauseBeforeWave")]
    assert "kubectl annotate -n dr drx/drill drs-operator.io/resume=2.1" in str(status.holds[0].message)
    assert find_condition(status.conditions, "Paused") is not None
    world.wait(7200)
    assert world.phase() == "Paused", "it waits for as long as it takes"

    world.command("resume", "2.1")
    world.until(world.finished)

    status = world.seen().status
    assert status.phase == "Completed"
    assert wave_phases(world) == ["Completed"] * 3
    assert (status.wave_progress, status.server_progress, status.waiting_for) == ("3/3", "4/4", None)
    assert status.durations is not None
    assert status.durations.paused_seconds is not None
    assert status.durations.paused_seconds >= 7200
    assert status.achieved_rpo_seconds == 300
    assert {c.type: c.status for c in status.conditions} == {"Succeeded": "True", "Finished": "True", "Ready": "True"}
    assert [(r.type, r.value, r.requested_by, r.outcome) for r in status.requests] == [
        ("resume", "2.1", "jane", "Accepted")
    ]
    assert [servers for _, servers in world.cloud.launches()] == [server_ids(tier) for tier in ("db", "app", "web")]
    running = {instance.server_id: instance for instance in world.cloud.instances(PLACE)}
    for wave in status.waves:
        for server in wave.servers:
            assert server.recovery_instance_id == running[server.server_id].instance_id
            assert server.private_ip == running[server.server_id].private_ip
    assert all(instance.is_drill for instance in running.values())
    assert_nothing_left(world)
    assert world.failures == []


def test_a_recovery_launches_real_instances(world: World) -> None:
    world.execute("recovery", executionType="RECOVERY")
    world.until(lambda: world.phase("recovery") == "Paused")
    world.command("resume", "true", "recovery")
    world.until(lambda: world.finished("recovery"))
    assert world.phase("recovery") == "Completed"
    assert [instance.is_drill for instance in world.cloud.instances(PLACE)] == [False] * 4
    assert_nothing_left(world)


def test_a_drill_may_skip_its_pauses(world: World) -> None:
    world.execute(pausePolicy="Skip")
    world.until(world.finished)
    assert world.phase() == "Completed"


def test_events_tell_each_transition_once(world: World) -> None:
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    world.command("resume", "2.1")
    world.until(world.finished)
    told = world.reasons()
    assert told.count("WaveLaunching") == told.count("WaveCompleted") == 3
    for once in ("Started", "PauseBeforeWave", "CommandAccepted", "HoldClosed", "Completed"):
        assert told.count(once) == 1, once


def test_waves_of_the_same_order_run_side_by_side() -> None:
    world = plain(launchOrder=1)
    world.execute()
    world.until(lambda: len(world.cloud.launches()) == 3)
    assert wave_phases(world) == ["Launching"] * 3
    world.until(world.finished)
    assert world.phase() == "Completed"
    assert_nothing_left(world)


def test_a_wave_may_wait_after_its_servers_are_ready() -> None:
    world = plain(waitAfterSeconds=600)
    world.execute()
    world.until(world.finished)
    first, second, _ = world.seen().status.waves
    assert first.start_time is not None
    assert second.start_time is not None
    assert second.start_time - first.start_time >= timedelta(seconds=660)


def test_a_wave_that_also_wants_status_checks() -> None:
    world = plain(readyWhen="InstanceStatusOk")
    world.execute()
    world.until(lambda: world.seen().status.server_progress == "2/4")
    assert world.seen().status.waves[0].phase == "Launching", "launched is not yet ready"
    world.until(world.finished)
    assert world.phase() == "Completed"


@pytest.mark.parametrize(
    ("on_failure", "phase", "waves", "because"),
    [
        (None, "Failed", ["Failed", "Cancelled", "Cancelled"], "a drill's default is Fail"),
        ("Continue", "CompletedWithExceptions", ["Failed", "Completed", "Completed"], "the waves after it start"),
    ],
)
def test_a_server_that_does_not_come_up(on_failure: str | None, phase: str, waves: list[str], because: str) -> None:
    world = plain(**({"onFailure": on_failure} if on_failure else {}))
    lost = server_ids("db")[1]
    world.cloud.fates[lost] = "FAILED"
    world.execute()
    world.until(world.finished)
    status = world.seen().status
    assert status.phase == phase, because
    assert wave_phases(world) == waves, because
    failed = next(server for server in status.waves[0].servers if server.server_id == lost)
    assert failed.phase == "Failed"
    assert failed.error is not None
    assert failed.error.code == "WAVE_LAUNCH_FAILED"
    assert_nothing_left(world)


def test_a_failed_run_says_what_to_do() -> None:
    world = plain()
    world.cloud.fates[server_ids("db")[0]] = "FAILED"
    world.execute()
    world.until(world.finished)
    succeeded = world.condition(DRExecution, "drill", "Succeeded")
    assert (succeeded.status, succeeded.reason) == ("False", "WaveLaunchFailed")
    assert "host-001" in succeeded.message
    assert world.condition(DRExecution, "drill", "Finished").status == "True"
    assert world.condition(DRExecution, "drill", "Stalled").status == "True"


def test_a_recovery_asks_a_person_when_a_wave_fails_and_goes_on_when_told() -> None:
    world = plain()
    world.cloud.fates[server_ids("db")[0]] = "FAILED"
    world.execute("recovery", executionType="RECOVERY")
    world.until(lambda: bool(world.holds("recovery")))
    assert [reason for _, reason in world.holds("recovery")] == ["WaveFailed"]
    world.wait(7200)
    assert len(world.cloud.launches()) == 1
    (hold, _), *_ = world.holds("recovery")
    world.command("resume", hold, "recovery")
    world.wait(300)
    assert len(world.cloud.launches()) == 1, "resume never opens a failed wave"
    world.command("skip", hold, "recovery")
    world.until(lambda: world.finished("recovery"))
    assert world.phase("recovery") == "CompletedWithExceptions"
    assert_nothing_left(world)


def test_a_wave_that_takes_too_long_and_its_job_is_followed_to_its_end() -> None:
    world = plain(timeoutSeconds=600)
    world.cloud.launch_takes = timedelta(hours=2)
    world.execute()
    world.until(lambda: world.phase() == "Running")
    world.until(lambda: world.run_of().verdict is not None)
    assert world.run_of().verdict == "TimedOut"
    assert world.tables.holds != {}, "the job still runs on these servers"
    assert world.condition(DRExecution, "drill", "Finished").status == "False"
    world.until(world.finished)
    assert world.phase() == "TimedOut"
    assert_nothing_left(world)


def test_a_cancelled_run_follows_its_job_and_starts_nothing(world: World) -> None:
    world.cloud.launch_takes = timedelta(minutes=30)
    world.execute()
    world.until(lambda: len(world.cloud.launches()) == 1)
    world.command("cancel", "now")
    world.until(lambda: world.phase() == "Cancelling")
    assert world.tables.holds != {}
    world.until(world.finished)
    assert world.phase() == "Cancelled"
    assert len(world.cloud.launches()) == 1
    assert world.seen().status.waves[0].servers[0].recovery_instance_id is not None, "what came up is shown"
    assert_nothing_left(world)


def test_edits_during_a_run_touch_later_runs_only(world: World) -> None:
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    for server_id in server_ids("app"):
        world.cloud.server(PLACE, server_id, Tier="moved")
    world.cluster.delete(RecoveryPlan, NAMESPACE, "production")
    for group in ("db", "app", "web"):
        world.cluster.delete(ProtectionGroup, NAMESPACE, group)
    world.command("resume", "2.1")
    world.until(world.finished)
    assert world.phase() == "Completed"
    assert [servers for _, servers in world.cloud.launches()] == [server_ids(tier) for tier in ("db", "app", "web")]


def test_a_run_does_not_depend_on_which_process_looks(world: World) -> None:
    world.execute()
    while world.phase() != "Paused":
        world.start_operator()
        world.wait(15)
    world.command("resume", "2.1")
    while not world.finished():
        world.start_operator()
        world.wait(15)
    assert world.phase() == "Completed"
    assert len(world.cloud.launches()) == 3
    assert_nothing_left(world)


def test_the_plan_can_be_run_again(world: World) -> None:
    world.execute("first", pausePolicy="Skip")
    world.until(lambda: world.finished("first"))
    world.execute("second", pausePolicy="Skip")
    world.until(lambda: world.finished("second"))
    assert world.phase("second") == "Completed"
    assert len(world.cloud.launches()) == 6
    assert len(world.cloud.destroyed) == 4, "a drill replaces the instances of the drill before, as on AWS"
