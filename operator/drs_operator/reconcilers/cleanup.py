"""The side effects of a clean-up: fresh looks, the terminate call, and finding out what became of a lost one.

The order is intent, act, record, as for a launch; see `planning/terminating.py`.
"""

from __future__ import annotations

from datetime import datetime

from drs_operator.api.v1alpha1 import TargetAccount
from drs_operator.api.v1alpha1.enums import ManagementPolicy
from drs_operator.planning import account as accounts
from drs_operator.planning import cleanup, terminating
from drs_operator.planning.facts import Jobs, Place, RecoveryInstance
from drs_operator.planning.intents import TerminateIntent
from drs_operator.planning.launching import LOOK_BACK, Refused, Unknown
from drs_operator.planning.run import Run
from drs_operator.planning.terminating import GOING, Sight
from drs_operator.ports import Access, LostRace, ReadFailed, Started
from drs_operator.reconcilers.access import access_of, for_run, is_allowed
from drs_operator.reconcilers.context import Context, refuse_unknown_ledger
from drs_operator.reconcilers.queueing import admit_termination
from drs_operator.reconcilers.session import Session, as_it_is

ROUNDS = 3
"""Decisions in one look: what is found, what is called, and what the calls have made of it."""
TROUBLED_SECONDS = 60.0
"""Until a place that could not be read or entered is looked at again."""


async def advance(session: Session) -> float | None:
    """Takes the clean-up on as far as it goes now; returns when to look again, None: it is over or was never asked for.

    Raises LostRace, Fenced, and ReadFailed where the ledger or the API server fail: what AWS fails with is shown.
    """
    context = session.context
    await session.move(cleanup.scheduled(session.run, session.execution.spec.terminate_drill_instances_after_seconds))
    await session.move(cleanup.begun(session.run, context.clock.now()))
    if cleanup.over(session.run.cleanup):
        return None
    await _hold_on(session)
    assert session.run.cleanup is not None
    if session.run.cleanup.phase == "Scheduled":
        due = session.run.cleanup.due_time
        return max(0.0, (due - context.clock.now()).total_seconds()) if due else None
    troubles: dict[Place, str] = {}
    for _ in range(ROUNDS):
        version = session.run.version
        sights, troubles = await _look(session)
        await session.move(cleanup.decided(session.run, sights, troubles, context.settle, context.clock.now()))
        for intent in session.run.cleanup.intents if session.run.cleanup else ():
            if _callable(intent, context.clock.now()) and intent.place not in troubles:
                await _terminate(session, intent)
        if session.run.version == version or cleanup.over(session.run.cleanup):
            break
    if cleanup.over(session.run.cleanup):
        return None
    return TROUBLED_SECONDS if troubles else context.poll_seconds


async def _hold_on(session: Session) -> None:
    """The finalizer is on before anything is done: so the object stays until it is over."""
    meta = session.execution.metadata
    if meta.finalizers or meta.deletion_timestamp is not None:
        return
    await session.context.cluster.add_finalizer(session.execution)
    if (now := await as_it_is(session.context, session.execution)) is None:
        raise LostRace("the execution is gone")
    session.execution = now


def _callable(intent: TerminateIntent, now: datetime) -> bool:
    return intent.state == "Planned" and (intent.not_before is None or now >= intent.not_before)


async def _look(session: Session) -> tuple[dict[Place, Sight], dict[Place, str]]:
    sights: dict[Place, Sight] = {}
    troubles: dict[Place, str] = {}
    names = {wave.place: wave.account_name for wave in session.run.waves}
    for place in terminating.launched(session.run):
        try:
            access = await _enter(session, names[place], place)
            instances = await _instances(session, access, place)
            sights[place] = Sight(instances, await _board(session, access, place))
        except ReadFailed as error:
            troubles[place] = f"{error.code}: {error.message}"
    return sights, troubles


async def _instances(session: Session, access: Access, place: Place) -> tuple[RecoveryInstance, ...]:
    servers = terminating.launched(session.run)[place][1]
    found = await session.context.cloud.recovery_instances(access, place.region, sorted(servers))
    return terminating.own(session.run, place, found)


