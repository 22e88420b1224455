"""The clean-up of drills: the run's own instances and no others, each call once, and the object after it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.planning.launching import Refusal, Refused
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers.context import FINALIZER
from tests.fakes.cloud import Lost
from tests.unit.reconcilers.world import ACCOUNT_ID, NAMESPACE, PLACE, World, server_ids

AFTER = "terminateDrillInstancesAfterSeconds"
TTL = "ttlSecondsAfterFinished"
COMMAND = "terminate-instances"
INSTANCES = ("i-0001-001", "i-0001-002", "i-0002-001", "i-0003-001")


def small(**fields: Any) -> World:
    """A settled world with the drill `drill` of three waves."""
    world = World()
    world.quickstart(())
    world.wait(1)
    world.effects.done.clear()
    world.execute(**fields)
    return world


def ended(world: World, name: str = "drill") -> bool:
    """Its run has ended."""
    return world.seen(name).status.finish_time is not None


def phase(world: World, name: str = "drill") -> str | None:
    """Of its clean-up."""
    cleanup = world.seen(name).status.cleanup
    return str(cleanup.phase) if cleanup else None


def cleaned(world: World) -> bool:
    """Its clean-up is over and the operator has let go of it."""
    return phase(world) in ("Completed", "CompletedWithExceptions") and not world.seen().metadata.finalizers


def message(world: World) -> str:
    """Of the clean-up."""
    cleanup = world.seen().status.cleanup
    return (cleanup.message if cleanup else None) or ""


def asked(**fields: Any) -> World:
    """A drill that has ended, whose clean-up was asked for."""
    world = small(**fields)
    world.until(world.finished)
    world.command(COMMAND, "now")
    return world


def test_a_drill_is_cleaned_up_when_its_time_is_over() -> None:
    world = small(**{AFTER: 3600})
    world.until(lambda: ended(world))
    world.wait(60)
    status = world.seen().status
    assert status.cleanup is not None
    assert status.finish_time is not None
    assert (str(status.cleanup.phase), status.cleanup.remaining) == ("Scheduled", 4)
    due = status.cleanup.due_time
    assert due is not None
    assert abs(due - status.finish_time - timedelta(hours=1)) < timedelta(seconds=1)
    assert world.seen().metadata.finalizers == [FINALIZER], "it holds the object until the clean-up is done"
    world.wait(3400)
    assert world.cloud.terminations == []
    world.until(lambda: cleaned(world), hours=1)
    assert sorted(i for call in world.cloud.terminations for i in call) == sorted(INSTANCES)
    assert world.cloud.instances(PLACE) == []
    after = world.seen().status
    assert after.cleanup is not None
    assert (str(after.cleanup.phase), after.cleanup.terminated, after.cleanup.remaining) == ("Completed", 4, 0)
    assert [(str(j.state), j.status) for j in after.cleanup.jobs] == [("Ended", "COMPLETED")] or after.cleanup.jobs
    assert {s.phase for wave in after.waves for s in wave.servers} == {"Terminated"}
    assert world.reasons()[-2:] == ["CleanupStarted", "CleanupCompleted"]


def test_a_clean_up_changes_nothing_of_the_result() -> None:
    world = small(**{AFTER: 600})
    world.until(lambda: ended(world))
    before = world.cluster.status(DRExecution, NAMESPACE, "drill")
    world.until(lambda: cleaned(world))
    after = world.cluster.status(DRExecution, NAMESPACE, "drill")
    for status in (before, after):
        status.pop("cleanup", None)
        for wave in status["waves"]:
            for server in wave["servers"]:
                del server["phase"]
    assert after == before


def test_the_command_begins_at_once_and_a_second_one_does_nothing() -> None:
    world = asked()
    world.until(lambda: phase(world) == "Running")
    assert world.seen().metadata.finalizers == [FINALIZER]
    world.command(COMMAND, "again")
    world.until(lambda: cleaned(world))
    calls = len(world.cloud.terminations)
    world.command(COMMAND, "and again")
    world.wait(120)
    requests = world.seen().status.requests
    assert [(r.value, str(r.outcome), r.requested_by) for r in requests] == [
        ("and again", "Accepted", "jane"),
        ("again", "Accepted", "jane"),
        ("now", "Accepted", "jane"),
    ]
    assert len(world.cloud.terminations) == calls == 1
    assert world.seen().metadata.annotations == {}


def test_a_recovery_is_never_cleaned_up() -> None:
    world = small(executionType="RECOVERY")
    world.until(world.finished)
    world.command(COMMAND, "now")
    world.wait(3600)
    (request,) = world.seen().status.requests
    assert (str(request.outcome), request.code) == ("Refused", "INSTANCES_NOT_TERMINABLE")
    assert world.cloud.terminations == []
    assert len(world.cloud.instances(PLACE)) == 4
    assert world.seen().status.cleanup is None


def test_a_running_drill_is_not_cleaned_up() -> None:
    world = small()
    world.until(lambda: world.phase() == "Running")
    world.command(COMMAND, "now")
    world.until(world.finished)
    (request,) = world.seen().status.requests
    assert (str(request.outcome), request.code) == ("Refused", "INSTANCES_NOT_TERMINABLE")
    assert world.cloud.terminations == []


def test_a_cancelled_drill_is_cleaned_up_of_what_it_launched() -> None:
    world = small(**{AFTER: 0})
    world.until(lambda: len(world.cloud.launches()) == 1)
    world.command("cancel", "now")
    world.until(lambda: cleaned(world))
    assert world.phase() == "Cancelled"
    assert world.cloud.terminations == [INSTANCES[:2]]


def test_a_refused_drill_has_no_clean_up() -> None:
    world = World()
    world.quickstart(())
    world.cloud.server(PLACE, server_ids("web")[0], state="DISCONNECTED", Tier="web")
    world.wait(1)
    spec: dict[str, Any] = {AFTER: 0}
    world.execute(**spec)
    world.until(world.finished)
    world.wait(120)
    assert world.seen().status.cleanup is None
    assert world.cloud.terminations == []


def test_a_real_recovery_of_the_same_server_is_not_touched() -> None:
    world = small()
    world.until(world.finished)
    live = world.cloud.foreign_job(PLACE, server_ids("app"), timedelta(minutes=2), is_drill=False)
    world.wait(300)
    world.command(COMMAND, "now")
    world.until(lambda: cleaned(world))
    assert [i.job_id for i in world.cloud.instances(PLACE)] == [live]
    assert sorted(i for call in world.cloud.terminations for i in call) == [i for i in INSTANCES if "0002" not in i]


def test_of_two_drills_each_is_cleaned_up_of_its_own() -> None:
    world = small()
    world.until(world.finished)
    world.execute("second")
    world.until(lambda: world.finished("second"))
    theirs = sorted(i.instance_id for i in world.cloud.instances(PLACE))
    world.command(COMMAND, "now")
    world.until(lambda: cleaned(world))
    assert world.cloud.terminations == [], "the launches of the second have replaced its instances"
    assert sorted(i.instance_id for i in world.cloud.instances(PLACE)) == theirs
    world.command(COMMAND, "now", "second")
    world.until(lambda: phase(world, "second") == "Completed")
    assert sorted(i for call in world.cloud.terminations for i in call) == theirs


def test_an_edit_moves_the_due_time_and_takes_it_away() -> None:
    world = small(**{AFTER: 600})
    world.until(lambda: ended(world))
    world.wait(300)
    world.cluster.edit(DRExecution, NAMESPACE, "drill", **{AFTER: 7200})
    world.wait(3000)
    assert phase(world) == "Scheduled"
    world.cluster.edit(DRExecution, NAMESPACE, "drill", **{AFTER: None})
    world.wait(10000)
    assert (phase(world), world.cloud.terminations) == (None, [])
    assert world.seen().metadata.finalizers == []
    world.cluster.edit(DRExecution, NAMESPACE, "drill", **{AFTER: 60})
    world.until(lambda: cleaned(world), hours=1)
    assert phase(world) == "Completed"


def test_a_deleted_drill_stays_until_its_clean_up_is_done() -> None:
    world = small(**{AFTER: 3600})
    world.until(lambda: ended(world))
    world.cluster.delete(DRExecution, NAMESPACE, "drill")
    world.wait(3000)
    assert (phase(world), world.cloud.terminations) == ("Scheduled", []), "a deletion is never a command"
    world.until(world.gone, hours=2)
    assert world.cloud.instances(PLACE) == []
    cleanup = world.run_of().cleanup
    assert cleanup is not None
    assert cleanup.phase == "Completed"


def test_ttl_counts_from_the_end_of_the_clean_up_and_the_ledger_keeps_the_run() -> None:
    world = small(**{AFTER: 600, TTL: 1000})
    world.until(lambda: cleaned(world))
    done = world.clock.now()
    world.wait(900)
    assert not world.gone()
    world.until(world.gone, hours=1)
    assert timedelta(seconds=950) < world.clock.now() - done < timedelta(seconds=1060)
    assert world.run_of().verdict == "Completed"


def test_ttl_without_a_clean_up_counts_from_the_end_and_is_moved_by_an_edit() -> None:
    world = small(**{TTL: 600})
    world.until(world.finished)
    world.wait(300)
    world.cluster.edit(DRExecution, NAMESPACE, "drill", **{TTL: 6000})
    world.wait(3000)
    assert not world.gone()
    world.cluster.edit(DRExecution, NAMESPACE, "drill", **{TTL: 0})
    world.until(world.gone, hours=0.1)
    assert world.cloud.terminations == []


def test_ttl_of_a_refused_execution_counts_from_its_end() -> None:
    world = small()
    world.until(world.finished)
    copy: dict[str, Any] = {"runId": "dr/drill", TTL: 60}
    world.execute("copy", **copy)
    world.until(lambda: ended(world, "copy"))
    world.until(lambda: world.gone("copy"), hours=0.1)
    assert not world.gone()


def test_nothing_is_written_while_nothing_changes() -> None:
    world = small(**{AFTER: 36000, TTL: 36000})
    world.until(lambda: ended(world))
    world.wait(60)
    before = list(world.effects.done)
    for _ in range(5):
        world.start_operator()
        world.wait(600, DRExecution)
    assert world.effects.done == before


@pytest.mark.parametrize("scheduled", [False, True], ids=["asked for", "due"])
@pytest.mark.parametrize("applied", [False, True], ids=["before it happens", "before its answer"])
def test_a_clean_up_survives_a_crash_at_any_effect(applied: bool, scheduled: bool) -> None:
    def prepared() -> World:
        world = small(**({AFTER: 600} if scheduled else {}))
        world.until(lambda: ended(world))
        world.wait(1)
        world.effects.done.clear()
        if not scheduled:
            world.command(COMMAND, "now")
        return world

    undisturbed = prepared()
    undisturbed.until(lambda: cleaned(undisturbed))
    want = undisturbed.seen().status.cleanup
    assert want is not None
    assert "terminate" in undisturbed.effects.done
    for number, name in enumerate(undisturbed.effects.done):
        world = prepared()
        world.effects.kill_at(number, applied)
        world.until(lambda world=world: world.deaths == 1 and cleaned(world))  # type: ignore[misc]
        at, cleanup = f"killed at effect {number} ({name})", world.seen().status.cleanup
        assert cleanup is not None, at
        assert (cleanup.phase, cleanup.terminated, cleanup.remaining) == ("Completed", 4, 0), at
        assert len(world.cloud.terminations) == 1, at
        assert world.cloud.instances(PLACE) == [], at
        assert world.phase() == "Completed", at
        assert world.seen().metadata.annotations == {}, at


@pytest.mark.parametrize(
    ("lost", "calls"),
    [
        (Lost(launched=True), 1),
        (Lost(launched=True, unseen_for=timedelta(seconds=30)), 1),
        (Lost(launched=False), 1),
    ],
    ids=["seen at once", "seen later", "never happened"],
)
def test_a_lost_answer_is_resolved_by_looking(lost: Lost, calls: int) -> None:
    world = asked()
    world.cloud.termination_answers.append(lost)
    began = world.clock.now()
    world.until(lambda: cleaned(world))
    assert phase(world) == "Completed"
    assert len(world.cloud.terminations) == calls
    assert len([name for name, _ in world.cloud.calls if name == "terminate"]) == (1 if lost.launched else 2)
    if not lost.launched:
        assert world.clock.now() - began > timedelta(minutes=6), "not before the settle window is over"


@pytest.mark.parametrize("kind", [Refusal.JOBS_QUOTA, Refusal.SERVER_IN_JOB, Refusal.THROTTLED, Refusal.NOT_SENT])
def test_what_passes_by_itself_is_tried_again(kind: Refusal) -> None:
    world = asked()
    world.cloud.termination_answers.append(Refused(kind, "Code", "not now"))
    world.until(lambda: cleaned(world))
    assert (phase(world), message(world)) == ("Completed", "")


def test_a_missing_permission_is_shown_and_tried_again() -> None:
    world = asked()
    world.cloud.termination_answers += [Refused(Refusal.DENIED, "AccessDeniedException", "not allowed")] * 4
    world.until(lambda: "AccessDeniedException: not allowed" in message(world))
    assert world.seen().metadata.finalizers == [FINALIZER]
    world.until(lambda: cleaned(world))
    assert (phase(world), message(world)) == ("Completed", "")


def test_a_role_that_is_refused_is_shown_and_the_clean_up_goes_on_later() -> None:
    world = asked()
    world.cloud.refuse(ACCOUNT_ID)
    world.until(lambda: "ROLE_ASSUMPTION_FAILED" in message(world))
    world.wait(600, DRExecution)
    before = list(world.effects.done)
    world.wait(600, DRExecution)
    assert world.effects.done == before
    world.cloud.refuse(ACCOUNT_ID, refused=False)
    world.until(lambda: cleaned(world))
    assert (phase(world), message(world)) == ("Completed", "")


def test_an_unreadable_place_concludes_nothing() -> None:
    world = asked()
    world.cloud.failing["recovery instances"] = ReadFailed("DRS_ERROR", "no answer")
    world.wait(1200)
    assert phase(world) == "Running"
    assert "no answer" in message(world)
    del world.cloud.failing["recovery instances"]
    world.until(lambda: cleaned(world))
    assert phase(world) == "Completed"


def test_an_instance_that_stays_is_named_and_a_new_request_tries_again() -> None:
    world = asked()
    world.cloud.unterminable.add(INSTANCES[2])
    world.until(lambda: cleaned(world))
    cleanup = world.seen().status.cleanup
    assert cleanup is not None
    assert (phase(world), cleanup.terminated, cleanup.remaining) == ("CompletedWithExceptions", 3, 1)
    assert INSTANCES[2] in message(world)
    assert world.reasons()[-1] == "CleanupFailed"
    assert world.phase() == "Completed"
    succeeded = find_condition(world.seen().status.conditions, "Succeeded")
    assert succeeded is not None
    assert succeeded.status == "True"
    world.cloud.unterminable.clear()
    world.command(COMMAND, "again")
    world.until(lambda: phase(world) == "Completed")
    cleanup = world.seen().status.cleanup
    assert cleanup is not None
    assert (cleanup.terminated, cleanup.remaining) == (4, 0)


def test_a_refused_call_is_split_until_the_bad_one_is_alone() -> None:
    world = asked()
    bad = Refused(Refusal.INVALID, "ValidationException", "one of them is not right")
    world.cloud.termination_answers += [bad, bad, bad]
    world.until(lambda: cleaned(world))
    cleanup = world.seen().status.cleanup
    assert cleanup is not None
    assert (phase(world), cleanup.remaining) in {("CompletedWithExceptions", 1), ("Completed", 0)}
    assert sum(len(call) for call in world.cloud.terminations) == cleanup.terminated


def test_an_instance_that_somebody_else_terminates_between_look_and_call_is_left_out() -> None:
    world = asked()

    def gone() -> None:
        world.cloud._terminates(PLACE, server_ids("web"), (INSTANCES[3],))
        world.cloud.terminations.clear()
        world.clock.advance(120)

    world.effects.meanwhile["save run"] = lambda: world.effects.meanwhile.update({"save run": gone})
    world.until(lambda: cleaned(world))
    assert phase(world) == "Completed"
    assert world.cloud.instances(PLACE) == []


def test_what_a_job_launches_after_the_run_has_given_it_up_goes_when_it_is_asked_for_again() -> None:
    world = World()
    world.quickstart((), timeoutSeconds=600)
    world.wait(1)
    world.cloud.launch_takes = timedelta(hours=30)
    world.execute()
    world.until(world.finished, hours=48)
    world.command(COMMAND, "once")
    world.until(lambda: cleaned(world))
    assert (phase(world), world.cloud.terminations) == ("Completed", []), "nothing runs yet"
    world.until(lambda: bool(world.cloud.instances(PLACE)), hours=24)
    world.command(COMMAND, "twice")
    world.until(lambda: bool(world.cloud.terminations) and cleaned(world))
    assert [sorted(call) for call in world.cloud.terminations] == [list(INSTANCES[:2])]
    assert phase(world) == "Completed"


def test_a_clean_up_that_is_asked_for_again_terminates_nothing_again() -> None:
    world = asked()
    world.until(lambda: cleaned(world))
    before = list(world.cloud.terminations)
    world.command(COMMAND, "again")
    world.until(lambda: world.reasons().count("CleanupCompleted") == 2 and cleaned(world))
    world.wait(60)
    assert world.cloud.terminations == before
    cleanup = world.seen().status.cleanup
    assert cleanup is not None
    assert (cleanup.terminated, cleanup.remaining) == (4, 0)
