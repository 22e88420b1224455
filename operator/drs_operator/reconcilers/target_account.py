"""TargetAccount: enter it, read its Regions side by side, say what was found."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from drs_operator.api.v1alpha1 import ProtectionGroup, TargetAccount
from drs_operator.api.v1alpha1.codes import Code, reason
from drs_operator.planning import account as accounts
from drs_operator.planning.facts import Failure, RegionReport
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers.access import access_of
from drs_operator.reconcilers.context import FINALIZER, Context, Outcome, asked_now, record, tell


@dataclass(frozen=True, slots=True)
class _Sight:
    """What one look at the account has shown."""

    role_arn: str | None = None
    reports: Sequence[RegionReport] = ()
    failure: Failure | None = None


async def reconcile(context: Context, account: TargetAccount) -> Outcome:
    """Looks at the account once for each refresh of the inventory. Raises ReadFailed, LostRace."""
    groups = [
        group
        for group in context.objects.all(ProtectionGroup)
        if group.spec.target_account_ref.name == account.metadata.name
    ]
    if accounts.leaving(account):
        if not groups:
            await context.cluster.remove_finalizer(account)
            return Outcome()
    elif FINALIZER not in account.metadata.finalizers:
        await context.cluster.add_finalizer(account)
        return Outcome()  # which has changed the object: it comes again
    first = accounts.elder(account, context.objects.all(TargetAccount))
    if first is not None:
        sight = _Sight(failure=accounts.taken(account, first))
    else:
        sight = await _look(context, account, groups)
    protected = accounts.protected_by(groups, sight.reports)
    status = accounts.evaluate(
        account, sight.role_arn, sight.reports, sight.failure, protected, len(groups), context.clock.now()
    )
    if await record(context, account, account.status, status):
        await tell(context, account, account.status, status)
        if accounts.leaving(account) and account.status.observed_generation != account.metadata.generation:
            # Deleting makes a new generation, so this is told once.
            await context.cluster.event(account, True, reason(Code.IN_USE), accounts.in_use(account, len(groups)))
    return Outcome(again_in=context.refresh_seconds)


async def _look(context: Context, account: TargetAccount, groups: Sequence[ProtectionGroup]) -> _Sight:
    regions = sorted({*account.spec.regions, *(group.spec.region for group in groups)})
    sight = await _enter(context, account, regions, fresh=False)
    refused = sight.failure is not None and sight.failure.code == "ROLE_ASSUMPTION_FAILED"
    if refused and account.spec.external_id_secret_ref is not None:
        return await _enter(context, account, regions, fresh=True)  # it may have been rotated since it was read
    return sight


async def _enter(context: Context, account: TargetAccount, regions: Sequence[str], fresh: bool) -> _Sight:
    try:
        access = await access_of(context, account, fresh=fresh)
    except ReadFailed as error:
        if error.code == "INTERNAL_ERROR":  # of the API server: it says nothing about the account
            raise
        return _Sight(failure=Failure(error.code, error.message))
    newer_than = context.clock.now() if asked_now(account, account.status) else None
    reports = await asyncio.gather(*(context.cloud.report(access, region, newer_than) for region in regions))
    denied = [report for report in reports if report.state == "ACCESS_DENIED" and report.code != "ACCOUNT_UNAVAILABLE"]
    if denied and len(denied) == len(reports):  # the door itself is closed: say that, not each Region
        return _Sight(access.role_arn, reports, Failure(denied[0].code, denied[0].message))
    return _Sight(access.role_arn, reports)
