"""Who may lead, and which ledger is trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.planning.facts import Failure
from drs_operator.planning.leadership import (
    Known,
    Leader,
    Ledger,
    Wish,
    judge,
    learned,
    may_lead,
    next_epoch,
    standby_message,
    standing_by,
    without_table,
)
from tests.builders import NOW
from tests.unit.runtime import raw

A, B = "cluster-a", "cluster-b"
HERE = Leader(A, "pod-1", 7, "2026-01-01T00:00:00+00:00")
KNOWN = Known("ledger-1", 7, A)
FOUND = Ledger("us-east-1", (), "ledger-1", 7)
OLD_PROBLEM = Failure("LEDGER_ROLLED_BACK", "found yesterday")


def wish(cluster: str) -> Wish:
    return Wish(cluster, "jane", "2026-01-01T00:00:00+00:00")


@dataclass(frozen=True)
class Candidacy:
    name: str
    leader: Leader | None
    leads: bool
    because: str


@pytest.mark.parametrize(
    "case",
    [
        Candidacy("nobody has led", None, True, "there is nobody to step on"),
        Candidacy("this cluster led", HERE, True, "a restarted operator goes on at once"),
        Candidacy("another led", replace(HERE, cluster=B), False, "silence proves nothing: it may be at work"),
        Candidacy("another led, we are wanted", replace(HERE, cluster=B, wish=wish(A)), True, "a person has said so"),
        Candidacy("another led, a third is wanted", replace(HERE, cluster=B, wish=wish("c")), False, "not this one"),
        Candidacy(
            "we led, another is wanted", replace(HERE, wish=wish(B)), True, "until it takes over, somebody works"
        ),
    ],
    ids=lambda case: case.name,
)
def test_who_may_lead(case: Candidacy) -> None:
    assert may_lead(case.leader, A) is case.leads, case.because


@dataclass(frozen=True)
class Judgement:
    name: str
    known: Known
    found: Ledger
    code: str | None
    because: str
    says: tuple[str, ...] = ()


@pytest.mark.parametrize(
    "case",
    [
        Judgement("never seen one", Known(), FOUND, None, "whatever is there is the first"),
        Judgement("as known", KNOWN, FOUND, None, "nothing has happened"),
        Judgement("a later epoch", KNOWN, replace(FOUND, epoch=9), None, "another cluster has led meanwhile"),
        Judgement(
            "another id",
            KNOWN,
            replace(FOUND, ledger_id="ledger-2"),
            "LEDGER_REPLACED",
            "its claims and runs are others",
            ("ledger-1", "ledger-2", "drs-operator adopt-ledger"),
        ),
        Judgement(
            "no META",
            KNOWN,
            replace(FOUND, ledger_id=None),
            "LEDGER_REPLACED",
            "the table was emptied",
            ("ledger-1", "no META", "drs-operator adopt-ledger"),
        ),
        Judgement(
            "a table is missing",
            KNOWN,
            replace(FOUND, missing_tables=["drs-execution-history"]),
            "LEDGER_REPLACED",
            "what was in it would be launched again",
            ("drs-execution-history", "drs-operator init-ledger", "drs-operator adopt-ledger"),
        ),
        Judgement(
            "an earlier epoch",
            KNOWN,
            replace(FOUND, epoch=6),
            "LEDGER_ROLLED_BACK",
            "runs that began since are not in it",
            ("epoch 6", "7 was known", "drs-operator adopt-ledger"),
        ),
        Judgement("no item of us", KNOWN, replace(FOUND, epoch=0), "LEDGER_ROLLED_BACK", "it was restored from before"),
        Judgement(
            "wrong before, right now",
            replace(KNOWN, problem=OLD_PROBLEM),
            FOUND,
            "LEDGER_ROLLED_BACK",
            "a leader has put itself back in; only a person knows whether all is well",
            ("found yesterday",),
        ),
        Judgement(
            "wrong before and accepted",
            replace(KNOWN, problem=OLD_PROBLEM, accepted="ledger-1"),
            FOUND,
            None,
            "a person has said so",
        ),
        Judgement("rolled back and accepted", replace(KNOWN, accepted="ledger-1"), replace(FOUND, epoch=2), None, "so"),
        Judgement(
            "replaced and accepted",
            replace(KNOWN, accepted="ledger-2"),
            replace(FOUND, ledger_id="ledger-2", epoch=0),
            None,
            "so",
        ),
        Judgement(
            "another one was accepted",
            replace(KNOWN, accepted="ledger-2"),
            replace(FOUND, ledger_id="ledger-3"),
            "LEDGER_REPLACED",
            "acceptance is of one ledger",
        ),
        Judgement(
            "accepted, but a table is missing",
            replace(KNOWN, accepted="ledger-1"),
            replace(FOUND, missing_tables=["drs-ledger"]),
            "LEDGER_REPLACED",
            "nobody can accept what is not there",
        ),
    ],
    ids=lambda case: case.name,
)
def test_which_ledger_is_trusted(case: Judgement) -> None:
    problem = judge(case.known, case.found)
    assert (problem.code if problem else None) == case.code, case.because
    for text in case.says:
        assert problem is not None
        assert text in problem.message


def test_what_is_known_stays_until_the_ledger_is_right() -> None:
    other = replace(FOUND, ledger_id="ledger-2", epoch=1)
    problem = judge(KNOWN, other)
    kept = learned(KNOWN, other, None, problem)
    assert kept == replace(KNOWN, problem=problem)
    accepted = replace(kept, accepted="ledger-2")
    assert judge(accepted, other) is None
    assert learned(accepted, other, replace(HERE, epoch=1), None) == Known("ledger-2", 1, A)


@pytest.mark.parametrize(
    ("leader", "known", "epoch"),
    [(None, Known(), 1), (None, KNOWN, 8), (HERE, Known(), 8), (replace(HERE, epoch=3), KNOWN, 8)],
    ids=["first", "ledger emptied", "new in this cluster", "ledger rolled back"],
)
def test_an_epoch_is_above_all_that_were_given_out(leader: Leader | None, known: Known, epoch: int) -> None:
    assert next_epoch(leader, known) == epoch


def test_without_the_table_whoever_led_goes_on() -> None:
    assert without_table(KNOWN, A, "pod-2") == Leader(A, "pod-2", 8, "")
    assert without_table(KNOWN, B, "pod-2").cluster == A, "no second cluster comes out of a missing table"


def test_a_standby_changes_ready_and_nothing_else() -> None:
    group = ProtectionGroup.model_validate(raw.group())
    message = standby_message("prod", HERE)
    status = standing_by(group, message, NOW)
    ready = find_condition(status.conditions, "Ready")
    assert ready is not None
    assert (ready.status, ready.reason) == ("Unknown", "StandbyInstallation")
    assert "cluster-a" in ready.message
    assert "drs-operator take-over" in ready.message
    without = status.model_copy(update={"conditions": group.status.conditions})
    assert without == group.status
    again = group.model_copy(update={"status": status})
    assert standing_by(again, standby_message("prod", replace(HERE, renewed="later", process="x")), NOW) == status
