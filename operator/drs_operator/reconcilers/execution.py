"""DRExecution: claim, validate, follow, decide, act, record. Waking it twice, late or after a crash changes nothing."""

from __future__ import annotations

from collections import defaultdict

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.api.v1alpha1.drexecution_status import Finding
from drs_operator.planning import commands, engine, projection
from drs_operator.planning.commands import Command
from drs_operator.planning.facts import Failure, Place
from drs_operator.planning.run import Run
from drs_operator.reconcilers import launching, starting
from drs_operator.reconcilers.context import Context, Outcome, record
from drs_operator.reconcilers.observing import observe
from drs_operator.reconcilers.session import Session

PREFIX = "drs-operator.io/"
REQUESTED_BY = "requested-by.drs-operator.io/"
SIGN_OF_LIFE_SECONDS = 60.0
ROUNDS = 8
"""Decisions in one reconcile: a wave's end, the next wave's intent and its call follow each other at once."""


async def reconcile(context: Context, execution: DRExecution) -> Outcome:
    """One look at a run."""
    if execution.status.finish_time is not None:
        return await _history(context, execution)
    fresh = await context.cluster.fresh(DRExecution, execution.metadata.namespace, execution.metadata.name)
    if fresh is None or fresh.metadata.uid != execution.metadata.uid:
        return Outcome()
    if fresh.metadata.deletion_timestamp is not None and fresh.status.phase is None:
        await context.cluster.remove_finalizer(fresh)  # nothing was claimed
        return Outcome()
    run = await starting.claim(context, fresh)
    if isinstance(run, Failure):
        return await _refused(context, fresh, run)
    session = Session(context, fresh, run)
    findings: list[Finding] | None = None
    if run.state == "Claimed":
        findings = await starting.validate_and_pin(session)
    if session.run.state == "Running":
        await _commands(session)
        await _rounds(session)
    return await _record(session, findings)


async def _rounds(session: Session) -> None:
    context = session.context
    for _ in range(ROUNDS):
        sight = await observe(context, session.run)
        decision = engine.plan_next_steps(session.run, sight.observed(), context.clock.now())
        await session.move(decision.run)
        version = session.run.version
        for step in decision.steps:
            match step:
                case engine.Launch(intent):
                    await launching.launch(session, intent)
                case engine.Resolve(intent):
                    await launching.resolve(session, intent)
                case engine.Finish():
                    await _finish(session)
        if session.run.version == version or session.run.state == "Ended":
            return


async def _finish(session: Session) -> None:
    """Lets go of the locks, then writes the end: after a crash between the two, both are done again."""
    run, ledger = session.run, session.context.ledger
    by_place: dict[Place, list[str]] = defaultdict(list)
    for wave in run.waves:
        by_place[wave.place] += [server.server_id for server in wave.servers]
    for place, server_ids in by_place.items():
        await ledger.release_servers(place, server_ids, run.execution_id)
    await ledger.unlock_plan(run.plan_id, run.execution_id)
    await session.move(run.model_copy(update={"state": "Ended", "finish_time": session.context.clock.now()}))


async def _commands(session: Session) -> None:
    """Takes commands: act and answer are one write, then each is told and taken off."""
    asked = given(session.execution)
    if not asked:
        return
    run, answers = commands.take(session.run, asked, session.context.clock.now())
    await session.move(run)
    for answer in answers:
        await session.context.ledger.record_answer(session.run, answer)
        reason = "CommandAccepted" if answer.outcome == "Accepted" else "CommandRefused"
        text = f"{answer.type}={answer.value} by {answer.requested_by or 'unknown'}: "
        text += answer.outcome if answer.code is None else f"{answer.code}: {answer.message}"
        await session.context.cluster.event(session.execution, answer.code is not None, reason, text)


def given(execution: DRExecution) -> list[Command]:
    """The command annotations on an object."""
    annotations = execution.metadata.annotations
    return [
        Command(name, annotations[PREFIX + name], annotations.get(REQUESTED_BY + name, ""))
        for name in commands.ORDER
        if PREFIX + name in annotations
    ]


async def _record(session: Session, findings: list[Finding] | None) -> Outcome:
    context, execution, run = session.context, session.execution, session.run
    for item in session.told:
        await context.cluster.event(execution, item.warning, item.reason, item.message)
    status = projection.project(run, execution, findings, context.clock.now())
    await record(context, execution, execution.status, status)
    await _take_off(context, execution)
    if run.state == "Ended":
        return Outcome(again_in=0.0 if execution.metadata.finalizers else None)
    return Outcome(again_in=_again(context, run))


def _again(context: Context, run: Run) -> float:
    """When to look again: soon while something is under way on AWS, once a minute while only a person is waited for."""
    if any(intent.active for intent in run.intents) or not run.open_holds():
        return context.poll_seconds
    return SIGN_OF_LIFE_SECONDS


async def _take_off(context: Context, execution: DRExecution) -> None:
    """Takes answered commands off the object. The object has changed by the status write, so it is read anew."""
    asked = given(execution)
    if not asked:
        return
    meta = execution.metadata
    now = await context.cluster.fresh(DRExecution, meta.namespace, meta.name)
    if now is None:
        return
    answered = [c for c in asked if now.metadata.annotations.get(PREFIX + c.type) == c.value]
    keys = [key for c in answered for key in (PREFIX + c.type, REQUESTED_BY + c.type)]
    await context.cluster.take_off(now, keys)


async def _refused(context: Context, execution: DRExecution, failure: Failure) -> Outcome:
    status = projection.refused(execution, failure.code, failure.message, None, context.clock.now())
    if await record(context, execution, execution.status, status):
        await context.cluster.event(execution, True, status.conditions[0].reason, failure.message)
    return Outcome(again_in=0.0)


async def _history(context: Context, execution: DRExecution) -> Outcome:
    """A finished execution: late commands are refused, the finalizer goes, nothing else ever changes."""
    if given(execution):
        fresh = await context.cluster.fresh(DRExecution, execution.metadata.namespace, execution.metadata.name)
        if fresh is None:
            return Outcome()
        run = await context.ledger.load_run(fresh.status.execution_id) if fresh.status.execution_id else None
        if run is not None and run.uid == fresh.metadata.uid:
            session = Session(context, fresh, run)
            await _commands(session)
            return await _record(session, None)
        for command in given(fresh):
            text = f"{command.type}={command.value}: the run was refused and never started; create a new execution"
            await context.cluster.event(fresh, True, "CommandRefused", text)
        await _take_off(context, fresh)
        return Outcome()
    if execution.metadata.finalizers:
        await context.cluster.remove_finalizer(execution)
    return Outcome()
