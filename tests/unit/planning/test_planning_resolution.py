"""What becomes of a call whose outcome is unknown: looked for, adopted, repeated or asked about; never both."""

from datetime import timedelta
from typing import Any

import pytest

from drs_operator.planning import launching
from drs_operator.planning.engine import Launch, Resolve, plan_next_steps
from drs_operator.planning.facts import Job, Observed
from drs_operator.planning.run import Cancel, Run
from tests import builders as b
from tests.unit.planning.tables import table

SETTLE = timedelta(minutes=6)
OVER = SETTLE.total_seconds()


def _lost(policy: str = "Reissue", **changes: Any) -> Run:
    """A wave whose only call was made and not answered."""
    wave = b.run_wave(1, [b.run_server(1, "Queued"), b.run_server(2, "Queued")], phase="Launching", start_time=b.NOW)
    return b.run(wave, intents=(b.intent(1, [1, 2], "Calling"),), ambiguous_launch_policy=policy, **changes)


def _resolve(run: Run, job: Job | None = None, *, seconds: float = OVER, shard: int = 1) -> Run:
    intent = next(i for i in run.intents if i.shard == shard)
    return launching.resolved(run, intent, job, b.at(seconds), SETTLE, b.at(seconds))


def _launches(run: Run, seconds: float) -> list[int]:
    steps = plan_next_steps(run, Observed(), b.at(seconds)).steps
    return [step.intent.shard for step in steps if isinstance(step, Launch)]


@pytest.mark.parametrize("policy", ["Hold", "Reissue"])
@pytest.mark.parametrize("seconds", [0, OVER - 0.1])
def test_within_the_settle_window_nothing_is_concluded(policy: str, seconds: float) -> None:
    run = _lost(policy)

    assert _resolve(run, seconds=seconds) == run, "the job may be visible only later"


@pytest.mark.parametrize("policy", ["Hold", "Reissue"])
@pytest.mark.parametrize("seconds", [1, OVER, 99999])
def test_a_job_that_is_found_is_adopted_whenever_it_is(policy: str, seconds: float) -> None:
    run = _resolve(_lost(policy), b.job(7, created_at=b.at(2)), seconds=seconds)

    (intent,) = run.intents
    assert (intent.state, intent.job_id, intent.start_time) == ("Started", b.job_id(7), b.at(2))
    assert [server.phase for server in run.wave(1).servers] == ["Launching", "Launching"]


def test_a_drill_asks_again_under_another_token() -> None:
    lost = _lost("Reissue")

    run = _resolve(lost)

    old, new = run.intents
    assert (old.state, old.job_id) == ("Ended", None)
    assert (new.state, new.shard, new.server_ids) == ("Planned", 2, old.server_ids)
    assert new.token != old.token, "should the lost job turn up after all, it is not taken for this one"
    assert (new.caller, new.called_at, new.job_id, new.tries) == (None, None, None, 0)
    assert run.wave(1).phase == "Queued"
    assert _launches(run, OVER) == [2]


def test_a_recovery_asks_a_person_once() -> None:
    run = _resolve(_lost("Hold"))

    (hold,) = run.open_holds()
    assert (hold.id, hold.reason) == ("1.1", "LaunchOutcomeUnknown")
    assert hold.detail.startswith("LAUNCH_OUTCOME_UNKNOWN")
    line = "aws drs describe-jobs --region us-east-1 --filters fromDate=2026-01-31T11:45:00Z"
    assert line in hold.detail, "from 15 minutes before the call"
    assert run.intents[0].state == "Calling", "it is still looked for"
    assert run.wave(1).phase == "Held"
    assert _resolve(run, seconds=OVER + 60) == run, "asked once"
    assert _launches(run, 99999) == [], "and never repeated"


def test_a_launch_that_turns_up_late_answers_the_question() -> None:
    held = _resolve(_lost("Hold"))
    assert [type(step) for step in plan_next_steps(held, Observed(), b.at(7200)).steps] == [Resolve]

    run = _resolve(held, b.job(7), seconds=7200)

    assert run.open_holds() == []
    assert (run.holds[0].closed_at, run.holds[0].closed_by) == (b.at(7200), "the launch was found")
    assert (run.wave(1).phase, run.intents[0].job_id) == ("Launching", b.job_id(7))


