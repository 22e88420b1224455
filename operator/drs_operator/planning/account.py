"""The status of a TargetAccount from what its Regions answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from drs_operator.api.v1alpha1.conditions import Condition
from drs_operator.api.v1alpha1.enums import ConditionType, ManagementPolicy
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroup
from drs_operator.api.v1alpha1.targetaccount import RegionQuotas, RegionStatus, TargetAccount, TargetAccountStatus
from drs_operator.planning import membership
from drs_operator.planning.aspects import Aspect, bad, conditions, good, unclear
from drs_operator.planning.facts import Failure, RegionReport
from drs_operator.planning.health import BROKEN

_MANAGE = """kubectl patch drta {} --type merge -p '{{"spec":{{"managementPolicy":"Manage"}}}}'"""
CAPACITY_WARN = 0.75
CAPACITY_FULL = 250 / 300
QUOTA_CODE = "L-C1D14A2B"
"""Service Quotas' code of the replicating servers of an account and Region."""


def elder(account: TargetAccount, accounts: Iterable[TargetAccount]) -> TargetAccount | None:
    """Another object that has the same account id and came first, by creation, then by name; it alone is used."""
    same = [other for other in accounts if other.spec.account_id == account.spec.account_id]
    first = min([*same, account], key=_age)
    return None if first.metadata.name == account.metadata.name else first


def _age(account: TargetAccount) -> tuple[float, str]:
    created = account.metadata.creation_timestamp
    return (created.timestamp() if created else float("inf"), account.metadata.name)


def taken(account: TargetAccount, first: TargetAccount) -> Failure:
    """What an account is told whose id an older object has."""
    mine, its = account.metadata.name, first.metadata.name
    return Failure(
        "ALREADY_EXISTS",
        f"account {account.spec.account_id} is TargetAccount {its} already, which is older; nothing is done through "
        f"{mine}: point its groups at {its} and run kubectl delete drta {mine}, or delete {its}",
    )


def changed(account: TargetAccount, remembered: str) -> Failure:
    """What a group is told whose account has another id than when its servers were resolved."""
    name, now = account.metadata.name, account.spec.account_id
    return Failure(
        "ACCOUNT_CHANGED",
        f"TargetAccount {name} was account {remembered} and is {now} now; nothing is done with the servers of "
        f"{remembered}: create {name} anew with accountId {remembered}, or this group anew for {now}",
    )


def observed_only(account: TargetAccount) -> str:
    """Why nothing may be changed in an account, and what ends that."""
    return (
        f"TargetAccount {account.metadata.name} (account {account.spec.account_id}) is in Observe: nothing is launched "
        f"or changed there; to end that: {_MANAGE.format(account.metadata.name)}"
    )


def protected_by(groups: Iterable[ProtectionGroup], reports: Iterable[RegionReport]) -> frozenset[str]:
    """Servers that are in a group, or will be once a group that was not looked at yet is."""
    listed = list(groups)
    inventories = {report.name: report.inventory for report in reports if report.inventory is not None}
    ids = {server.server_id for group in listed for server in group.status.servers}
    for group in listed:
        inventory = inventories.get(group.spec.region)
        if inventory is not None and group.status.observed_generation != group.metadata.generation:
            ids |= {server.server_id for server in membership.members(group, inventory).servers}
    return frozenset(ids)


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
    before = {region.name: region for region in account.status.regions}
    regions = [_region(report, before.get(report.name), ids) for report in reports]
    if failure is not None and not reports and failure.code != "ALREADY_EXISTS":
        regions = list(account.status.regions)  # nobody could ask: what was known stands, the condition says the rest
    aspects = [
        _reachable(account, reports, failure),
        *_initialized(reports, failure),
        *_capacity(account.spec.account_id, regions),
    ]
    generation = account.metadata.generation or 0
    listed = conditions(account.status.conditions, aspects, _ready(account, reports), generation, now)
    return account.status.model_copy(
        update={
            "observed_generation": generation,
            "role_arn": role_arn,
            "regions": regions,
            "region_summary": ",".join(region.name for region in regions) or None,
            "source_servers": sum(region.source_servers or 0 for region in regions),
            "unprotected_servers": sum(region.unprotected_servers or 0 for region in regions),
            "used_by_count": used_by,
            "conditions": [_leaving(condition, used_by) for condition in listed] if leaving(account) else listed,
        }
    )


