"""The way of a call through the quota queue of its account and Region."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from drs_operator.planning import launching, quota
from drs_operator.planning.facts import Place
from drs_operator.planning.intents import LaunchIntent, TerminateIntent
from drs_operator.planning.launching import Refusal, Refused
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers.access import access_of, account_of
from drs_operator.reconcilers.quota_queue import REACH
from drs_operator.reconcilers.session import Session

SLACK = timedelta(hours=1)
"""What is asked for beyond the reach: the answer of one run serves the others for a while."""


@asynccontextmanager
async def turn(session: Session, intent: LaunchIntent) -> AsyncIterator[bool]:
    """Whether it is the turn of this call. If not, its wave is queued and says what it waits for.

    A call whose turn it is keeps its place in line while its guards are read; `QuotaQueue.admit` has the last word.
    """
    context, run = session.context, session.run
    current = launching.find(run, intent)
    if current is None or not launching.may_call(run, current):  # an earlier call of the same decision held the wave
        yield False
        return
    wave, queue = run.wave(current.wave_number), context.quota
    if not await _see(session, wave.account_name, wave.place):
        yield True  # the guards read the same and say what is wrong
        return
    call, now = quota.launch_call(run, current), context.clock.now()
    if call.servers > (most := quota.largest(call, queue.limits(wave.place), queue.reserve)):
        # It would never find room: halves do, as with a call that AWS finds too large.
        text = f"more servers than the {most} that it may launch at once"
        await session.move(launching.refused(run, current, Refused(Refusal.INVALID, "ServersInJob", text), now))
        yield False
        return
    if (short := queue.ask(call, now)) is not None:
        await session.move(launching.queued(run, current, short, now))
        yield False
        return
    try:
        yield True
    finally:
        queue.leave(call, context.clock.now())


async def admit_termination(session: Session, intent: TerminateIntent) -> Refusal | None:
    """None: record CALLING next, what the call needs is reserved. Else it stands in line, last, until it asks again."""
    context = session.context
    await _see(session, intent.account_name, intent.place)
    call, now = quota.terminate_call(session.run, intent), context.clock.now()
    return context.quota.admit(call, now, now)


async def _see(session: Session, account_name: str, place: Place) -> bool:
    """Brings the queue the job board and the quotas of a place; False: they cannot be read now."""
    context = session.context
    account = account_of(context, account_name, place)
    if account is None:
        return False
    try:
        access = await access_of(context, account)
        since = context.cloud.aws_time(access, place.region) - REACH - SLACK
        board = await context.cloud.jobs(access, place.region, since)
    except ReadFailed:
        return False
    found = next((region.quotas for region in account.status.regions if region.name == place.region), None)
    context.quota.allow(place, quota.limits_of(found))
    context.quota.look(board, context.clock.now(), by=session.run.execution_id)
    return True
