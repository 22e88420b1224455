"""A group as it is after one look, with a ledger that grants what is asked for unless told otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroupStatus
from drs_operator.planning import group_conditions, membership
from drs_operator.planning.claims import Owner, Standing, server_key
from drs_operator.planning.facts import Failure, Inventory
from drs_operator.planning.group import Sight, Users, seen, unseen
from drs_operator.planning.group_conditions import InLedger
from drs_operator.planning.mirrors import owner_of
from drs_operator.planning.release import Release
from tests import builders as b

RIVAL = Owner("pg-rival", b.INSTALLATION, "other", "rival", "Rival")


def standing(server_id: str, owner: Owner | None = RIVAL, **held: str) -> Standing:
    """A claim of somebody else on a server."""
    return Standing(server_key(b.PLACE, server_id), owner, **held)


def evaluated(
    group: ProtectionGroup,
    inventory: Inventory,
    with_point: Mapping[str, bool] | None = None,
    *,
    lost: Mapping[str, Standing] | None = None,
    owned: Collection[str] | None = None,
    ledger: InLedger | None = None,
    users: Users | None = None,
    answered: Release | None = None,
    seconds: float = 0,
    **sight: Any,
) -> ProtectionGroupStatus:
    """The status after a look at this inventory."""
    held = membership.held_servers(group)
    members = membership.resolve(group, inventory, held)
    lost, ledger = lost or {}, ledger or InLedger()
    if owned is None:
        owned = {server.server_id for server in members.servers} - lost.keys()
    look = Sight(
        owner=owner_of(group, b.INSTALLATION),
        place=b.PLACE,
        inventory=inventory,
        members=members,
        owned=owned,
        lost=lost,
        frozen=ledger.failure is not None,
        with_point=with_point or {},
        **sight,
    )
    status = seen(group, look, users or Users())
    found = group_conditions.concluded(group, status, look, ledger, answered, b.at(seconds))
    return status.model_copy(update={"conditions": found})


def unread(
    group: ProtectionGroup, failure: Failure, users: Users | None = None, seconds: float = 0
) -> ProtectionGroupStatus:
    """The status after a look that found account or inventory not to answer."""
    owner, account_id = owner_of(group, b.INSTALLATION), group.status.account_id
    status = unseen(group, owner, account_id, membership.held_servers(group), users or Users())
    found = group_conditions.unread(group, failure, None, account_id is not None, b.at(seconds))
    return status.model_copy(update={"conditions": found})
