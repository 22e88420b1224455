"""Commands: what each does, when it is refused and with which code, and that it is honoured once."""

from typing import Any

import pytest

from drs_operator.planning.commands import NEWEST, ORDER, REPEAT_WINDOW, take
from drs_operator.planning.engine import plan_next_steps
from drs_operator.planning.facts import Observed
from drs_operator.planning.requests import Command, Evidence
from drs_operator.planning.run import Answer, Cancel, Run, RunServer, RunWave
from tests import builders as b
from tests.unit.planning.tables import table


def _give(
    run: Run, type: str, value: str = "true", seconds: float = 0, evidence: Evidence | None = None
) -> tuple[Run, Answer]:
    after, answers = take(run, [Command(type, value, "jane@example.com")], evidence or Evidence(), b.at(seconds))
    (answer,) = answers
    return after, answer


def _code(run: Run, type: str, value: str = "true") -> str | None:
    return _give(run, type, value)[1].code


def _wave(number: int, phase: str = "Pending", server: str = "Pending", **changes: Any) -> RunWave:
    return b.run_wave(number, [b.run_server(number, server)], phase=phase, **changes)


DONE = _wave(1, "Completed", "Ready")
BUSY = _wave(1, "Launching", "Launching")
SPLIT = (b.intent(1, state="Started"), b.intent(1, shard=2))
HELD = b.run(DONE, _wave(2, "Held"), _wave(3, waits_for=(2,)), holds=(b.hold("2.1"),))
FAILED = b.run(
    b.run_wave(1, [b.run_server(1, "Ready"), b.run_server(2, "Failed")], phase="Failed", on_failure="Pause"),
    _wave(2, waits_for=(1,)),
    holds=(b.hold("1.1", "WaveFailed"),),
)
LOST = b.run(
    _wave(1, "Held", "Queued"), intents=(b.intent(1, state="Calling"),), holds=(b.hold("1.1", "LaunchOutcomeUnknown"),)
)
FOLLOWED = b.run(BUSY, intents=(b.intent(1, state="Started"),))
CANCELLED: dict[str, Any] = {"cancel": Cancel(requested_by="jane@example.com", time=b.NOW)}
DECIDED: dict[str, Any] = {"verdict": "Failed", "verdict_time": b.NOW}
OVER: dict[str, Any] = {"state": "Ended", **DECIDED}