def test_one_of_two_lost_launches_turns_up() -> None:
    wave = b.run_wave(1, [1, 2], phase="Launching")
    calls = (b.intent(1, [1], "Calling"), b.intent(1, [2], "Calling", shard=2))
    held = _resolve(_resolve(b.run(wave, intents=calls, ambiguous_launch_policy="Hold")), shard=2)
    assert len(held.open_holds()) == 1, "one question for a wave"

    first = _resolve(held, b.job(7), shard=1)
    second = _resolve(first, b.job(8), shard=2)

    assert len(first.open_holds()) == 1, "the other one is still unknown"
    assert second.open_holds() == []


@pytest.mark.parametrize("policy", ["Hold", "Reissue"])
@pytest.mark.parametrize(
    ("changes", "phase", "because"),
    table(
        (
            "verdict",
            {"verdict": "Cancelled", "verdict_time": b.NOW},
            "Launching",
            "after a verdict nothing is repeated",
        ),
        ("cancel", {"cancel": Cancel(requested_by="jane", time=b.NOW)}, "Launching", "nor after a cancel"),
        ("skipped", {}, "Skipped", "nor in a wave that a person went on without"),
        ("timed out", {}, "TimedOut", "nor in a wave that is over"),
    ),
)
def test_nothing_is_repeated(policy: str, changes: dict[str, Any], phase: str, because: str) -> None:
    lost = _lost(policy, **changes)
    lost = lost.with_wave(lost.wave(1).model_copy(update={"phase": phase}))

    run = _resolve(lost)

    assert [(i.shard, i.state) for i in run.intents] == [(1, "Ended")], because
    assert run.open_holds() == []
    assert [s.error.code if s.error else None for s in run.wave(1).servers] == ["LAUNCH_OUTCOME_UNKNOWN"] * 2
    assert run.wave(1).phase == phase


@pytest.mark.parametrize("phase", ["Launching", "Skipped"])
def test_a_job_is_adopted_even_then(phase: str) -> None:
    lost = _lost(verdict="Cancelled", verdict_time=b.NOW)
    lost = lost.with_wave(lost.wave(1).model_copy(update={"phase": phase}))

    run = _resolve(lost, b.job(7))

    assert (run.intents[0].state, run.intents[0].job_id) == ("Started", b.job_id(7)), "a launch is never lost"
    assert run.wave(1).phase == phase


@pytest.mark.parametrize("state", ["Planned", "Started", "Ended"])
def test_what_was_resolved_meanwhile_is_left_alone(state: str) -> None:
    lost = _lost()
    moved = lost.with_intent(b.intent(1, [1, 2], state))

    assert launching.resolved(moved, lost.intents[0], None, b.at(OVER), SETTLE, b.at(OVER)) == moved
    assert launching.resolved(moved, moved.intents[0], None, b.at(OVER), SETTLE, b.at(OVER)) == moved


def test_the_window_counts_on_awss_clock() -> None:
    """The operator's clock is two hours ahead."""
    lost = _lost("Reissue")

    run = launching.resolved(lost, lost.intents[0], None, b.at(OVER - 1), SETTLE, b.at(hours=2))

    assert run == lost


def test_a_clock_that_runs_ahead_makes_the_window_longer() -> None:
    """Its signature lives longer on AWS's clock by as much, and so may the call."""
    ahead = b.intent(1, [1, 2], "Calling", called_at=b.at(120))
    behind = b.intent(1, [1, 2], "Calling", called_at=b.at(-120))
    first, second = _lost().with_intent(ahead), _lost().with_intent(behind)

    assert _resolve(first, seconds=OVER + 119) == first
    assert _resolve(first, seconds=OVER + 120) != first
    assert _resolve(second, seconds=OVER - 1) == second, "a clock that is behind makes it no shorter"
    assert _resolve(second, seconds=OVER) != second