def leaving(account: TargetAccount) -> bool:
    """Whether it is being deleted."""
    return account.metadata.deletion_timestamp is not None


def in_use(account: TargetAccount, used_by: int) -> str:
    """What is told when an account is deleted that groups use. No names: they would leak across namespaces."""
    name = account.metadata.name
    return (
        f"TargetAccount {name} (account {account.spec.account_id}) is being deleted and {_users(used_by)}; it stays "
        f"usable until the last of them is gone: kubectl get drpg -A | grep {name}"
    )


def _users(used_by: int) -> str:
    return f"{used_by} protection {'group uses' if used_by == 1 else 'groups use'} it"


def _leaving(condition: Condition, used_by: int) -> Condition:
    if condition.type != ConditionType.READY:
        return condition
    text = f"{condition.message}; being deleted, and {_users(used_by)}: it stays usable until the last of them is gone"
    return condition.model_copy(update={"message": text})


def _ready(account: TargetAccount, reports: Sequence[RegionReport]) -> Aspect:
    names = ", ".join(report.name for report in reports if report.state == "ACTIVE") or "no Region yet"
    if account.spec.management_policy is ManagementPolicy.OBSERVE:
        text = (
            f"observed only: nothing is changed in account {account.spec.account_id} ({names}); to launch there: "
            f"{_MANAGE.format(account.metadata.name)}"
        )
        return good(ConditionType.READY, "Observing", text)
    return good(ConditionType.READY, "Ready", f"servers can be launched in {names}")


_PASSING = frozenset({"UNREACHABLE", "THROTTLED", "ERROR"})
"""States of a moment: the counts of before still say more than none."""


def _region(report: RegionReport, before: RegionStatus | None, protected: set[str]) -> RegionStatus:
    said = {"state": report.state, "message": report.message or None}
    if report.inventory is None:
        if before is not None and report.state in _PASSING:
            return before.model_copy(update=said)
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
        message = f"no Region of account {account.spec.account_id} is used yet: list one in spec.regions"
        return Aspect(ConditionType.REACHABLE, None, "NoRegion", message, needed=False)
    bad_states = [r for r in reports if r.state not in ("ACTIVE", "NOT_INITIALIZED")]
    if len(bad_states) == len(reports):
        worst = bad_states[0]
        text = f"no Region of account {account.spec.account_id} answers; {worst.name}: {worst.message}"
        return bad(ConditionType.REACHABLE, "ACCOUNT_UNAVAILABLE", text)
    if bad_states:
        names = ", ".join(f"{report.name} ({report.state})" for report in bad_states)
        text = f"not all Regions of account {account.spec.account_id} answer: {names}; see status.regions"
        return good(ConditionType.REACHABLE, "PartlyReachable", text)
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


def _capacity(account_id: str, regions: Iterable[RegionStatus]) -> list[Aspect]:
    """Replicating servers against their quota, in the fullest Region; only said where both are known."""
    shares = [
        (replicating / quota, region.name, replicating, quota)
        for region in regions
        if (replicating := region.replicating_servers) is not None
        and region.quotas is not None
        and (quota := region.quotas.replicating_servers)
    ]
    if not shares:
        return []
    share, name, replicating, quota = max(shares)
    message = f"{replicating} of {quota} replicating servers ({int(share * 100)} %) in account {account_id}, {name}"
    more = (
        "spread servers over more accounts, or ask AWS for a higher quota: aws service-quotas "
        f"request-service-quota-increase --service-code drs --quota-code {QUOTA_CODE} --region {name} --desired-value …"
    )
    if share >= CAPACITY_FULL:
        return [Aspect(ConditionType.CAPACITY_OK, False, "CapacityExhausted", f"{message}; {more}", needed=False)]
    if share >= CAPACITY_WARN:
        text = f"{message}: a warning from {CAPACITY_WARN:.0%} on; {more}"
        return [Aspect(ConditionType.CAPACITY_OK, True, "CapacityLow", text, needed=False)]
    return [Aspect(ConditionType.CAPACITY_OK, True, "CapacityOK", message, needed=False)]
