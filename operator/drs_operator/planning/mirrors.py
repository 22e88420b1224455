"""What the ledger holds for a group or plan: the claims that it implies, and its row.

Both follow from the object alone, from spec and status: so `ledger verify` can compare them, and a rebuilt cluster of
the same installation finds its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroup
from drs_operator.api.v1alpha1.recoveryplan import RecoveryPlan
from drs_operator.planning import ids
from drs_operator.planning.claims import (
    Mirror,
    Owner,
    address_key,
    group_name_key,
    plan_name_key,
    server_key,
    tags_key,
)
from drs_operator.planning.facts import Place
from drs_operator.planning.launch_settings import addresses
from drs_operator.planning.membership import held_servers


def owner_of(resource: ProtectionGroup | RecoveryPlan, installation: str) -> Owner:
    """Who claims for an object."""
    namespace, name = resource.metadata.namespace or "", resource.metadata.name
    make = ids.group_id if isinstance(resource, ProtectionGroup) else ids.plan_id
    return Owner(make(installation, namespace, name), installation, namespace, name, resource.spec.display_name or name)


def group_keys(group: ProtectionGroup, installation: str, place: Place, server_ids: Iterable[str]) -> set[str]:
    """Keys that a group with these servers claims: its name, its tags, the servers, and their static addresses."""
    servers = set(server_ids)
    keys = {group_name_key(installation, group.metadata.namespace or "", group.display_name)}
    if group.spec.server_selection_tags:
        keys.add(tags_key(place, group.spec.server_selection_tags))
    keys |= {server_key(place, server_id) for server_id in servers}
    return keys | {address_key(place, subnet_id, address) for subnet_id, address in addresses(group, servers).values()}


def implied_by_group(group: ProtectionGroup, installation: str) -> set[str]:
    """Keys that spec and status imply: none until the group was accepted for an account.

    A key that somebody else holds (see conditions) is among them. A suspended group keeps the claims that it had when
    it was suspended, whatever has been edited since: they are not to be compared with these.
    """
    if group.status.account_id is None:
        return set()
    place = Place(group.status.account_id, group.spec.region)
    return group_keys(group, installation, place, held_servers(group))


def implied_by_plan(plan: RecoveryPlan, installation: str) -> set[str]:
    """Keys that a plan implies: its name."""
    return {plan_name_key(installation, plan.metadata.namespace or "", plan.spec.display_name or plan.metadata.name)}


def group_mirror(group: ProtectionGroup, installation: str) -> Mirror:
    """The row of a group in `protection-groups`, from spec and status."""
    spec = group.spec.to_json()
    content: dict[str, Any] = {
        key: spec[key]
        for key in (
            "description",
            "region",
            "serverSelectionMode",
            "serverSelectionTags",
            "membership",
            "launchConfiguration",
            "drillLaunchConfiguration",
            "servers",
        )
        if spec.get(key)
    }
    content |= {
        "targetAccountName": group.spec.target_account_ref.name,
        "accountId": group.status.account_id,
        "sourceServerIds": sorted(held_servers(group)),
    }
    return Mirror(owner_of(group, installation), content)


def plan_mirror(plan: RecoveryPlan, installation: str) -> Mirror:
    """The row of a plan in `recovery-plans`, from spec."""
    spec = plan.spec.to_json()
    keys = ("description", "priority", "waves", "splitOversizedWaves", "objectives")
    return Mirror(owner_of(plan, installation), {key: spec[key] for key in keys if key in spec})
