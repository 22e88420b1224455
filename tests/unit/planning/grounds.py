"""What a validation sees: a plan, its groups, and the world that they talk about."""

from __future__ import annotations

from typing import Any

from drs_operator.api.v1alpha1 import ProtectionGroup, RecoveryPlan
from drs_operator.planning.facts import Inventory
from drs_operator.planning.ground import Ground
from tests import builders as b


def ground(
    plan: RecoveryPlan | None, *groups: ProtectionGroup, inventories: tuple[Inventory, ...] = (), **changes: Any
) -> Ground:
    """What a validation sees; one account, one place with servers 1 to 3 unless told."""
    seen = inventories or (b.inventory(*(b.source_server(n) for n in (1, 2, 3))),)
    defaults: dict[str, Any] = {
        "plan": plan,
        "groups": {group.metadata.name: group for group in groups},
        "accounts": {"production": b.account()},
        "allowed": {"production": True},
        "inventories": {inventory.place: inventory for inventory in seen},
        "failures": {},
        "instances": (),
        "with_point": {},
    }
    return Ground(**{**defaults, **changes})


def listed(number: int, *servers: int, **spec: Any) -> ProtectionGroup:
    """A group of listed servers."""
    return b.group(f"group-{number}", sourceServerIds=[b.server_id(n) for n in servers], **spec)
