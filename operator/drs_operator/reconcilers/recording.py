"""The status of an execution: written once, at the end of a look, as the projection of its run."""

from __future__ import annotations

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.api.v1alpha1.codes import Code, reason
from drs_operator.api.v1alpha1.conditions import find_condition, set_condition
from drs_operator.api.v1alpha1.drexecution_status import DRExecutionStatus
from drs_operator.api.v1alpha1.enums import ConditionStatus, ConditionType
from drs_operator.planning import ledger_away, projection
from drs_operator.planning.facts import Failure
from drs_operator.ports import LostRace
from drs_operator.reconcilers.commanding import take_off
from drs_operator.reconcilers.context import Context, record
from drs_operator.reconcilers.session import Session, as_it_is


async def record_run(session: Session) -> bool:
    """Tells what has happened, writes the status, takes answered commands off.

    Returns whether that was all: False when the object has changed meanwhile and has to be looked at again at once.
    """
    context = session.context
    for item in session.told:
        await context.cluster.event(session.execution, item.warning, item.reason, item.message)
    try:
        await _write(session)
    except LostRace:
        # Somebody has changed the object. What this look has found must not be lost: on top of the change, if we lead.
        await session.reload()
        now = await as_it_is(context, session.execution)
        if now is None:
            return True
        session.execution = now
        await _write(session)
        await take_off(context, now, session.answered)
        return False
    await take_off(context, session.execution, session.answered)
    return True


async def _write(session: Session) -> None:
    context, execution, run = session.context, session.execution, session.run
    status = projection.project(run, execution, context.clock.now(), context.quota.standings(run))
    if session.troubles and run.state != "Ended":
        status = troubled(context, execution, status, session.troubles[0])
    await record(context, execution, execution.status, status)


def troubled(
    context: Context, execution: DRExecution, status: DRExecutionStatus, trouble: Failure
) -> DRExecutionStatus:
    """The status, with what stands in the way now as the reason why it is not ready."""
    listed, now = status.conditions, context.clock.now()
    generation = execution.metadata.generation or 0
    for type, default in ((ConditionType.READY, ConditionStatus.UNKNOWN), (ConditionType.RECONCILING, "True")):
        old = find_condition(listed, type)
        state = ConditionStatus(old.status if old else default)
        word = reason(Code(trouble.code))
        listed = set_condition(listed, type, state, word, trouble.message, generation, now)
    status = status.model_copy(update={"conditions": listed})
    if trouble.code == ledger_away.CODE:
        return ledger_away.held(status, execution.status, trouble.message, generation, now)
    return status
