"""What a transition is worth telling: each thing once, with what to do."""

from typing import Any

import pytest

from drs_operator.planning.news import news
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.run import Run
from tests import builders as b
from tests.unit.planning.tables import table


def _wave(phase: str) -> Run:
    return b.run(b.run_wave(1, [b.run_server(1, "Ready"), b.run_server(2, "Failed")], phase=phase))


@pytest.mark.parametrize(
    ("before", "after", "want", "because"),
    table(
        ("calling", "Queued", "Launching", [], "the launch is told when AWS has taken it"),
        ("completed", "Launching", "Completed", [(False, "WaveCompleted")], "it ends"),
        ("exceptions", "Launching", "CompletedWithExceptions", [(True, "WaveCompletedWithExceptions")], "a warning"),
        ("failed", "Launching", "Failed", [(True, "WaveFailed")], "a warning"),
        ("timed out", "Launching", "TimedOut", [(True, "WaveTimedOut")], "a warning"),
        ("skipped", "Failed", "Skipped", [(False, "WaveSkipped")], "a person went on without it"),
        ("the same", "Launching", "Launching", [], "nothing has happened"),
        ("queued", "Pending", "Queued", [], "the launch will be told"),
    ),
)
def test_waves(before: str, after: str, want: list[tuple[bool, str]], because: str) -> None:
    told = news(_wave(before), _wave(after))

    assert [(item.warning, item.reason) for item in told] == want, because
    assert all("wave 1 (Tier 1): 1 of 2 servers launched" in item.message for item in told)


def test_a_launch_is_told_when_aws_has_taken_it() -> None:
    planned = b.run(b.run_wave(1, [1, 2], phase="Queued"), intents=(b.intent(1, [1, 2]),))
    calling = b.run(b.run_wave(1, [1, 2], phase="Launching"), intents=(b.intent(1, [1, 2], "Calling"),))
    started = calling.with_intent(b.intent(1, [1, 2], "Started"))
    second = started.with_intent(b.intent(1, [2], "Started", shard=2))

    assert [news(planned, calling), news(calling, planned)] == [[], []], "refused every few seconds: no news"
    (item,) = news(calling, started)
    assert (item.warning, item.reason) == (False, "WaveLaunching")
    assert item.message == "wave 1 (Tier 1): launching 2 servers"
    assert news(started, second) == [], "once for a wave"


def test_a_start() -> None:
    claimed = b.run(state="Claimed")
    started = b.run(b.run_wave(1, [1, 2]), b.run_wave(2, [3]))

    (item,) = news(claimed, started)

    assert (item.warning, item.reason, item.message) == (False, "Started", "DRILL of 3 servers in 2 waves")


@pytest.mark.parametrize(
    ("reason", "detail", "warning", "says", "because"),
    table(
        ("pause", "PauseBeforeWave", "", False, "drs-operator.io/resume=1.1", "it was planned"),
        ("requested", "Requested", "", False, "drs-operator.io/resume=1.1", "somebody asked for it"),
        ("failed", "WaveFailed", "db-01 did not come up", True, "drs-operator.io/retry=1.1", "somebody has to act"),
        ("account", "AccountUnavailable", "refused", True, "drs-operator.io/resume=1.1", "somebody has to act"),
    ),
)
def test_a_hold_is_told_with_the_way_on(reason: str, detail: str, warning: bool, says: str, because: str) -> None:
    before = b.run(b.run_wave(1))

    (item,) = news(before, before.model_copy(update={"holds": (b.hold("1.1", reason, detail=detail),)}))

    assert (item.warning, item.reason) == (warning, reason), because
    assert says in item.message
    assert detail in item.message


def test_a_hold_that_was_closed_is_told_with_who_did_it() -> None:
    before = b.run(b.run_wave(1), holds=(b.hold("1.1"), b.hold("1.2")))
    closed = b.hold("1.1", closed_at=b.NOW, closed_by="jane@example.com")

    told = news(before, before.model_copy(update={"holds": (closed, b.hold("1.2"))}))

    assert [(item.reason, item.message) for item in told] == [
        ("HoldClosed", "hold 1.1 (PauseBeforeWave) closed by jane@example.com")
    ]


@pytest.mark.parametrize(
    ("changes", "want", "because"),
    table(
        ("completed", {"verdict": "Completed"}, (False, "Completed", "verdict: Completed"), "all is well"),
        (
            "exceptions",
            {"verdict": "CompletedWithExceptions"},
            (True, "CompletedWithExceptions", "verdict:"),
            "not all",
        ),
        (
            "failed",
            {"verdict": "Failed", "error": ErrorRecord(code="WAVE_LAUNCH_FAILED", message="wave 1 failed")},
            (True, "Failed", "wave 1 failed"),
            "with the reason",
        ),
    ),
)
def test_a_verdict(changes: dict[str, Any], want: tuple[bool, str, str], because: str) -> None:
    before = b.run()

    (item,) = news(before, before.model_copy(update=changes))

    assert (item.warning, item.reason) == want[:2], because
    assert want[2] in item.message


def test_an_end() -> None:
    before = b.run(verdict="Completed", verdict_time=b.NOW)

    told = news(before, before.model_copy(update={"state": "Ended", "finish_time": b.NOW}))

    assert [item.reason for item in told] == ["Ended"]


def test_a_refusal_is_told_once() -> None:
    claimed = b.run(state="Claimed")
    refused = {"state": "Ended", "verdict": "Failed", "error": ErrorRecord(code="NOT_FOUND", message="no plan")}

    assert [(i.reason, i.message) for i in news(claimed, claimed.model_copy(update=refused))] == [("Failed", "no plan")]


def test_no_news() -> None:
    run = b.run(b.run_wave(1, phase="Launching"), holds=(b.hold("1.1"),), verdict="Failed")

    assert news(run, run) == []
