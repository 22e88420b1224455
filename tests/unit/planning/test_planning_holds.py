"""Holds: their ids, what they do to the wave, and the line by which a person goes on."""

from typing import Any

import pytest

from drs_operator.planning import holds
from drs_operator.planning.intents import LaunchIntent
from tests import builders as b
from tests.unit.planning.tables import table


def test_ids_are_wave_and_counter_and_never_come_back() -> None:
    run = holds.opened(b.run(b.run_wave(1), b.run_wave(2)), 2, "Requested", b.NOW)
    run = holds.closed(run, ["2.1"], b.at(1), "jane")
    run = holds.opened(holds.opened(run, 2, "AccountUnavailable", b.at(2), "why"), 1, "Requested", b.at(3))

    assert [(hold.id, hold.wave_number, hold.open, hold.detail) for hold in run.holds] == [
        ("2.1", 2, False, ""),
        ("2.2", 2, True, "why"),
        ("1.1", 1, True, ""),
    ]


@pytest.mark.parametrize(
    ("wave", "intents", "want", "because"),
    table(
        ("pending", {}, (), "Held", "nothing of it goes on"),
        ("queued", {"phase": "Queued"}, (b.intent(1),), "Held", "nothing of it goes on"),
        ("lost", {"phase": "Launching"}, (b.intent(1, state="Calling"),), "Held", "nobody knows whether anything does"),
        ("running", {"phase": "Launching"}, (b.intent(1, state="Started"),), "Launching", "a job of it goes on"),
        ("failed", {"phase": "Failed"}, (), "Failed", "a final phase is final"),
        ("failed, running", {"phase": "TimedOut"}, (b.intent(1, state="Started"),), "TimedOut", "a final phase is"),
    ),
)
def test_a_hold_holds_its_wave(
    wave: dict[str, Any], intents: tuple[LaunchIntent, ...], want: str, because: str
) -> None:
    run = holds.opened(b.run(b.run_wave(1, **wave), intents=intents), 1, "Requested", b.NOW)

    assert run.wave(1).phase == want, because
    assert len(run.open_holds(1)) == 1


def test_closing_is_done_once() -> None:
    run = b.run(b.run_wave(1), holds=(b.hold("1.1"), b.hold("1.2")))

    once = holds.closed(run, ["1.1"], b.at(1), "jane")
    twice = holds.closed(once, ["1.1", "1.2"], b.at(2), "")

    assert [(h.closed_at, h.closed_by) for h in twice.holds] == [(b.at(1), "jane"), (b.at(2), "unknown")]


@pytest.mark.parametrize(
    ("reason", "want", "because"),
    table(
        ("pause", "PauseBeforeWave", "resume=2.1", "a person lets it go on"),
        ("requested", "Requested", "resume=2.1", "a person lets it go on"),
        ("account", "AccountUnavailable", "resume=2.1", "tries again"),
        ("failed", "WaveFailed", "retry=2.1  # or skip=2.1", "two ways: the second one as a comment of the shell"),
        ("lost", "LaunchOutcomeUnknown", "adopt=drsjob-…  # or skip=2.1", "the job is for the person to find"),
    ),
)
def test_the_way_on_is_a_line_that_works_as_it_stands(reason: str, want: str, because: str) -> None:
    run = b.run(b.run_wave(2))

    line = holds.way_on(run, b.hold("2.1", reason))

    assert line == f"kubectl annotate -n dr drx/drill-1 drs-operator.io/{want}", because
