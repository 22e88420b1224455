"""The status of a TargetAccount from what its Regions answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from drs_operator.api.v1alpha1.enums import ConditionType, ManagementPolicy
from drs_operator.api.v1alpha1.targetaccount import RegionQuotas, RegionStatus, TargetAccount, TargetAccountStatus
from drs_operator.planning.aspects import Aspect, bad, conditions, good, unclear
from drs_operator.planning.facts import Failure, RegionReport
from drs_operator.planning.health import BROKEN

CAPACITY_WARN = 0.75
CAPACITY_FULL = 250 / 300


def evaluate(
    account: TargetAccount,
    role_arn: str | None,
    reports: Sequence[RegionReport],
    failure: Failure | None,
    protected: Iterable[str],
    used_by: int,
    now: datetime,
) -> TargetAccountStatus:
    """The whole status. `failure`: the account itself cannot be entered; `protected`: ids of servers in groups."""
    ids = set(protected)
    aspects = [_reachable(account, reports, failure), *_initialized(reports, failure), *_capacity(reports)]
    active = [report for report in reports if report.state == "ACTIVE"]
    watching = account.spec.management_policy is ManagementPolicy.OBSERVE
    ready = good(
        ConditionType.READY,
        "Observing" if watching else "Ready",
        f"{'observed only: nothing is changed in' if watching else 'servers can be launched in'} "
        f"{', '.join(report.name for report in active) or 'no Region yet'}",
    )
    regions = [_region(report, ids) for report in reports]
    return account.status.model_copy(
        update={
            "observed_generation": account.metadata.generation or 0,
            "role_arn": role_arn,
            "regions": regions,
            "region_summary": ",".join(region.name for region in regions) or None,
            "source_servers": sum(region.source_servers or 0 for region in regions),
            "unprotected_servers": sum(region.unprotected_servers or 0 for region in regions),
            "used_by_count": used_by,
            "conditions": conditions(account.status.conditions, aspects, ready, account.metadata.generation or 0, now),
        }
    )


def _region(report: RegionReport, protected: set[str]) -> RegionStatus:
    if report.inventory is None:
        return RegionStatus(name=report.name, state=report.state, message=report.message or None)
    servers = report.inventory.servers
    return RegionStatus(
        name=report.name,
        state=report.state,
        message=report.message or None,
        source_servers=len(servers),
        replicating_servers=sum(1 for server in servers if server.replication_state not in BROKEN),
        extended_servers=sum(1 for server in servers if server.staging_account_id),
        unprotected_servers=sum(1 for server in servers if server.server_id not in protected),
        quotas=RegionQuotas.model_validate(report.quotas) if report.quotas else None,
    )


def _reachable(account: TargetAccount, reports: Sequence[RegionReport], failure: Failure | None) -> Aspect:
    if failure is not None:
        return bad(ConditionType.REACHABLE, failure.code, failure.message)
    if not reports:
        message = "no Region is used yet, so nothing was asked: list one in spec.regions"
        return Aspect(ConditionType.REACHABLE, None, "NoRegion", message, needed=False)
    bad_states = [r for r in reports if r.state not in ("ACTIVE", "NOT_INITIALIZED")]
    if len(bad_states) == len(reports):
        worst = bad_states[0]
        return bad(ConditionType.REACHABLE, "ACCOUNT_UNAVAILABLE", f"no Region answers; {worst.name}: {worst.message}")
    if bad_states:
        names = ", ".join(f"{report.name} ({report.state})" for report in bad_states)
        return good(ConditionType.REACHABLE, "PartlyReachable", f"not all Regions answer: {names}; see status.regions")
    return good(ConditionType.REACHABLE, "Reachable", f"account {account.spec.account_id} answers")


def _initialized(reports: Sequence[RegionReport], failure: Failure | None) -> list[Aspect]:
    if failure is not None or not reports:
        return [
            unclear(
                ConditionType.DRS_INITIALIZED,
                failure or Failure("DRS_NOT_INITIALIZED", "no Region is used yet: list one in spec.regions"),
                needed=failure is not None,
            )
        ]
    not_yet = [report for report in reports if report.state == "NOT_INITIALIZED"]
    if not any(report.state in ("ACTIVE", "NOT_INITIALIZED") for report in reports):
        return [Aspect(ConditionType.DRS_INITIALIZED, None, "NoRegion", "no Region answers, so it is not known")]
    if not_yet and not any(report.state == "ACTIVE" for report in reports):
        return [bad(ConditionType.DRS_INITIALIZED, "DRS_NOT_INITIALIZED", not_yet[0].message)]
    if not_yet:
        message = f"not initialised: {', '.join(report.name for report in not_yet)}; {not_yet[0].message}"
        return [good(ConditionType.DRS_INITIALIZED, "PartlyInitialized", message)]
    return [good(ConditionType.DRS_INITIALIZED, "Initialized", "DRS is initialised in every Region that answers")]


def _capacity(reports: Sequence[RegionReport]) -> list[Aspect]:
    """Replicating servers against their quota; only said where it was read."""
    shares = []
    for report in reports:
        quota = report.quotas.get("replicatingServers")
        if report.inventory is not None and quota:
            replicating = sum(1 for s in report.inventory.servers if s.replication_state not in BROKEN)
            shares.append((replicating / quota, report.name, replicating, quota))
    if not shares:
        return []
    share, name, replicating, quota = max(shares)
    message = f"{replicating} of {quota} replicating servers in {name}"
    if share >= CAPACITY_FULL:
        more = "; spread servers over more accounts, or ask AWS for a higher quota"
        return [Aspect(ConditionType.CAPACITY_OK, False, "CapacityExhausted", message + more, needed=False)]
    if share >= CAPACITY_WARN:
        return [Aspect(ConditionType.CAPACITY_OK, True, "CapacityLow", f"{message}: plan for more", needed=False)]
    return [Aspect(ConditionType.CAPACITY_OK, True, "CapacityOK", message, needed=False)]
