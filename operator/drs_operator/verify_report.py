"""What `drs-operator ledger verify` prints: for people, and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drs_operator.planning.verifying import Difference, kind_of, title
from drs_operator.verify import Verified


def lines(verified: Verified) -> Iterator[str]:
    """Each difference with what to do, then the sum."""
    report = verified.report
    if verified.note is not None:
        yield f"NOTE  {verified.note}"
    for outcome in verified.outcomes:
        difference = outcome.difference
        what = f"{difference.kind}  {title(difference.owner)}  {difference.key}"
        yield f"repaired  {what}" if outcome.done else f"left      {what}: {outcome.detail}"
    for difference in report.differences:
        yield f"{difference.kind}  {title(difference.owner)}  {difference.key}"
        yield f"    {difference.message}"
        yield f"    {'expected' if difference.expected else 'to do'}: {difference.step}"
    for text in report.unsettled:
        yield f"not compared  {text}"
    differ = sum(not difference.expected for difference in report.differences)
    yield (
        f"installation {verified.installation}: {_count(report.claims, 'claim')} and {_count(report.rows, 'row')} in "
        f"the ledger; {differ or 'nothing'} differ{'s' if differ < 2 else ''}"
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def as_json(verified: Verified) -> dict[str, Any]:
    """The same as data."""
    return {
        "installation": verified.installation,
        "same": verified.report.same,
        "claims": verified.report.claims,
        "rows": verified.report.rows,
        "note": verified.note,
        "repairs": [
            {**_difference(outcome.difference), "done": outcome.done, "detail": outcome.detail}
            for outcome in verified.outcomes
        ],
        "differences": [_difference(difference) for difference in verified.report.differences],
        "notCompared": list(verified.report.unsettled),
    }


def _difference(difference: Difference) -> dict[str, Any]:
    owner = difference.owner
    return {
        "kind": str(difference.kind),
        "object": {"kind": kind_of(owner.id).definition.kind, "namespace": owner.namespace, "name": owner.name},
        "ownerId": owner.id,
        "key": difference.key,
        "message": difference.message,
        "step": difference.step,
        "repairable": difference.repairable,
        "expected": difference.expected,
    }
