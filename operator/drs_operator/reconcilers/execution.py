"""DRExecution: claim, validate, follow, decide, act, record. Waking it twice, late or after a crash changes nothing."""

from __future__ import annotations

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.api.v1alpha1.codes import Code, reason
from drs_operator.api.v1alpha1.conditions import find_condition, set_condition
from drs_operator.api.v1alpha1.drexecution_status import DRExecutionStatus
from drs_operator.api.v1alpha1.enums import ConditionStatus, ConditionType
from drs_operator.planning import commands, ending, engine, projection
from drs_operator.planning.commands import Command
from drs_operator.planning.facts import Failure
from drs_operator.planning.run import Run
from drs_operator.ports import LostRace, ReadFailed
from drs_operator.reconcilers import launching, starting
from drs_operator.reconcilers.context import Context, Outcome, record
from drs_operator.reconcilers.observing import observe
from drs_operator.reconcilers.session import Session

PREFIX = "drs-operator.io/"
REQUESTED_BY = "requested-by.drs-operator.io/"
SIGN_OF_LIFE_SECONDS = 60.0
ROUNDS = 8
"""Decisions in one reconcile: a wave's end, the next wave's intent and its call follow each other at once."""
LEDGER = frozenset({"LEDGER_UNREACHABLE", "DYNAMODB_ERROR"})
"""Failures after which nothing more can be done in this look: every further step would need the ledger."""


async def reconcile(context: Context, execution: DRExecution) -> Outcome:
    """One look at a run. Raises ReadFailed, after showing it in the status, when something could not be read."""
    if execution.status.finish_time is not None:
        return await _history(context, execution)
    fresh = await _now(context, execution)
    if fresh is None:
        return Outcome()
    if fresh.status.finish_time is not None:  # the watch has not brought its end yet
        return await _history(context, fresh)
    try:
        if fresh.metadata.deletion_timestamp is not None and not await starting.is_claimed(context, fresh):
            await context.cluster.remove_finalizer(fresh)
            return Outcome()
        run = await starting.claim(context, fresh)
    except ReadFailed as error:
        trouble = Failure(error.code, error.message)
        await record(context, fresh, fresh.status, _troubled(context, fresh, fresh.status, trouble))
        raise
    if isinstance(run, Failure):
        return await _refused(context, fresh, run)
    if run.state == "Claimed":  # by then the finalizer has changed the object
        fresh = await _now(context, fresh)
        if fresh is None:
            return Outcome()
    return await _look(Session(context, fresh, run))


async def _look(session: Session) -> Outcome:
    try:
        await _advance(session)
    except ReadFailed as error:
        session.troubles.append(Failure(error.code, error.message))
    outcome = await _record(session)
    if session.troubles:
        raise ReadFailed(session.troubles[0].code, session.troubles[0].message)
    return outcome


async def _advance(session: Session) -> None:
    if session.run.state == "Claimed":
        await _commands(session)  # a run whose validation waits for AWS can be cancelled, too
        if session.run.cancel is not None:
            await _give_up(session)
        else:
            await starting.validate_and_pin(session)
    if session.run.state == "Running":
        await _commands(session)
        await _rounds(session)


async def _rounds(session: Session) -> None:
    context = session.context
    for _ in range(ROUNDS):
        sight = await observe(context, session.run)
        decision = engine.plan_next_steps(session.run, sight.observed(), context.clock.now())
        await session.move(decision.run)
        version = session.run.version
        session.troubles = list(sight.troubles)
        for step in decision.steps:
            try:
                await _step(session, step)
            except ReadFailed as error:
                if error.code in LEDGER:
                    raise
                session.troubles.append(Failure(error.code, error.message))  # an account never holds up another
        if session.run.version == version or session.run.state == "Ended":
            return


async def _step(session: Session, step: engine.Step) -> None:
    match step:
        case engine.Launch(intent):
            await launching.launch(session, intent)
        case engine.Resolve(intent):
            await launching.resolve(session, intent)
        case engine.Finish():
            await _finish(session)


async def _finish(session: Session) -> None:
    """Lets go of the locks, then writes the end: after a crash between the two, both are done again."""
    run, ledger = session.run, session.context.ledger
    for place, server_ids in run.servers_by_place().items():
        await ledger.release_servers(place, server_ids, run.execution_id)
    await ledger.unlock_plan(run.plan_id, run.execution_id)
    await session.move(run.model_copy(update={"state": "Ended", "finish_time": session.context.clock.now()}))


async def _give_up(session: Session) -> None:
    """The end of a run that was cancelled before it started."""
    now = session.context.clock.now()
    if session.run.verdict is None:
        cancelled = session.run.model_copy(update={"verdict": "Cancelled", "verdict_time": now})
        await session.move(ending.stop_waiting(cancelled, now))
    await _finish(session)