@pytest.mark.parametrize(
    ("command", "run", "want", "because"),
    table(
        ("cancel", "cancel", b.run(BUSY), None, "a running run can be cancelled"),
        ("cancel on hold", "cancel", HELD, None, "so can one that is held"),
        ("cancel claimed", "cancel", b.run(state="Claimed"), None, "it works in every non-final phase"),
        ("cancel twice", "cancel", b.run(BUSY, **CANCELLED), "EXECUTION_NOT_CANCELLABLE", "it is cancelled"),
        ("cancel late", "cancel", b.run(BUSY, **DECIDED), "EXECUTION_NOT_CANCELLABLE", "the verdict stands"),
        ("cancel over", "cancel", b.run(DONE, **OVER), "EXECUTION_NOT_CANCELLABLE", "it has ended"),
        ("pause", "pause", b.run(BUSY, _wave(2)), None, "wave 2 is to come"),
        ("pause on hold", "pause", HELD, None, "wave 3 is to come"),
        ("pause queued", "pause", b.run(_wave(1, "Queued"), intents=(b.intent(1),)), None, "its call is not made yet"),
        ("pause split", "pause", b.run(_wave(1, "Launching"), intents=SPLIT), None,
         "its second job is not called yet"),
        ("pause single", "pause", b.run(BUSY), "SINGLE_WAVE_NOT_PAUSABLE", "its only wave has started"),
        ("pause nothing", "pause", b.run(DONE, _wave(2, "Launching")), "NO_PENDING_WAVES", "every wave has started"),
        ("pause cancelled", "pause", b.run(BUSY, _wave(2), **CANCELLED), "EXECUTION_NOT_PAUSABLE", "starts none"),
        ("pause decided", "pause", b.run(BUSY, _wave(2), **DECIDED), "EXECUTION_NOT_PAUSABLE", "starts none"),
        ("pause over", "pause", b.run(DONE, **OVER), "EXECUTION_NOT_PAUSABLE", "it has ended"),
        ("resume", "resume", HELD, None, "something is held"),
        ("resume a pause", "resume", b.run(BUSY, _wave(2), pause_requested=True), None, "withdraws it"),
        ("resume nothing", "resume", b.run(BUSY), "EXECUTION_NOT_PAUSED", "nothing is held"),
        ("resume a failure", "resume", FAILED, "EXECUTION_NOT_PAUSED", "a failure needs a decision of its own"),
        ("resume a lost launch", "resume", LOST, "EXECUTION_NOT_PAUSED", "so does a lost launch"),
        ("resume cancelled", "resume", HELD.model_copy(update=CANCELLED), "EXECUTION_NOT_PAUSED", "nothing goes on"),
        ("resume decided", "resume", HELD.model_copy(update=DECIDED), "EXECUTION_NOT_PAUSED", "nothing goes on"),
        ("resume over", "resume", b.run(DONE, **OVER), "EXECUTION_NOT_PAUSED", "it has ended"),
        ("skip", "skip", FAILED, "NOTHING_TO_SKIP", "`true` names no wave: skipping all by mistake is not possible"),
        ("skip over", "skip", b.run(DONE, **OVER), "NOTHING_TO_SKIP", "it has ended"),
        ("retry", "retry", FAILED, "NOTHING_TO_RETRY", "`true` names no wave: each failure is decided by itself"),
        ("retry late", "retry", FAILED.model_copy(update=DECIDED), "NOTHING_TO_RETRY", "nothing starts any more"),
        ("adopt", "adopt", FAILED, "JOB_DOES_NOT_MATCH", "no launch is lost"),
        ("terminate early", "terminate-instances", b.run(BUSY), "INSTANCES_NOT_TERMINABLE", "it has not ended"),
    ),
)  # fmt: skip
def test_answers(command: str, run: Run, want: str | None, because: str) -> None:
    after, answer = _give(run, command)

    assert answer.code == want, because
    assert answer.outcome == ("Accepted" if want is None else "Refused")
    if want is not None:
        assert answer.message, "a refusal says why"
        assert after.model_copy(update={"answers": ()}) == run, "a refusal changes nothing and is not remembered"


@pytest.mark.parametrize(
    ("command", "value", "run", "want", "because"),
    table(
        ("hold id", "resume", "2.1", HELD, None, "names the hold"),
        ("wave", "resume", "2", HELD, None, "names the wave"),
        ("another hold", "resume", "2.2", HELD, "EXECUTION_NOT_PAUSED", "no such hold"),
        ("another wave", "resume", "3", HELD, "EXECUTION_NOT_PAUSED", "wave 3 is not held"),
        ("nonsense", "resume", "yes please", HELD, "EXECUTION_NOT_PAUSED", "not a value of the table"),
        ("empty", "resume", "", HELD, "EXECUTION_NOT_PAUSED", "not a value of the table"),
        ("failure by id", "resume", "1.1", FAILED, "EXECUTION_NOT_PAUSED", "never WaveFailed"),
        ("lost by wave", "resume", "1", LOST, "EXECUTION_NOT_PAUSED", "never LaunchOutcomeUnknown"),
        ("skip by id", "skip", "1.1", FAILED, None, "names the hold"),
        ("skip by wave", "skip", "1", FAILED, None, "names the wave"),
        ("skip held", "skip", "2", HELD, None, "a held wave can be left out"),
        ("skip lost", "skip", "1.1", LOST, None, "a person may go on without a lost launch"),
        ("skip pending", "skip", "3", HELD, "NOTHING_TO_SKIP", "wave 3 is not held"),
        ("skip cancelled", "skip", "2", HELD.model_copy(update=CANCELLED), "NOTHING_TO_SKIP", "nothing goes on"),
        ("a tenth of a wave", "resume", "1", b.run(_wave(12, "Held"), holds=(b.hold("12.1"),)), "EXECUTION_NOT_PAUSED",
         "wave 1 is not wave 12"),
        ("adopt what is followed", "adopt", b.job_id(1), FOLLOWED, None, "found meanwhile, by the run itself"),
        ("adopt another", "adopt", b.job_id(7), FOLLOWED, "JOB_DOES_NOT_MATCH", "no launch is lost any more"),
    ),
)  # fmt: skip
def test_values(command: str, value: str, run: Run, want: str | None, because: str) -> None:
    assert _code(run, command, value) == want, because


