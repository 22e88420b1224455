"""Finished executions: history. Late commands are answered, drills cleaned up; then the finalizer and, by ttl, the
object go. Nothing else of them changes."""

from __future__ import annotations

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.planning import cleanup as cleaning
from drs_operator.planning.run import Run
from drs_operator.reconcilers import cleanup, commanding
from drs_operator.reconcilers.context import Context, Outcome
from drs_operator.reconcilers.recording import record_run
from drs_operator.reconcilers.session import Session, as_it_is


async def look(context: Context, execution: DRExecution) -> Outcome:
    """One look at an execution whose `finishTime` is set."""
    if not commanding.given(execution) and not _to_come(execution):
        await context.cluster.remove_finalizer(execution)
        return Outcome()
    fresh = await as_it_is(context, execution)
    if fresh is None:
        return Outcome()
    run = await context.ledger.load_run(fresh.status.execution_id) if fresh.status.execution_id else None
    if run is None or run.uid != fresh.metadata.uid:
        await _answer_refused(context, fresh)
        return await _let_go(context, fresh, None)
    session = Session(context, fresh, run)
    if commanding.given(fresh):
        await commanding.take(session)
    again_in = await cleanup.advance(session)
    if not await record_run(session):
        return Outcome(again_in=0.0)
    if again_in is not None:
        return Outcome(again_in=again_in)
    return await _let_go(context, session.execution, session.run)


def _to_come(execution: DRExecution) -> bool:
    """Whether more than its finalizer may be left to do."""
    spec, shown = execution.spec, execution.status.cleanup
    if spec.ttl_seconds_after_finished is not None:
        return True
    if shown is None:
        return spec.terminate_drill_instances_after_seconds is not None
    return shown.phase not in ("Completed", "CompletedWithExceptions")


async def _let_go(context: Context, execution: DRExecution, run: Run | None) -> Outcome:
    """Nothing is left to be done for it: the finalizer goes, and when its time is over the object, too."""
    now = await as_it_is(context, execution)
    if now is None or now.status.finish_time is None:
        return Outcome()
    if commanding.given(now) or now.spec != execution.spec:
        return Outcome(again_in=0.0)  # something has come meanwhile: it is looked at first
    if now.metadata.finalizers:
        await context.cluster.remove_finalizer(now)
        if (now := await as_it_is(context, now)) is None:
            return Outcome()
    at = cleaning.leave_at(run, now.status.finish_time or context.clock.now(), now.spec.ttl_seconds_after_finished)
    if at is None or now.metadata.deletion_timestamp is not None:
        return Outcome()
    if (left := (at - context.clock.now()).total_seconds()) > 0:
        return Outcome(again_in=left)
    await context.cluster.remove(now)
    return Outcome()


async def _answer_refused(context: Context, execution: DRExecution) -> None:
    """Commands on an object that has no run of its own."""
    given = commanding.given(execution)
    why = "it is a dry run" if execution.spec.dry_run else "the run was refused and never started"
    for command in given:
        text = f"{command.type}={command.value}: {why}; create a new execution"
        await context.cluster.event(execution, True, "CommandRefused", text)
    await commanding.take_off(context, execution, given)