async def _commands(session: Session) -> None:
    """Takes commands: act and answer are one write, then each is told and taken off."""
    asked = given(session.execution)
    if not asked:
        return
    run, answers = commands.take(session.run, asked, session.context.clock.now())
    await session.move(run)
    for answer in answers:
        await session.context.ledger.record_answer(session.run, answer)
        told = "CommandAccepted" if answer.outcome == "Accepted" else "CommandRefused"
        text = f"{answer.type}={answer.value} by {answer.requested_by or 'unknown'}: "
        text += answer.outcome if answer.code is None else f"{answer.code}: {answer.message}"
        await session.context.cluster.event(session.execution, answer.code is not None, told, text)


def given(execution: DRExecution) -> list[Command]:
    """The command annotations on an object."""
    annotations = execution.metadata.annotations
    return [
        Command(name, annotations[PREFIX + name], annotations.get(REQUESTED_BY + name, ""))
        for name in commands.ORDER
        if PREFIX + name in annotations
    ]


async def _record(session: Session) -> Outcome:
    context = session.context
    for item in session.told:
        await context.cluster.event(session.execution, item.warning, item.reason, item.message)
    try:
        await _write(session)
    except LostRace:
        # Somebody has changed the object. What this look has found must not be lost: on top of the change, if we lead.
        await session.reload()
        now = await _now(context, session.execution)
        if now is None:
            return Outcome()
        asked = given(session.execution)
        session.execution = now
        await _write(session)
        await _take_off(context, now, asked)
        return Outcome(again_in=0.0)
    await _take_off(context, session.execution, given(session.execution))
    if session.run.state == "Ended":
        return Outcome(again_in=0.0 if session.execution.metadata.finalizers else None)
    return Outcome(again_in=_again(context, session.run))


async def _write(session: Session) -> None:
    context, execution, run = session.context, session.execution, session.run
    status = projection.project(run, execution, context.clock.now())
    if session.troubles and run.state != "Ended":
        status = _troubled(context, execution, status, session.troubles[0])
    await record(context, execution, execution.status, status)


def _troubled(
    context: Context, execution: DRExecution, status: DRExecutionStatus, trouble: Failure
) -> DRExecutionStatus:
    """The status, with what stands in the way now as the reason why it is not ready."""
    listed, now = status.conditions, context.clock.now()
    for type, default in ((ConditionType.READY, ConditionStatus.UNKNOWN), (ConditionType.RECONCILING, "True")):
        old = find_condition(listed, type)
        state = ConditionStatus(old.status if old else default)
        word, generation = reason(Code(trouble.code)), execution.metadata.generation or 0
        listed = set_condition(listed, type, state, word, trouble.message, generation, now)
    return status.model_copy(update={"conditions": listed})


def _again(context: Context, run: Run) -> float:
    """When to look again: soon while something is under way, once a minute while only a person is waited for."""
    busy = any(intent.active for intent in run.intents) or any(w.phase in ("Queued", "Launching") for w in run.waves)
    return context.poll_seconds if busy or not run.open_holds() else SIGN_OF_LIFE_SECONDS


async def _now(context: Context, execution: DRExecution) -> DRExecution | None:
    """The object as the API server has it now; None if it is gone, or another one of the same name has come."""
    meta = execution.metadata
    fresh = await context.cluster.fresh(DRExecution, meta.namespace, meta.name)
    return fresh if fresh is not None and fresh.metadata.uid == meta.uid else None


async def _take_off(context: Context, execution: DRExecution, answered: list[Command]) -> None:
    """Takes answered commands off the object. It has changed by the status write, so it is read anew."""
    if not answered or (now := await _now(context, execution)) is None:
        return
    same = [c for c in answered if now.metadata.annotations.get(PREFIX + c.type) == c.value]
    await context.cluster.take_off(now, [key for c in same for key in (PREFIX + c.type, REQUESTED_BY + c.type)])


async def _refused(context: Context, execution: DRExecution, failure: Failure) -> Outcome:
    fresh = await _now(context, execution)  # the finalizer may be on by now
    if fresh is None:
        return Outcome()
    status = projection.refused(fresh, failure.code, failure.message, None, context.clock.now())
    if await record(context, fresh, fresh.status, status):
        await context.cluster.event(fresh, True, reason(Code(failure.code)), failure.message)
    return Outcome(again_in=0.0)


async def _history(context: Context, execution: DRExecution) -> Outcome:
    """A finished execution: late commands are refused, the finalizer goes, nothing else ever changes."""
    if not given(execution):
        await context.cluster.remove_finalizer(execution)
        return Outcome()
    fresh = await _now(context, execution)
    if fresh is None:
        return Outcome()
    run = await context.ledger.load_run(fresh.status.execution_id) if fresh.status.execution_id else None
    if run is not None and run.uid == fresh.metadata.uid:
        session = Session(context, fresh, run)
        await _commands(session)
        return await _record(session)
    for command in given(fresh):
        text = f"{command.type}={command.value}: the run was refused and never started; create a new execution"
        await context.cluster.event(fresh, True, "CommandRefused", text)
    await _take_off(context, fresh, given(fresh))
    return Outcome()
