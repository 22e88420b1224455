"""How a dry run ends: with what a run would find and launch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from drs_operator.api.v1alpha1.drexecution_status import Finding
from drs_operator.api.v1alpha1.enums import Severity
from drs_operator.api.v1alpha1.limits import LISTED_FINDINGS
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.run import FindingRecord, Run


def records(found: Sequence[Finding]) -> tuple[FindingRecord, ...]:
    """Findings as a run remembers them: as many as a status lists."""
    return tuple(FindingRecord.model_validate(item.model_dump(mode="json")) for item in found[:LISTED_FINDINGS])


def rehearsed(run: Run, found: Sequence[Finding], now: datetime) -> Run:
    """The run at its end: Completed, or Failed with the first refusal. It is in no ledger."""
    refusal = next((finding for finding in found if finding.severity == Severity.REFUSAL), None)
    return run.model_copy(
        update={
            "state": "Ended",
            "verdict": "Failed" if refusal else "Completed",
            "verdict_time": now,
            "finish_time": now,
            "findings": records(found),
            "error": ErrorRecord(code=refusal.code, message=refusal.message) if refusal else None,
        }
    )
