"""TargetAccount: enter it, read its Regions side by side, say what was found."""

from __future__ import annotations

import asyncio

from drs_operator.api.v1alpha1 import ProtectionGroup, TargetAccount
from drs_operator.planning.account import evaluate
from drs_operator.planning.facts import Failure, RegionReport
from drs_operator.ports import Access, ReadFailed
from drs_operator.reconcilers.access import access_of
from drs_operator.reconcilers.context import Context, Outcome, asked_now, record, tell


async def reconcile(context: Context, account: TargetAccount) -> Outcome:
    """Looks at the account once for each refresh of the inventory."""
    groups = [
        group
        for group in context.objects.all(ProtectionGroup)
        if group.spec.target_account_ref.name == account.metadata.name
    ]
    regions = sorted({*account.spec.regions, *(group.spec.region for group in groups)})
    role_arn, failure, reports = None, None, list[RegionReport]()
    try:
        access = await access_of(context, account)
        role_arn = access.role_arn
        reports = await _reports(context, account, access, regions)
    except ReadFailed as error:
        failure = Failure(error.code, error.message)
    denied = [report for report in reports if report.state == "ACCESS_DENIED" and report.code != "ACCOUNT_UNAVAILABLE"]
    if failure is None and denied and len(denied) == len(reports):
        failure = Failure(denied[0].code, denied[0].message)  # the door itself is closed: say that, not each Region
    protected = [server.server_id for group in groups for server in group.status.servers]
    status = evaluate(account, role_arn, reports, failure, protected, len(groups), context.clock.now())
    if await record(context, account, account.status, status):
        await tell(context, account, account.status, status)
    return Outcome(again_in=context.refresh_seconds)


async def _reports(context: Context, account: TargetAccount, access: Access, regions: list[str]) -> list[RegionReport]:
    newer_than = context.clock.now() if asked_now(account, account.status) else None
    return list(await asyncio.gather(*(context.cloud.report(access, region, newer_than) for region in regions)))
