"""Finished executions: they are history. Late commands are answered, the finalizer goes, nothing else changes."""

from __future__ import annotations

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.reconcilers import commanding
from drs_operator.reconcilers.context import Context, Outcome
from drs_operator.reconcilers.recording import record_run
from drs_operator.reconcilers.session import Session, as_it_is


async def look(context: Context, execution: DRExecution) -> Outcome:
    """One look at an execution whose `finishTime` is set."""
    if not commanding.given(execution):
        await context.cluster.remove_finalizer(execution)
        return Outcome()
    fresh = await as_it_is(context, execution)
    if fresh is None:
        return Outcome()
    run = await context.ledger.load_run(fresh.status.execution_id) if fresh.status.execution_id else None
    if run is not None and run.uid == fresh.metadata.uid:
        session = Session(context, fresh, run)
        await commanding.take(session)
        await record_run(session)
        return Outcome(again_in=0.0 if session.execution.metadata.finalizers else None)
    for command in commanding.given(fresh):
        text = f"{command.type}={command.value}: the run was refused and never started; create a new execution"
        await context.cluster.event(fresh, True, "CommandRefused", text)
    await commanding.take_off(context, fresh, commanding.given(fresh))
    return Outcome()
