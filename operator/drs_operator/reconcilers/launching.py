"""The side effects of a run: guards, the launch call, and finding out what became of a lost one.

The order is always intent, act, record (`behaviour.md`, "Launching exactly once").
"""

from __future__ import annotations

from drs_operator.api.v1alpha1 import DRExecution, TargetAccount
from drs_operator.api.v1alpha1.enums import ManagementPolicy
from drs_operator.planning import account as accounts
from drs_operator.planning import at_launch, holds, last_launch, launching, pinning, quota
from drs_operator.planning.facts import Failure
from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.launching import Refusal, Refused, Unknown
from drs_operator.planning.run import Run, RunWave
from drs_operator.ports import Access, AccessDenied, LostRace, ReadFailed, Started
from drs_operator.reconcilers import launch_guards, settings_at_launch
from drs_operator.reconcilers.access import access_of, account_of, for_run, is_allowed
from drs_operator.reconcilers.context import Context, refuse_unknown_ledger
from drs_operator.reconcilers.launch_guards import Passed
from drs_operator.reconcilers.session import Session
from drs_operator.reconcilers.settings_at_launch import InForce

TAG = launching.TOKEN_TAG
GUARD_READS = 2
"""Once, and once more where launch settings had to be written meanwhile: what was read before is old by then."""


def job_tags(run: Run, intent: LaunchIntent) -> dict[str, str]:
    """Tags that tie a job to its run; the token is what a lost launch is found by."""
    return {
        TAG: intent.token,
        "drs-operator.io/execution-id": run.execution_id,
        "drs-operator.io/execution": f"{run.namespace}/{run.name}",
        "drs-operator.io/wave": str(intent.wave_number),
        "drs-operator.io/attempt": str(intent.attempt),
    }


async def launch(session: Session, intent: LaunchIntent) -> None:
    """Guards, then CALLING, then the call, then what it answered. Raises ReadFailed if a guard cannot be evaluated."""
    context = session.context
    wave = session.run.wave(intent.wave_number)
    if not launching.may_call(session.run, intent):  # an earlier call of the same decision has held the wave
        return
    refuse_unknown_ledger(context)
    barrier = await _barrier(session, wave)
    if isinstance(barrier, Failure):
        held = holds.opened(session.run, wave.wave_number, barrier.code, context.clock.now(), barrier.message)
        await session.move(held)
        return
    if barrier is None:  # nobody asks for this run any more
        return
    access = for_run(barrier, session.run.execution_id)
    ready = await _ready(session, wave, intent, access)
    if ready is None:
        return
    passed, settings = ready
    if settings.busy is not None:
        busy = Refused(Refusal.SERVER_IN_JOB, settings.busy.code, settings.busy.message)
        await session.move(launching.refused(session.run, intent, busy, context.clock.now()))
        return
    refuse_unknown_ledger(context)
    if await _barrier(session, wave) != barrier:
        raise LostRace("what allows the launch has changed while its guards were read: it is decided anew")
    await session.reload()
    current = launching.find(session.run, intent)
    if current is None or not launching.may_call(session.run, current):
        return  # the run has moved since it was decided: the next decision sees it
    now, aws_now = context.clock.now(), context.cloud.aws_time(access, wave.region)
    if (short := context.quota.admit(quota.launch_call(session.run, current), now, aws_now)) is not None:
        await session.move(launching.queued(session.run, current, short, now))
        return
    run = pinning.keeping(session.run, wave.wave_number, passed.kept)
    run = at_launch.noted(run, wave.wave_number, passed.to_launch, passed.point_times, settings.versions)
    excluded = {**passed.excluded, **at_launch.stopped(run, settings.failures)}
    run = at_launch.warned(run, wave.wave_number, settings.failures)
    await session.move(launching.call(run, current, context.caller, now, aws_now, passed.snapshots, excluded))
    calling = launching.find(session.run, intent)
    if calling is None or calling.state != "Calling":
        return
    run = session.run
    answer = await context.cloud.start_recovery(access, wave.region, calling, run.is_drill, job_tags(run, calling))
    await session.must_move(lambda run: _recorded(run, calling, answer, context))