def test_cancel_is_recorded_with_who_and_when() -> None:
    run, _ = _give(b.run(BUSY), "cancel", seconds=7)

    assert run.cancel == Cancel(requested_by="jane@example.com", time=b.at(7))
    assert run.verdict is None, "the verdict is the engine's"


def test_the_first_cancel_stands() -> None:
    first, _ = _give(b.run(BUSY), "cancel", "one")
    after, answers = take(first, [Command("cancel", "two", "bob@example.com")], Evidence(), b.at(9))

    assert after.cancel == first.cancel
    assert answers[0].code == "EXECUTION_NOT_CANCELLABLE"


def test_resume_opens_only_what_it_names() -> None:
    asked = (b.hold("1.1"), b.hold("2.1"), b.hold("2.2", "AccountUnavailable"))
    run = b.run(_wave(1, "Held"), _wave(2, "Held"), holds=asked, pause_requested=True)

    one, _ = _give(run, "resume", "2.1", 5)
    wave, _ = _give(run, "resume", "2", 5)
    everything, _ = _give(run, "resume", "true", 5)

    assert [hold.id for hold in one.open_holds()] == ["1.1", "2.2"]
    assert [hold.id for hold in wave.open_holds()] == ["1.1"]
    assert everything.open_holds() == []
    closed = one.holds[1]
    assert (closed.closed_at, closed.closed_by) == (b.at(5), "jane@example.com")
    assert not any(r.pause_requested for r in (one, wave, everything)), "a pause that is pending is withdrawn"


def test_resume_true_leaves_what_needs_a_decision() -> None:
    run = FAILED.with_wave(_wave(2, "Held")).model_copy(update={"holds": (*FAILED.holds, b.hold("2.1"))})

    after, answer = _give(run, "resume", "true")

    assert answer.outcome == "Accepted"
    assert [hold.id for hold in after.open_holds()] == ["1.1"]


def test_pause_holds_the_next_wave_and_resume_lets_it_go() -> None:
    run, _ = _give(b.run(DONE, _wave(2, waits_for=(1,))), "pause")

    held = plan_next_steps(run, Observed(), b.at(1)).run
    again, _ = _give(held, "resume", held.holds[0].id)
    going = plan_next_steps(again, Observed(), b.at(2)).run

    assert (held.wave(2).phase, held.holds[0].reason) == ("Held", "Requested")
    assert going.wave(2).phase == "Queued"


@pytest.mark.parametrize(
    ("servers", "phase", "want", "because"),
    table(
        (
            "some launched",
            [b.run_server(1, "Ready"), b.run_server(2, "Failed")],
            "Failed",
            "CompletedWithExceptions",
            "…",
        ),
        ("booting", [b.run_server(1, "Launched")], "TimedOut", "CompletedWithExceptions", "launched, not ready"),
        ("none launched", [b.run_server(1, "Failed")], "Failed", "Skipped", "nothing of it launched"),
        ("not started", [b.run_server(1)], "Held", "Skipped", "nothing of it launched"),
    ),
)
def test_skip(servers: list[RunServer], phase: str, want: str, because: str) -> None:
    reason = "PauseBeforeWave" if phase == "Held" else "WaveFailed"
    run = b.run(
        b.run_wave(1, servers, phase=phase, on_failure="Pause"),
        _wave(2, waits_for=(1,)),
        holds=(b.hold("1.1", reason),),
    )

    after, _ = _give(run, "skip", "1.1", 5)

    wave = after.wave(1)
    assert wave.phase == want, because
    assert wave.satisfied, "the waves after it start"
    assert after.open_holds() == []
    assert plan_next_steps(after, Observed(), b.at(5)).run.wave(2).phase == "Queued"


def test_skip_of_a_held_wave_takes_its_planned_calls_and_all_its_holds_with_it() -> None:
    wave = b.run_wave(1, [b.run_server(1, "Queued"), b.run_server(2, "Queued")], phase="Held")
    holds = (b.hold("1.1", "AccountUnavailable"), b.hold("1.2", "Requested"))
    run = b.run(wave, intents=(b.intent(1, [1]), b.intent(1, [2], shard=2)), holds=holds)

    after, _ = _give(run, "skip", "1.2")

    assert [intent.state for intent in after.intents] == ["Ended", "Ended"]
    assert [server.phase for server in after.wave(1).servers] == ["Skipped", "Skipped"]
    assert after.open_holds() == [], "else the run could never end"


