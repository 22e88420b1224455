"""What a run waits for, in words for a tired person."""

from typing import Any

import pytest

from drs_operator.planning.launching import Refusal
from drs_operator.planning.quota import Standing
from drs_operator.planning.run import Run
from drs_operator.planning.waiting import waiting_for
from tests import builders as b
from tests.unit.planning.tables import table


def _launching(*phases: str, **changes: Any) -> Run:
    servers = [b.run_server(n, phase) for n, phase in enumerate(phases, start=1)]
    return b.run(
        b.run_wave(1, servers, phase="Launching", start_time=b.NOW), intents=(b.intent(1, state="Started"),), **changes
    )


def _queued(reason: str | None) -> Run:
    return b.run(b.run_wave(2, phase="Queued", queued_reason=reason), intents=(b.intent(2),))


def _with_launching() -> Run:
    return b.run(
        b.run_wave(1, [b.run_server(1, "Conversion")], phase="Launching", start_time=b.NOW),
        b.run_wave(2, phase="Queued", queued_reason="ConcurrentJobsLimitExceeded"),
        intents=(b.intent(1, state="Started"), b.intent(2)),
    )


def _held(*holds: Any, **changes: Any) -> Run:
    return b.run(b.run_wave(1, phase="Held"), b.run_wave(2, phase="Held"), holds=holds, **changes)


DECIDED: dict[str, Any] = {"verdict": "Cancelled", "verdict_time": b.NOW}


@pytest.mark.parametrize(
    ("run", "want", "because"),
    table(
        ("claimed", b.run(state="Claimed"), "AWS: validation", "it is being validated"),
        ("ended", b.run(state="Ended", verdict="Completed"), None, "for nothing"),
        ("held", _held(b.hold("1.1")), "you: resume 1.1", "for a person, with the command"),
        ("two", _held(b.hold("1.1"), b.hold("2.1")), "you: resume 1.1, 2.1", "for a person, twice"),
        ("failed", _held(b.hold("1.1"), b.hold("2.1", "WaveFailed")), "you: WaveFailed 2.1", "the graver one first"),
        ("lost", _held(b.hold("1.1", "LaunchOutcomeUnknown")), "you: LaunchOutcomeUnknown 1.1", "a decision"),
        ("closed", _held(b.hold("1.1", closed_at=b.NOW)), "the next step", "the person has done it"),
        ("converting", _launching("Conversion", "Conversion", "Ready"), "AWS: 2 servers converting, 6 min", "as it is"),
        ("one", _launching("Snapshot"), "AWS: 1 server taking a snapshot, 6 min", "one server"),
        (
            "several",
            _launching("Launching", "Conversion", "Conversion"),
            "AWS: 2 servers converting, 1 server launching, 6 min",
            "the most first",
        ),
        ("booting", _launching("Launched"), "AWS: 1 server booting, 6 min", "launched, not ready"),
        ("waiting", _launching("Ready"), "AWS: the pause after the launch, 6 min", "waitAfterSeconds"),
        (
            "jobs",
            _queued("ConcurrentJobsLimitExceeded"),
            "quota: wave 2 in us-east-1 (ConcurrentJobsLimitExceeded)",
            "q",
        ),
        (
            "servers",
            _queued("ServersInJobsLimitExceeded"),
            "quota: wave 2 in us-east-1 (ServersInJobsLimitExceeded)",
            "q",
        ),
        ("in a job", _queued("ServerInJob"), "AWS: wave 2 in us-east-1 (ServerInJob)", "that is no quota"),
        ("about to call", _queued(None), "AWS: the launch call", "it is about to call"),
        ("draining", _launching("Launching", **DECIDED), "AWS: 1 server launching, 6 min", "followed to its end"),
    ),
)
def test_waiting_for(run: Run, want: str | None, because: str) -> None:
    assert waiting_for(run, b.at(minutes=6.9)) == want, because


def test_without_minutes_the_words_change_only_when_something_happens() -> None:
    run = _launching("Conversion")

    assert {waiting_for(run, b.at(minutes=m), minutes=False) for m in range(100)} == {"AWS: 1 server converting"}


@pytest.mark.parametrize(
    ("run", "position", "want", "because"),
    table(
        ("first", _queued("ConcurrentJobsLimitExceeded"), 1, "quota: 1st in us-east-1 ({})", "next"),
        ("second", _queued("ConcurrentJobsLimitExceeded"), 2, "quota: 2nd in us-east-1 ({})", "one before it"),
        ("third", _queued("ConcurrentJobsLimitExceeded"), 3, "quota: 3rd in us-east-1 ({})", "two before it"),
        ("eleventh", _queued("ConcurrentJobsLimitExceeded"), 11, "quota: 11th in us-east-1 ({})", "as one says it"),
        ("22nd", _queued("ConcurrentJobsLimitExceeded"), 22, "quota: 22nd in us-east-1 ({})", "as one says it"),
        ("112th", _queued("ConcurrentJobsLimitExceeded"), 112, "quota: 112th in us-east-1 ({})", "as one says it"),
        (
            "beside",
            _with_launching(),
            4,
            "AWS: 1 server converting, 0 min; quota: 4th in us-east-1 ({})",
            "other servers are under way meanwhile",
        ),
    ),
)
def test_where_a_wave_stands_in_line(run: Run, position: int, want: str, because: str) -> None:
    standings = {2: Standing(position, Refusal.JOBS_QUOTA)}
    assert waiting_for(run, b.NOW, standings=standings) == want.format("ConcurrentJobsLimitExceeded"), because


def test_of_several_waves_in_line_the_nearest_to_its_turn_is_told() -> None:
    run = b.run(b.run_wave(1, phase="Queued"), b.run_wave(2, phase="Queued", region="eu-west-1"))
    standings = {1: Standing(5, Refusal.JOBS_QUOTA), 2: Standing(3, Refusal.SERVERS_QUOTA)}
    assert waiting_for(run, b.NOW, standings=standings) == "quota: 3rd in eu-west-1 (ServersInJobsLimitExceeded)"