async def _ready(
    session: Session, wave: RunWave, intent: LaunchIntent, access: Access, reads: int = GUARD_READS
) -> tuple[Passed, InForce] | None:
    """The guards, and the launch settings of the servers that pass them; None: the wave was held or queued."""
    passed = await launch_guards.passed(session, wave, intent, access)
    if passed is None:
        return None
    settings = await settings_at_launch.make_sure(session, access, wave, passed.to_launch)
    if settings.wrote and reads > 1:
        return await _ready(session, wave, intent, access, reads - 1)
    return passed, settings


def _recorded(run: Run, calling: LaunchIntent, answer: Started | Refused | Unknown, context: Context) -> Run:
    current = launching.find(run, calling)
    if current is None or current.state != "Calling" or current.token != calling.token:
        return run
    match answer:
        case Refused():
            return launching.refused(run, current, answer, context.clock.now())
        case Unknown():
            return run  # stays CALLING: resolved by looking
        case Started():
            return launching.started(run, current, answer.job_id, answer.status, answer.created_at)


async def resolve(session: Session, intent: LaunchIntent) -> None:
    """Looks for the job of a call whose outcome is unknown. Never calls."""
    context = session.context
    wave = session.run.wave(intent.wave_number)
    account = account_of(context, wave.account_name, wave.place)
    if account is None:
        text = f"TargetAccount {wave.account_name} is gone or another account: what became of a launch cannot be seen"
        raise ReadFailed("ACCOUNT_UNAVAILABLE", f"{text}; put it back")
    assert intent.called_at_aws is not None  # written with CALLING
    access = await access_of(context, account)
    jobs = await context.cloud.jobs(access, wave.region, intent.called_at_aws - launching.LOOK_BACK)
    job = jobs.by_token(TAG, intent.token)
    if job is None:
        servers = await context.cloud.source_servers(access, wave.region, intent.server_ids)
        job = last_launch.job_of(session.run, intent, servers, jobs)
    now = context.clock.now()
    await session.move(launching.resolved(session.run, intent, job, jobs.aws_time, context.settle, now))


async def _barrier(session: Session, wave: RunWave) -> Access | Failure | None:
    """What stands between the run and its account now: an account, a hold's reason, or nobody who asks."""
    context, run = session.context, session.run
    fresh = await context.cluster.fresh(DRExecution, run.namespace, run.name)
    if fresh is None or fresh.metadata.uid != run.uid:
        return None
    if fresh.metadata.annotations != session.execution.metadata.annotations:
        raise LostRace("a command may have come meanwhile: it is taken before anything is launched")
    account = await context.cluster.fresh(TargetAccount, None, wave.account_name)
    if account is None:
        return Failure(
            "AccountUnavailable", f"TargetAccount {wave.account_name} does not exist; create it, then resume"
        )
    if account.spec.account_id != wave.account_id:
        text = f"TargetAccount {wave.account_name} is now account {account.spec.account_id}, the run was pinned to "
        return Failure("AccountUnavailable", f"{text}{wave.account_id}; put it back, then resume")
    if account.spec.management_policy is ManagementPolicy.OBSERVE:
        text = f"ACCOUNT_OBSERVE_ONLY: {accounts.observed_only(account)}, then resume"
        return Failure("AccountUnavailable", text)
    if (first := accounts.elder(account, context.objects.all(TargetAccount))) is not None:
        return Failure("AccountUnavailable", f"{accounts.taken(account, first).message}; then resume")
    if not await is_allowed(context, account, run.namespace, fresh=True):
        text = f"TargetAccount {wave.account_name} does not allow namespace {run.namespace} any more"
        return Failure("NamespaceNotAllowed", f"{text}; allow it, then resume")
    try:
        return await access_of(context, account, fresh=True)
    except AccessDenied as error:
        return Failure("AccountUnavailable", error.message)
    except ReadFailed as error:
        if error.code == "ROLE_ASSUMPTION_FAILED":
            return Failure("AccountUnavailable", error.message)
        raise
