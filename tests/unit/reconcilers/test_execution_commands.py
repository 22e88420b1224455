"""Commands: honoured once, answered, taken off; and never lost."""

from __future__ import annotations

import pytest

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.ports import ReadFailed
from tests.fakes.cluster import Told
from tests.unit.reconcilers.world import NAMESPACE, World


@pytest.fixture
def world() -> World:
    """A drill that waits before its second wave."""
    world = World()
    world.quickstart((2, 3))
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    return world


def commands_on(world: World) -> dict[str, str]:
    """The annotations on the drill."""
    return world.seen().metadata.annotations


def answers(world: World) -> list[tuple[str, str | None, str, str | None]]:
    """Type, value, outcome and code of what was asked, oldest first."""
    return [(r.type, r.value, str(r.outcome), r.code) for r in reversed(world.seen().status.requests)]


def told(world: World) -> list[Told]:
    """Events about commands."""
    return [event for event in world.cluster.events if event.reason.startswith("Command")]


def test_a_command_is_answered_and_taken_off(world: World) -> None:
    world.command("resume", "2.1")
    world.until(lambda: ("3.1", "PauseBeforeWave") in world.holds())
    assert commands_on(world) == {}
    assert answers(world) == [("resume", "2.1", "Accepted", None)]
    assert [(event.reason, event.warning) for event in told(world)] == [("CommandAccepted", False)]
    assert "resume=2.1 by jane" in told(world)[0].message
    (answer,) = world.tables.answers.values()
    assert answer.requested_by == "jane"


def test_a_value_that_was_honoured_is_not_honoured_again(world: World) -> None:
    """GitOps puts it back, a backup is restored: nothing happens, and it goes."""
    world.command("resume", "true")
    world.until(lambda: world.holds() == [("3.1", "PauseBeforeWave")])
    world.command("resume", "true")
    world.wait(300)
    assert world.holds() == [("3.1", "PauseBeforeWave")]
    assert commands_on(world) == {}
    assert answers(world) == [("resume", "true", "Accepted", None)]
    assert len(told(world)) == 1


def test_a_command_that_cannot_apply_is_refused_and_not_remembered(world: World) -> None:
    world.command("resume", "3.1")
    world.wait(120)
    assert commands_on(world) == {}
    assert answers(world) == [("resume", "3.1", "Refused", "EXECUTION_NOT_PAUSED")]
    assert [(event.reason, event.warning) for event in told(world)] == [("CommandRefused", True)]
    assert "2.1" in told(world)[0].message, "it says what is on hold"
    world.command("resume", "2.1")
    world.until(lambda: world.holds() == [("3.1", "PauseBeforeWave")])
    world.wait(300)
    assert world.holds() == [("3.1", "PauseBeforeWave")], "the refused one does not open the later hold by itself"
    world.command("resume", "3.1")
    world.until(world.finished)
    assert world.phase() == "Completed", "a refused command may be given again"


def test_the_same_refusal_within_a_minute_is_counted(world: World) -> None:
    for _ in range(3):
        world.command("resume", "9.1")
        world.wait(5)
    (request,) = world.seen().status.requests
    assert request.count == 3


def test_a_cancel_that_is_read_together_with_others_comes_first(world: World) -> None:
    world.command("resume", "2.1")
    world.command("cancel", "true")
    world.until(world.finished)
    assert world.phase() == "Cancelled"
    assert answers(world) == [("cancel", "true", "Accepted", None), ("resume", "2.1", "Refused", "SUPERSEDED")]
    assert len(world.cloud.launches()) == 1
    assert (world.tables.plans, world.tables.holds) == ({}, {})


@pytest.mark.parametrize(
    ("command", "code"), [("adopt", "JOB_DOES_NOT_MATCH"), ("terminate-instances", "INSTANCES_NOT_TERMINABLE")]
)
def test_a_command_that_has_nothing_to_act_on_says_so(world: World, command: str, code: str) -> None:
    world.command(command, "drsjob-1")
    world.wait(60)
    assert answers(world) == [(command, "drsjob-1", "Refused", code)]
    assert commands_on(world) == {}


def test_a_pause_lets_the_running_wave_finish_and_holds_the_next() -> None:
    world = World()
    world.quickstart(())
    world.execute()
    world.until(lambda: world.phase() == "Running")
    world.command("pause", "lunch")
    world.until(lambda: world.phase() == "Paused")
    assert world.holds() == [("2.1", "Requested")]
    assert world.seen().status.waves[0].phase == "Completed"
    world.command("resume", "true")
    world.until(world.finished)
    assert world.phase() == "Completed"


def test_a_value_that_changes_before_it_is_taken_off_is_not_lost(world: World) -> None:
    """Right after the answer is written somebody sets the next value: it is a command of its own."""
    world.command("resume", "2.1")
    world.effects.meanwhile["write status"] = lambda: world.command("resume", "3.1")
    world.until(lambda: len(answers(world)) == 2)
    assert answers(world) == [
        ("resume", "2.1", "Accepted", None),
        ("resume", "3.1", "Refused", "EXECUTION_NOT_PAUSED"),
    ]
    assert commands_on(world) == {}


def test_an_annotation_that_changes_while_the_answer_is_written_does_not_double_it(world: World) -> None:
    world.command("resume", "9.1")
    key = "example.com/note"
    world.effects.meanwhile["save run"] = lambda: world.cluster.annotate(DRExecution, NAMESPACE, "drill", key, "x")
    world.wait(120)
    assert commands_on(world) == {key: "x"}
    (request,) = world.seen().status.requests
    assert request.count == 1
    assert len(told(world)) == 1


def test_a_command_on_a_finished_run_is_refused_and_changes_nothing_else(world: World) -> None:
    for hold in ("2.1", "3.1"):
        world.until(lambda hold=hold: (hold, "PauseBeforeWave") in world.holds())  # type: ignore[misc]
        world.command("resume", hold)
    world.until(world.finished)
    before = world.seen().status
    world.command("cancel", "late")
    world.wait(120)
    after = world.seen().status
    assert commands_on(world) == {}
    assert answers(world)[-1] == ("cancel", "late", "Refused", "EXECUTION_NOT_CANCELLABLE")
    assert after.model_copy(update={"requests": []}) == before.model_copy(update={"requests": []})


def test_a_command_on_a_run_that_was_refused_is_answered_and_taken_off() -> None:
    world = World()
    world.quickstart()
    world.execute(requestedAt="2026-03-01T09:00:00Z")
    world.until(world.finished)
    status = world.seen().status
    world.command("resume", "true")
    world.wait(60)
    assert commands_on(world) == {}
    assert "create a new execution" in told(world)[0].message
    assert world.seen().status == status


def test_a_run_that_waits_for_its_validation_can_be_cancelled() -> None:
    world = World()
    world.quickstart()
    world.cloud.failing["inventory"] = ReadFailed("DRS_ERROR", "us-east-1 does not answer")
    world.execute()
    world.wait(60)
    assert world.phase() == "Validating"
    world.command("cancel", "true")
    world.until(world.finished)
    assert world.phase() == "Cancelled"
    assert answers(world) == [("cancel", "true", "Accepted", None)]
    assert (world.tables.plans, world.tables.holds) == ({}, {})
    assert world.cloud.launches() == []


def test_any_kind_takes_a_wish_to_be_looked_at(world: World) -> None:
    world.cluster.annotate(DRExecution, NAMESPACE, "drill", "drs-operator.io/reconcile", "token-1")
    world.wait(30)
    assert world.seen().status.last_handled_reconcile == "token-1"
    assert world.phase() == "Paused"