def test_skip_of_a_lost_launch_still_looks_for_it_and_never_repeats_it() -> None:
    after, _ = _give(LOST, "skip", "1.1")

    assert after.wave(1).phase == "Skipped"
    assert after.intents[0].state == "Calling"


# --- once -----------------------------------------------------------------------------------------------------------


def test_a_value_is_honoured_once() -> None:
    run, _ = _give(HELD, "resume", "true")
    held_again = run.model_copy(update={"holds": (*run.holds, b.hold("3.1"))})

    after, answers = take(held_again, [Command("resume", "true", "jane@example.com")], Evidence(), b.at(9))

    assert (after, answers) == (held_again, []), "a crash, a backup or GitOps has put it back: ignored silently"
    assert _give(held_again, "resume", "3.1")[1].outcome == "Accepted", "the later hold has its own id"


def test_the_same_value_of_another_command_is_another_command() -> None:
    run, _ = _give(b.run(DONE, _wave(2, "Held"), _wave(3), holds=(b.hold("2.1"),)), "pause", "true")

    assert _give(run, "resume", "true")[1].outcome == "Accepted"


def test_a_refused_command_may_be_given_again() -> None:
    refused, _ = _give(b.run(BUSY, _wave(2)), "resume", "2.1")
    held = refused.with_wave(_wave(2, "Held")).model_copy(update={"holds": (b.hold("2.1"),)})

    assert _give(held, "resume", "2.1")[1].outcome == "Accepted"


def test_honoured_values_survive_however_many_answers_there_are() -> None:
    run, _ = _give(HELD, "pause", "first")
    for n in range(NEWEST + 5):
        run, _ = _give(run, "resume", f"9.{n}")

    assert len(run.answers) == NEWEST
    assert all(answer.type == "resume" for answer in run.answers), "the newest"
    assert take(run, [Command("pause", "first", "")], Evidence(), b.NOW)[1] == []


# --- together -------------------------------------------------------------------------------------------------------


def test_commands_that_are_read_together_are_taken_in_their_order() -> None:
    given = [
        Command(type, "2.1", "jane") for type in ("resume", "terminate-instances", "adopt", "retry", "skip", "pause")
    ]

    _, answers = take(HELD, given, Evidence(), b.NOW)

    assert [answer.type for answer in answers] == [type for type in ORDER if type != "cancel"]
    codes = {answer.type: answer.code for answer in answers}
    assert (codes["pause"], codes["skip"]) == (None, None)
    assert codes["resume"] == "EXECUTION_NOT_PAUSED", "skip was before it and has closed the hold"


def test_a_cancel_supersedes_the_others_of_the_same_read() -> None:
    given = [Command(type, "2.1", "jane") for type in reversed(ORDER)]

    run, answers = take(HELD, given, Evidence(), b.NOW)

    assert [answer.type for answer in answers] == list(ORDER)
    assert [answer.code for answer in answers] == [None, *["SUPERSEDED"] * 6]
    assert run.open_holds() == HELD.open_holds(), "nothing was resumed"
    assert len(run.honoured) == 1


def test_a_cancel_that_is_refused_supersedes_nothing() -> None:
    given = [Command("cancel", "x", "jane"), Command("resume", "2.1", "jane")]

    _, answers = take(b.run(DONE, **OVER), given, Evidence(), b.NOW)

    assert [answer.code for answer in answers] == ["EXECUTION_NOT_CANCELLABLE", "EXECUTION_NOT_PAUSED"]


def test_the_same_refusal_within_a_minute_only_counts_up() -> None:
    run = b.run(BUSY)
    window = REPEAT_WINDOW.total_seconds()
    for seconds in (0, 5, window - 1):
        run, _ = _give(run, "resume", "2.1", seconds)
    run, _ = _give(run, "resume", "2.2", window - 1)
    run, _ = _give(run, "resume", "2.1", window)

    assert [(answer.value, answer.count) for answer in run.answers] == [("2.1", 1), ("2.2", 1), ("2.1", 3)]


def test_who_gave_it_is_kept() -> None:
    known = _give(b.run(BUSY), "cancel")[0].answers[0]
    unknown = take(HELD, [Command("resume", "2.1", "")], Evidence(), b.NOW)[0]

    assert (known.requested_by, known.observed_time) == ("jane@example.com", b.NOW)
    assert unknown.holds[0].closed_by == "unknown"
