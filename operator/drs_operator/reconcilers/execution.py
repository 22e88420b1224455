"""DRExecution: claim, validate, follow, decide, act, record. Waking it twice, late or after a crash changes nothing."""

from __future__ import annotations

from datetime import datetime

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.api.v1alpha1.codes import Code, reason
from drs_operator.planning import ending, engine, polling, projection
from drs_operator.planning.facts import Failure
from drs_operator.planning.run import Run
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers import commanding, history, launching, queueing, starting, validating
from drs_operator.reconcilers.context import LEDGER_FAILURES, Context, Outcome, record
from drs_operator.reconcilers.observing import observe
from drs_operator.reconcilers.recording import record_run, troubled
from drs_operator.reconcilers.rehearsing import rehearse
from drs_operator.reconcilers.session import Session, as_it_is

SIGN_OF_LIFE_SECONDS = 60.0
ROUNDS = 8
"""Decisions in one reconcile: a wave's end, the next wave's intent and its call follow each other at once."""


async def reconcile(context: Context, execution: DRExecution) -> Outcome:
    """One look at a run. Raises ReadFailed, after showing it in the status, when something could not be read."""
    if execution.status.finish_time is not None:
        return await history.look(context, execution)
    fresh = await as_it_is(context, execution)
    if fresh is None:
        return Outcome()
    if fresh.status.finish_time is not None:  # the watch has not brought its end yet
        return await history.look(context, fresh)
    if fresh.spec.dry_run:
        return await rehearse(context, fresh)
    try:
        if fresh.metadata.deletion_timestamp is not None and not await starting.is_claimed(context, fresh):
            await context.cluster.remove_finalizer(fresh)
            return Outcome()
        run = await starting.claim(context, fresh)
    except ReadFailed as error:
        trouble = Failure(error.code, error.message)
        await record(context, fresh, fresh.status, troubled(context, fresh, fresh.status, trouble))
        raise
    if isinstance(run, Failure):
        return await _refused(context, fresh, run)
    if run.state == "Claimed":  # by then the finalizer has changed the object
        fresh = await as_it_is(context, fresh)
        if fresh is None:
            return Outcome()
    return await _look(Session(context, fresh, run))


async def _look(session: Session) -> Outcome:
    wake_at: datetime | None = None
    try:
        wake_at = await _advance(session)
    except ReadFailed as error:
        session.troubles.append(Failure(error.code, error.message))
    outcome = await _record(session, wake_at)
    if session.troubles:
        raise ReadFailed(session.troubles[0].code, session.troubles[0].message)
    return outcome


async def _advance(session: Session) -> datetime | None:
    """Returns when time alone changes something."""
    if session.run.state == "Claimed":
        await commanding.take(session)  # a run whose validation waits for AWS can be cancelled, too
        if session.run.cancel is not None:
            await give_up(session)
        else:
            await validating.validate_and_pin(session)
    if session.run.state == "Running":
        await commanding.take(session)
        return await _rounds(session)
    return None


async def _rounds(session: Session) -> datetime | None:
    context, wake_at = session.context, None
    for _ in range(ROUNDS):
        sight = await observe(context, session.run)
        decision = engine.plan_next_steps(session.run, sight.observed(), context.clock.now())
        wake_at = decision.wake_at
        await session.move(decision.run)
        version = session.run.version
        session.troubles = [*session.postponed, *sight.troubles]
        for step in decision.steps:
            try:
                await _step(session, step)
            except ReadFailed as error:
                if error.code in LEDGER_FAILURES:
                    raise  # every further step would need it, too
                session.troubles.append(Failure(error.code, error.message))  # an account never holds up another
        if session.run.version == version or session.run.state == "Ended":
            break
    return wake_at


async def _step(session: Session, step: engine.Step) -> None:
    match step:
        case engine.Launch(intent):
            async with queueing.turn(session, intent) as its_turn:
                if its_turn:
                    await launching.launch(session, intent)
        case engine.Resolve(intent):
            await launching.resolve(session, intent)
        case engine.Finish():
            await finish(session)


async def finish(session: Session) -> None:
    """Lets go of the locks, then writes the end: after a crash between the two, both are done again."""
    run, ledger = session.run, session.context.ledger
    for place, server_ids in run.servers_by_place().items():
        await ledger.release_servers(place, server_ids, run.execution_id)
    await ledger.unlock_plan(run.plan_id, run.execution_id)
    await session.move(run.model_copy(update={"state": "Ended", "finish_time": session.context.clock.now()}))


async def give_up(session: Session) -> None:
    """The end of a run that was cancelled before it started."""
    now = session.context.clock.now()
    if session.run.verdict is None:
        cancelled = session.run.model_copy(update={"verdict": "Cancelled", "verdict_time": now})
        await session.move(ending.stop_waiting(cancelled, now))
    await finish(session)


async def _record(session: Session, wake_at: datetime | None) -> Outcome:
    if not await record_run(session):
        return Outcome(again_in=0.0)
    if session.run.state == "Ended":
        return Outcome(again_in=0.0 if session.execution.metadata.finalizers else None)
    return Outcome(again_in=_again(session.context, session.run, wake_at))


def _again(context: Context, run: Run, wake_at: datetime | None) -> float:
    """When to look again: soon while something is under way, once a minute while only a person is waited for."""
    now = context.clock.now()
    busy = any(intent.active for intent in run.intents) or any(w.phase in ("Queued", "Launching") for w in run.waves)
    usual = polling.interval(run, now, context.poll_seconds) if busy or not run.open_holds() else SIGN_OF_LIFE_SECONDS
    return polling.again_in(now, usual, wake_at)


async def _refused(context: Context, execution: DRExecution, failure: Failure) -> Outcome:
    fresh = await as_it_is(context, execution)  # the finalizer may be on by now
    if fresh is None:
        return Outcome()
    status = projection.refused(fresh, failure.code, failure.message, None, context.clock.now())
    if await record(context, fresh, fresh.status, status):
        await context.cluster.event(fresh, True, reason(Code(failure.code)), failure.message)
    return Outcome(again_in=0.0)