async def _board(session: Session, access: Access, place: Place) -> Jobs | None:
    intents = session.run.cleanup.intents if session.run.cleanup else ()
    open_calls = [i for i in intents if i.place == place and i.state in ("Calling", "Started")]
    moments = [intent.called_at_aws for intent in open_calls if intent.called_at_aws is not None]
    if not moments:
        return None
    return await session.context.cloud.jobs(access, place.region, min(moments) - LOOK_BACK)


async def _enter(session: Session, name: str, place: Place, fresh: bool = False) -> Access:
    """How to enter the account of a place. Raises ReadFailed with what stands between."""
    context = session.context
    if fresh:
        account = await context.cluster.fresh(TargetAccount, None, name)
    else:
        account = context.objects.get(TargetAccount, None, name)
    if account is None:
        raise ReadFailed("ACCOUNT_UNAVAILABLE", f"TargetAccount {name} does not exist; create it again")
    if account.spec.account_id != place.account_id:
        text = f"TargetAccount {name} is now account {account.spec.account_id}; put {place.account_id} back"
        raise ReadFailed("ACCOUNT_UNAVAILABLE", text)
    if account.spec.management_policy is ManagementPolicy.OBSERVE:
        raise ReadFailed("ACCOUNT_OBSERVE_ONLY", accounts.observed_only(account))
    if not await is_allowed(context, account, session.run.namespace, fresh):
        text = f"TargetAccount {name} does not allow namespace {session.run.namespace} any more; allow it"
        raise ReadFailed("NAMESPACE_NOT_ALLOWED", text)
    return for_run(await access_of(context, account, fresh=fresh), session.run.execution_id)


async def _terminate(session: Session, intent: TerminateIntent) -> None:
    """Fresh checks, then CALLING, then the call, then what it answered."""
    context = session.context
    refuse_unknown_ledger(context)
    try:
        access = await _enter(session, intent.account_name, intent.place, fresh=True)
        found = await _instances(session, access, intent.place)
    except ReadFailed as error:
        if error.code == "INTERNAL_ERROR":
            raise
        await _say(session, f"{intent.place}: {error.code}: {error.message}")
        return
    if await as_it_is(context, session.execution) is None:
        raise LostRace("the execution is gone: nobody asks for its clean-up any more")
    await session.reload()
    current = _planned_still(session.run, intent)
    if current is None:
        return
    if (short := await admit_termination(session, current)) is not None:
        await _say(session, f"{current.place}: waits for quota ({short}); recoveries and drills go first")
        return
    there = {i.instance_id: i.server_id for i in found if i.state not in GOING}
    now, aws_now = context.clock.now(), context.cloud.aws_time(access, intent.region)
    assert session.run.cleanup is not None
    called = terminating.call(session.run.cleanup, current, there, context.caller, now, aws_now)
    await session.move(session.run.model_copy(update={"cleanup": called}))
    calling = terminating.find(called, intent.shard)
    if calling is None or calling.state != "Calling":
        return
    answer = await context.cloud.terminate_recovery_instances(access, calling)
    await session.must_move(lambda run: _recorded(run, calling, answer, context))


def _planned_still(run: Run, intent: TerminateIntent) -> TerminateIntent | None:
    if run.cleanup is None or run.cleanup.phase != "Running":
        return None
    current = terminating.find(run.cleanup, intent.shard)
    return current if current is not None and current.state == "Planned" else None


async def _say(session: Session, text: str) -> None:
    if session.run.cleanup is not None and session.run.cleanup.message != text:
        said = session.run.cleanup.model_copy(update={"message": text})
        await session.move(session.run.model_copy(update={"cleanup": said}))


def _recorded(run: Run, calling: TerminateIntent, answer: Started | Refused | Unknown, context: Context) -> Run:
    current = terminating.find(run.cleanup, calling.shard) if run.cleanup else None
    if run.cleanup is None or current is None or current != calling:
        return run
    match answer:
        case Refused():
            after = terminating.refused(run, run.cleanup, current, answer, context.clock.now())
        case Unknown():
            return run  # stays CALLING: resolved by looking
        case Started():
            after = terminating.started(run.cleanup, current, answer.job_id, answer.status, answer.created_at)
    return run.model_copy(update={"cleanup": after})
