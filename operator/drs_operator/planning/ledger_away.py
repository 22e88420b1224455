"""What an execution shows while the ledger does not answer: its last known state, and a hold that closes by itself.

The hold is in the status alone: there is nowhere else to write it. The projection of the run, made when the ledger
answers again, has none.
"""

from __future__ import annotations

from datetime import datetime

from drs_operator.api.v1alpha1.conditions import set_condition
from drs_operator.api.v1alpha1.drexecution_status import DRExecutionStatus, HoldStatus
from drs_operator.api.v1alpha1.enums import ConditionStatus, ConditionType, HoldReason
from drs_operator.api.v1alpha1.fields import clip
from drs_operator.api.v1alpha1.limits import LISTED_HOLDS
from drs_operator.planning.projection import HOLD_MESSAGE, SIGN_OF_LIFE

CODE = "LEDGER_UNREACHABLE"
HOLD_ID = "ledger"
_WAITING = "the ledger to answer"


def held(
    status: DRExecutionStatus, shown: DRExecutionStatus, message: str, generation: int, now: datetime
) -> DRExecutionStatus:
    """The status with the hold, open since it was first `shown`.

    What was never claimed only waits: there is no run yet to hold.
    The operator still looks at the run, so the sign of life goes on: an outage of the ledger is no observation gap.
    """
    if status.execution_id is None:
        return status.model_copy(update={"waiting_for": _WAITING})
    others = [hold for hold in status.holds if hold.id != HOLD_ID]
    before = next((hold for hold in shown.holds if hold.id == HOLD_ID), None)
    text = clip(f"{message}; it goes on by itself when the ledger answers", HOLD_MESSAGE)
    since = before.since if before else now
    hold = HoldStatus(id=HOLD_ID, reason=HoldReason.LEDGER_UNREACHABLE, since=since, message=text)
    names = ", ".join(f"{h.id} ({h.reason})" for h in (hold, *others))
    seen = status.last_observed_time
    return status.model_copy(
        update={
            "waiting_for": _WAITING,
            "holds": [hold, *others][:LISTED_HOLDS],
            "last_observed_time": now if seen is None or now - seen >= SIGN_OF_LIFE else seen,
            "conditions": set_condition(
                status.conditions,
                ConditionType.PAUSED,
                ConditionStatus.TRUE,
                HoldReason.LEDGER_UNREACHABLE,
                names,
                generation,
                now,
            ),
        }
    )
