"""`drs-operator abandon-run`: whom it cancels, whom it leaves alone, and what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from drs_operator.abandoning import Reach, abandon_in
from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.lead_commands import Declined
from drs_operator.planning.run import Cancel, Run
from drs_operator.ports import LostRace
from tests.builders import INSTALLATION, NOW, execution, intent, run, run_server, run_wave

CANCELLED = Cancel(requested_by="jane", time=NOW)
ACTIVE = run(
    run_wave(1, (run_server(1, "Launched"),), phase="Completed"),
    run_wave(2, phase="Launching"),
    run_wave(3),
    intents=(intent(2, (2,), "Started"),),
)


class Row:
    """The row of one run, and the object that stands under its name."""

    def __init__(self, standing: Run | None, found: DRExecution | None = None) -> None:
        self.standing = standing
        self.found = found
        self.meanwhile: list[Callable[[Run], Run]] = []
        """What the operator does to the row right before each write."""
        self.asked: list[str] = []

    async def find(self, run_id: str) -> Run | None:
        return self.standing if self.standing is not None and self.standing.run_id == run_id else None

    async def save(self, after: Run, before: Run) -> Run:
        assert self.standing is not None
        if self.meanwhile:
            moved = self.meanwhile.pop(0)(self.standing)
            self.standing = moved.model_copy(update={"version": self.standing.version + 1})
        if self.standing.version != before.version:
            raise LostRace("it has moved")
        self.standing = after.model_copy(update={"version": before.version + 1})
        return self.standing

    async def fresh(self, namespace: str, name: str) -> DRExecution | None:
        assert self.standing is not None
        assert (namespace, name) == (self.standing.namespace, self.standing.name)
        return self.found

    def abandon(self, run_id: str = "dr/drill-1", agrees: bool = True, installation: str = INSTALLATION) -> str:
        def answer(text: str, word: str) -> bool:
            self.asked.append(text)
            assert word == run_id
            return agrees

        return asyncio.run(
            abandon_in(Reach(self.find, self.save, self.fresh), installation, run_id, answer, "jane@laptop")
        )


def test_it_cancels_a_run_without_an_object_and_says_what_follows() -> None:
    row = Row(ACTIVE)
    said = row.abandon()
    assert row.standing is not None
    assert row.standing.cancel is not None
    assert row.standing.cancel.requested_by == "abandon-run by jane@laptop"
    assert row.standing == ACTIVE.model_copy(update={"cancel": row.standing.cancel, "version": 2}), "and nothing else"
    assert "recorded for jane@laptop: run dr/drill-1" in said
    assert "frees plan production" in said
    (question,) = row.asked
    assert "1 of 3 waves are never launched, 1 running DRS jobs are followed to their end, 1 launched" in question
    assert "create the object again" in question


def shown(uid: str, **status: Any) -> DRExecution:
    """The object under the run's name."""
    return execution("drill-1", {"uid": uid}, status)


@pytest.mark.parametrize(
    ("standing", "found", "says", "because"),
    [
        (None, None, "run id dr/drill-1 was never used in this ledger", "there is no such run"),
        (
            ACTIVE,
            shown("uid-drill-1"),
            "cancel it instead: kubectl annotate -n dr drx/drill-1 drs-operator.io/cancel=now",
            "it has its object",
        ),
        (ACTIVE, shown("uid-again"), "cancel it instead", "an object that was created again is about to adopt it"),
        (ACTIVE.model_copy(update={"installation": "west"}), None, "is of installation west, not test", "not ours"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_it_refuses(standing: Run | None, found: DRExecution | None, says: str, because: str) -> None:
    row = Row(standing, found)
    with pytest.raises(Declined, match=says.replace("(", r"\(")):
        row.abandon()
    assert row.standing == standing, because
    assert row.asked == [], "nobody is asked for what is refused"


def test_an_object_that_was_refused_is_not_its_object() -> None:
    row = Row(ACTIVE, shown("uid-again", finishTime=NOW.isoformat(), phase="Failed"))
    row.abandon()
    assert row.standing is not None
    assert row.standing.cancel is not None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": "Ended", "verdict": "Completed"}, "has ended already (Completed)"),
        ({"verdict": "Failed"}, "has its verdict, Failed"),
        ({"cancel": CANCELLED}, "was cancelled by jane already"),
    ],
    ids=["ended", "verdict", "cancelled"],
)
def test_a_run_that_ends_anyway_is_left_alone(changes: dict[str, Any], says: str) -> None:
    standing = ACTIVE.model_copy(update=changes)
    row = Row(standing)
    assert says in row.abandon()
    assert row.standing == standing


def test_without_consent_nothing_is_changed() -> None:
    row = Row(ACTIVE)
    with pytest.raises(Declined, match="not confirmed; nothing was changed"):
        row.abandon(agrees=False)
    assert row.standing == ACTIVE


def test_an_operator_that_moves_the_run_meanwhile_loses_nothing() -> None:
    row = Row(ACTIVE)
    row.meanwhile = [lambda r: r.model_copy(update={"epoch": 7}), lambda r: r.model_copy(update={"plan_version": 9})]
    row.abandon()
    assert row.standing is not None
    assert (row.standing.epoch, row.standing.plan_version) == (7, 9)
    assert row.standing.cancel is not None
    assert len(row.asked) == 1, "it asks once"


def test_a_run_that_ends_meanwhile_is_not_cancelled() -> None:
    row = Row(ACTIVE)
    row.meanwhile = [lambda r: r.model_copy(update={"state": "Ended", "verdict": "Completed"})]
    assert "has ended already" in row.abandon()
    assert row.standing is not None
    assert row.standing.cancel is None


def test_a_run_that_never_stands_still_is_given_up() -> None:
    row = Row(ACTIVE)
    row.meanwhile = [lambda r: r] * 5
    with pytest.raises(LostRace, match="try again"):
        row.abandon()
