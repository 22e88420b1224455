"""Retry and adopt: a failed wave's next attempt launches what is missing and nothing else, whatever dies meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.ports import ReadFailed
from tests.fakes.cloud import Lost
from tests.unit.reconcilers.world import PLACE, World, server_ids

DB = server_ids("db")
REST = [server_ids("app"), server_ids("web")]


def failed(fate: str = "FAILED", **wave_fields: object) -> World:
    """A RECOVERY `run` whose first wave has failed with one of its two servers."""
    world = World()
    world.quickstart((), **wave_fields)
    world.wait(1)
    world.effects.done.clear()
    world.cloud.fates[DB[1]] = fate
    world.execute("run", executionType="RECOVERY")
    world.until(lambda: world.holds("run") == [("1.1", "WaveFailed")])
    return world


def launched(world: World) -> list[tuple[str, ...]]:
    """The servers of each launch call, in order."""
    return [servers for _, servers in world.cloud.launches()]


def answers(world: World) -> list[tuple[str, str | None, str | None]]:
    """Type, value and code of what was asked, oldest first."""
    return [(r.type, r.value, r.code) for r in reversed(world.seen("run").status.requests)]


def assert_ended_clean(world: World) -> None:
    """It came to a good end and nothing is left of it; no instance was launched over."""
    assert (world.tables.plans, world.tables.holds) == ({}, {})
    assert (world.cloud.destroyed, world.cloud.conflicts) == ([], [])
    assert world.seen("run").metadata.annotations == {}
    assert world.seen("run").metadata.finalizers == []


def test_only_the_failed_server_is_launched_again() -> None:
    world = failed()
    assert str(world.seen("run").status.holds[0].message).endswith("drs-operator.io/retry=1.1  # or skip=1.1")
    world.cloud.mend(DB[1])
    world.command("retry", "1.1", "run")
    world.until(lambda: world.finished("run"))
    status = world.seen("run").status
    assert status.phase == "Completed"
    assert launched(world) == [DB, (DB[1],), *REST]
    first = status.waves[0]
    assert (first.phase, first.attempt) == ("Completed", 2)
    assert [(s.phase, s.attempt, s.error) for s in first.servers] == [("Ready", 1, None), ("Ready", 2, None)]
    assert [(job.attempt, job.servers) for job in first.jobs] == [(1, 2), (2, 1)]
    assert answers(world) == [("retry", "1.1", None)]
    assert_ended_clean(world)


def test_a_wave_that_fails_again_asks_again() -> None:
    world = failed()
    world.command("retry", "1", "run")
    world.until(lambda: world.holds("run") == [("1.2", "WaveFailed")])
    assert launched(world) == [DB, (DB[1],)]
    world.command("retry", "1", "run")
    world.wait(300)
    assert world.holds("run") == [("1.2", "WaveFailed")], "a value is honoured once"
    world.cloud.mend(DB[1])
    world.command("retry", "1.2", "run")
    world.until(lambda: world.finished("run"))
    assert world.phase("run") == "Completed"
    assert launched(world) == [DB, (DB[1],), (DB[1],), *REST]
    assert_ended_clean(world)


@pytest.mark.parametrize("value", ["true", "2", "1.2"])
def test_what_is_no_failed_wave_is_refused_with_what_there_is(value: str) -> None:
    world = failed()
    world.command("retry", value, "run")
    world.wait(60)
    assert answers(world) == [("retry", value, "NOTHING_TO_RETRY")]
    (request,) = world.seen("run").status.requests
    assert "retry=1.1" in str(request.message)
    assert world.holds("run") == [("1.1", "WaveFailed")]
    assert launched(world) == [DB]


def test_an_instance_of_this_run_is_adopted_and_not_launched_over() -> None:
    """AWS called the launch failed, but its instance runs."""
    world = failed()
    del world.cloud.fates[DB[1]]
    world.command("retry", "1.1", "run")
    world.until(lambda: world.finished("run"))
    status = world.seen("run").status
    assert status.phase == "Completed"
    assert launched(world) == [DB, *REST]
    assert [(s.phase, s.attempt, s.error) for s in status.waves[0].servers] == [("Ready", 1, None), ("Ready", 1, None)]
    assert status.waves[0].servers[1].recovery_instance_id is not None
    assert status.waves[0].attempt == 2
    assert_ended_clean(world)


def test_an_instance_that_turns_up_before_the_call_is_adopted_too() -> None:
    """It was not there when the command was answered, but right before the launch."""
    world = failed(readyWhen="InstanceStatusOk")

    def appears() -> None:
        del world.cloud.fates[DB[1]]

    world.effects.meanwhile["save run"] = appears  # after the answer is written
    world.command("retry", "1.1", "run")
    world.until(lambda: world.finished("run"))
    assert world.phase("run") == "Completed"
    assert launched(world) == [DB, *REST]
    assert_ended_clean(world)


def test_what_an_earlier_job_still_launches_is_waited_for() -> None:
    """The wave timed out; its job goes on. A retry gives it its time again and launches nothing over it."""
    world = World()
    world.quickstart((), timeoutSeconds=600)
    world.cloud.launch_takes = timedelta(minutes=15)
    world.execute("run", executionType="RECOVERY")
    world.until(lambda: world.holds("run") == [("1.1", "WaveFailed")])
    assert world.seen("run").status.waves[0].phase == "TimedOut"
    world.cloud.launch_takes = timedelta(minutes=1)
    world.command("retry", "1.1", "run")
    world.until(lambda: world.finished("run"))
    assert world.phase("run") == "Completed"
    assert launched(world) == [DB, *REST]
    assert_ended_clean(world)


def test_a_wave_that_times_out_again_asks_again() -> None:
    world = World()
    world.quickstart((), timeoutSeconds=600)
    world.cloud.launch_takes = timedelta(hours=5)
    world.execute("run", executionType="RECOVERY")
    world.until(lambda: world.holds("run") == [("1.1", "WaveFailed")])
    asked = world.clock.now()
    world.command("retry", "1.1", "run")
    world.until(lambda: world.holds("run") == [("1.2", "WaveFailed")])
    assert timedelta(seconds=600) <= world.clock.now() - asked < timedelta(seconds=700), "its time began anew"
    assert launched(world) == [DB]


def test_a_server_that_another_run_held_is_launched_when_it_is_free() -> None:
    world = World()
    world.quickstart(())
    world.wait(1)
    world.tables.holds[(PLACE, DB[1])] = ("exec-other", "dr/other")
    world.execute("run", executionType="RECOVERY")
    world.until(lambda: world.holds("run") == [("1.1", "WaveFailed")])
    assert launched(world) == [(DB[0],)]
    world.command("retry", "1", "run")
    world.wait(60)
    assert answers(world) == [("retry", "1", "NOTHING_TO_RETRY")]
    assert "dr/other" in str(world.seen("run").status.requests[0].message)
    del world.tables.holds[(PLACE, DB[1])]
    world.command("retry", "1", "run")
    world.until(lambda: len(launched(world)) == 2)
    assert world.tables.holds[(PLACE, DB[1])][1] == "dr/run", "held before it is launched"
    world.until(lambda: world.finished("run"))
    assert world.phase("run") == "Completed"
    assert launched(world) == [(DB[0],), (DB[1],), *REST]
    assert_ended_clean(world)


def test_a_retry_that_needs_what_cannot_be_read_waits_for_the_next_look() -> None:
    world = failed()
    world.cloud.mend(DB[1])
    world.cloud.failing["recovery instances"] = ReadFailed("DRS_ERROR", "AWS does not answer")
    world.command("retry", "1.1", "run")
    world.command("pause", "lunch", "run")
    world.wait(120)
    assert answers(world) == [("pause", "lunch", None)], "the others of the same read are taken"
    assert world.seen("run").metadata.annotations["drs-operator.io/retry"] == "1.1"
    ready = world.condition(DRExecution, "run")
    assert (ready.reason, "retry=1.1 waits" in ready.message) == ("DrsError", True)
    assert launched(world) == [DB]
    del world.cloud.failing["recovery instances"]
    world.until(lambda: ("retry", "1.1", None) in answers(world))
    world.until(lambda: world.holds("run") == [("1.2", "Requested")])
    world.command("resume", "1.2", "run")
    world.until(lambda: world.finished("run"))
    assert launched(world) == [DB, (DB[1],), *REST]
    assert_ended_clean(world)


def test_the_row_forgets_the_points_of_calls_that_are_over() -> None:
    world = World()
    world.quickstart(())
    world.cloud.fates[DB[1]] = "FAILED"
    world.execute("run", executionType="RECOVERY", recoveryPoint={"policy": "ExistingLatest"})
    world.until(lambda: world.holds("run") == [("1.1", "WaveFailed")])
    assert world.run_of("run").intents[0].snapshots.keys() == set(DB)
    world.until(lambda: not world.run_of("run").intents[0].active)
    world.command("retry", "1.1", "run")
    world.until(lambda: len(launched(world)) == 2)
    assert [set(intent.snapshots) for intent in world.run_of("run").intents] == [set(), {DB[1]}]


# --- crashes --------------------------------------------------------------------------------------------------------


def retried(world: World) -> None:
    """From the failure to the end."""
    world.cloud.mend(DB[1])
    world.command("retry", "1.1", "run")
    world.until(lambda: world.finished("run"), DRExecution)


PARTS = 3


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("applied", [False, True], ids=["before it happens", "before its answer"])
def test_a_retry_survives_a_crash_at_any_effect(applied: bool, part: int) -> None:
    undisturbed = failed()
    before = len(undisturbed.effects.done)
    retried(undisturbed)
    done = undisturbed.effects.done
    unsure = {n if not applied else n - 1 for n, name in enumerate(done) if name == "start recovery"}
    for number, name in list(enumerate(done))[before:][part::PARTS]:
        if number in unsure:
            continue  # CALLING is written and nothing was called: a person is asked, see the next test
        world = failed()
        world.effects.kill_at(number, applied)
        retried(world)
        at = f"killed at effect {number} ({name})"
        assert world.deaths == 1, at
        assert launched(world) == [DB, (DB[1],), *REST], at
        assert world.phase("run") == "Completed", at
        assert answers(world) == [("retry", "1.1", None)], at
        assert_ended_clean(world)


def test_a_retry_whose_call_died_unmade_asks_and_adopts_what_was_launched_by_hand() -> None:
    undisturbed = failed()
    before = len(undisturbed.effects.done)
    retried(undisturbed)
    calls = [n for n, name in enumerate(undisturbed.effects.done) if name == "start recovery" and n >= before]
    world = failed()
    world.effects.kill_at(calls[0], applied=False)
    world.cloud.mend(DB[1])
    world.command("retry", "1.1", "run")
    world.until(lambda: world.holds("run") == [("1.2", "LaunchOutcomeUnknown")], DRExecution)
    assert launched(world) == [DB]
    job = world.cloud.foreign_job(PLACE, (DB[1],), timedelta(minutes=2), is_drill=False)
    world.command("adopt", job, "run")
    world.until(lambda: world.finished("run"), DRExecution)
    assert world.phase("run") == "Completed"
    assert launched(world) == [DB, *REST]
    assert world.seen("run").status.waves[0].servers[1].attempt == 2
    assert_ended_clean(world)


# --- adopt ----------------------------------------------------------------------------------------------------------


def lost() -> World:
    """A RECOVERY `run` whose first launch was lost."""
    world = World()
    world.quickstart(())
    world.cloud.answers = [Lost(launched=False)]
    world.execute("run", executionType="RECOVERY")
    world.until(lambda: world.holds("run") == [("1.1", "LaunchOutcomeUnknown")])
    return world


def test_the_job_that_a_person_names_is_followed() -> None:
    world = lost()
    message = str(world.seen("run").status.holds[0].message)
    assert message.endswith("drs-operator.io/adopt=drsjob-…  # or skip=1.1")
    job = world.cloud.foreign_job(PLACE, DB, timedelta(minutes=2), is_drill=False)
    world.command("adopt", job, "run", by="bob")
    world.until(lambda: world.finished("run"))
    status = world.seen("run").status
    assert status.phase == "Completed"
    assert [j.job_id for j in status.waves[0].jobs] == [job]
    assert launched(world) == REST
    assert world.run_of("run").holds[0].closed_by == "bob"
    assert_ended_clean(world)


@pytest.mark.parametrize(
    ("servers", "is_drill", "want"),
    [
        (DB[:1], False, "lacks"),
        ((*DB, "s-00000000000other1"), False, "besides"),
        (DB, True, "START_DRILL"),
    ],
)
def test_a_job_that_is_not_the_launch_is_refused_with_what_differs(
    servers: tuple[str, ...], is_drill: bool, want: str
) -> None:
    world = lost()
    job = world.cloud.foreign_job(PLACE, servers, timedelta(minutes=2), is_drill=is_drill)
    for value in (job, "drsjob-9999"):
        world.command("adopt", value, "run")
        world.wait(60)
    assert answers(world) == [("adopt", job, "JOB_DOES_NOT_MATCH"), ("adopt", "drsjob-9999", "JOB_DOES_NOT_MATCH")]
    other, wrong = world.seen("run").status.requests
    assert want in str(wrong.message)
    assert "no such job" in str(other.message)
    assert world.holds("run") == [("1.1", "LaunchOutcomeUnknown")]
    world.command("skip", "1.1", "run")
    world.until(lambda: world.finished("run"))
    assert launched(world) == REST, "the lost launch is never repeated"
    assert world.run_of("run").intents[0].state == "Ended"
