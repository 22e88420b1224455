"""When a run counts as unobserved, and what that holds."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from drs_operator.planning import commands, engine, gaps
from drs_operator.planning.requests import Command, Evidence
from drs_operator.planning.run import Cancel, Run
from tests.builders import NOW, at, hold, intent, observed, run, run_wave

LIMIT = timedelta(hours=1)
TO_COME = (run_wave(1, phase="Completed"), run_wave(2, waits_for=(1,)))


@pytest.mark.parametrize(
    ("given", "sign_of_life", "since", "because"),
    [
        (run(*TO_COME, observed_time=at(hours=-2)), None, at(hours=-2), "the row was written last then"),
        (run(*TO_COME, observed_time=at(hours=-2)), at(minutes=-1), None, "the status was written a minute ago"),
        (run(*TO_COME, observed_time=at(minutes=-1)), at(hours=-2), None, "the row was written a minute ago"),
        (run(*TO_COME, observed_time=at(hours=-5)), at(hours=-2), at(hours=-2), "the later of both counts"),
        (run(*TO_COME, observed_time=at(hours=-1)), None, None, "an hour is not more than an hour"),
        (run(*TO_COME, observed_time=at(hours=-1, seconds=-1)), None, at(hours=-1, seconds=-1), "a second more is"),
        (run(*TO_COME, start_time=at(hours=-2)), None, at(hours=-2), "a row of an older version: since it started"),
        (run(*TO_COME, start_time=at(minutes=-2)), None, None, "it has just started"),
        (run(run_wave(1, phase="Completed"), observed_time=at(hours=-2)), None, None, "no wave is to come"),
        (run(run_wave(1, phase="Launching"), observed_time=at(hours=-2)), None, None, "a wave that launches goes on"),
        (run(run_wave(1, phase="Queued"), observed_time=at(hours=-2)), None, at(hours=-2), "it has called nothing yet"),
        (
            run(run_wave(1, phase="Queued"), intents=(intent(1, state="Calling"),), observed_time=at(hours=-2)),
            None,
            None,
            "its call may have launched",
        ),
        (run(*TO_COME, state="Claimed", observed_time=at(hours=-2)), None, None, "it is not validated yet"),
        (run(*TO_COME, verdict="Failed", observed_time=at(hours=-2)), None, None, "no wave starts any more"),
        (
            run(*TO_COME, cancel=Cancel(requested_by="jane", time=NOW), observed_time=at(hours=-2)),
            None,
            None,
            "it was cancelled",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_a_gap(given: Run, sign_of_life: datetime | None, since: datetime | None, because: str) -> None:
    assert gaps.noticed(given, sign_of_life, NOW, LIMIT).unobserved_since == since, because


def test_a_gap_that_stands_is_not_moved() -> None:
    given = run(*TO_COME, unobserved_since=at(hours=-9), observed_time=at(hours=-2))
    assert gaps.noticed(given, None, NOW, LIMIT) == given


def test_every_wave_whose_turn_comes_is_held_and_none_that_launches() -> None:
    given = run(
        run_wave(1, phase="Launching"),
        run_wave(2),
        run_wave(3, phase="Queued"),
        run_wave(4, phase="Queued"),
        run_wave(5, waits_for=(2,)),
        intents=(
            intent(1, (1,), "Started"),
            intent(3, (3,)),
            intent(4, (4,), "Started", shard=2),
            intent(4, (4,), shard=3),
        ),
        unobserved_since=at(hours=-2),
    )
    after = engine.plan_next_steps(given, observed(), NOW).run
    assert [(h.id, h.reason) for h in after.open_holds()] == [("3.1", "ObservationGap"), ("2.1", "ObservationGap")]
    assert [wave.phase for wave in after.waves] == ["Launching", "Held", "Held", "Queued", "Pending"]
    assert engine.plan_next_steps(after, observed(), NOW).run == after, "once"


@pytest.mark.parametrize(
    ("command", "value", "over", "because"),
    [
        ("resume", "2.1", True, "a person has looked and goes on"),
        ("skip", "2.1", True, "a person has looked and goes on without it"),
        ("pause", "p1", False, "to pause says nothing of going on"),
        ("resume", "7.1", False, "refused: it opened nothing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_ends_a_gap(command: str, value: str, over: bool, because: str) -> None:
    given = run(
        run_wave(1, phase="Completed"),
        run_wave(2, phase="Held"),
        run_wave(3, waits_for=(2,)),
        holds=(hold("2.1", gaps.REASON),),
        unobserved_since=at(hours=-2),
    )
    after, _ = commands.take(given, [Command(command, value, "jane")], Evidence(), NOW)
    assert (after.unobserved_since is None) is over, because


def test_a_wave_that_asks_for_a_pause_is_held_for_that_alone() -> None:
    given = run(run_wave(1, pause_before_wave=True), unobserved_since=at(hours=-2))
    after = engine.plan_next_steps(given, observed(), NOW).run
    assert [h.reason for h in after.open_holds()] == ["PauseBeforeWave"]


def test_without_starts_no_wave_has_its_turn_and_what_runs_is_followed() -> None:
    given = run(
        run_wave(1, phase="Launching", servers=()),
        run_wave(2, waits_for=()),
        run_wave(3, waits_for=(1,)),
        pause_requested=True,
    )
    after = engine.plan_next_steps(given, observed(), NOW, starts=False).run
    assert [wave.phase for wave in after.waves] == ["Completed", "Pending", "Pending"]
    assert after.holds == ()
    assert after.verdict is None
