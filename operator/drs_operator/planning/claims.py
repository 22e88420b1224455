"""What an object claims in the ledger, and what a claim that stands there says.

Keys are the ledger's own (`pk` of table `ledger`). A claim belongs to an owner, a group or a plan, whose id is the same
in a rebuilt cluster of the same installation. The first claim wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from drs_operator.planning import ids
from drs_operator.planning.facts import Failure, Place


@dataclass(frozen=True, slots=True)
class Owner:
    """Who claims."""

    id: str
    """`pg-…` or `plan-…`."""
    installation: str
    namespace: str
    name: str
    """metadata.name."""
    display_name: str
    """What messages call it: spec.displayName, else the name."""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Standing:
    """A claim as it stands in the ledger."""

    key: str
    owner: Owner | None
    """None: no group claims the server, a run holds it all the same."""
    held_by: str | None = None
    """Execution id of the run that holds the server."""
    held_by_name: str | None = None
    """`namespace/name` of that execution."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How the claims of an owner stand after an attempt to make them what is wanted."""

    owned: frozenset[str]
    """Keys that are surely the owner's."""
    losses: Mapping[str, Standing] = field(default_factory=dict)
    """Wanted keys that somebody else has."""
    kept: Mapping[str, Standing] = field(default_factory=dict)
    """Keys that are not wanted any more and that a run holds: they stay until it ends."""
    failure: Failure | None = None
    """What the ledger failed with. Nothing was released then, and what is missing comes with the next attempt."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """The row of a group or plan in `protection-groups` or `recovery-plans`."""

    owner: Owner
    content: Mapping[str, Any]
    """Everything but ids, version and times, as JSON."""
    honoured: tuple[str, ...] = ()
    """Marks of commands that were honoured, for good. They are no part of what the row says of the object."""

    @property
    def digest(self) -> str:
        """Two mirrors say the same exactly if their digests do."""
        return ids.digest({"displayName": self.owner.display_name, **self.content})


@dataclass(frozen=True, slots=True)
class MirrorHead:
    """What is known of a stored row without reading it all."""

    owner_id: str
    version: int
    digest: str
    namespace: str
    name: str
    account_id: str | None = None
    """Of a group: the account that it was first accepted for."""
    honoured: tuple[str, ...] = ()
    """As in Mirror."""


def group_name_key(installation: str, namespace: str, display_name: str) -> str:
    """A group's display name: unique whatever the case in its namespace (PG_NAME_EXISTS)."""
    return f"NAME#ProtectionGroup#{installation}#{namespace}#{display_name.strip().casefold()}"


def plan_name_key(installation: str, namespace: str, display_name: str) -> str:
    """A plan's display name (RP_NAME_EXISTS)."""
    return f"NAME#RecoveryPlan#{installation}#{namespace}#{display_name.strip().casefold()}"


def tags_key(place: Place, selection: Mapping[str, str]) -> str:
    """A tag set: no two groups select by the same one in one account and Region (TAG_CONFLICT)."""
    same = {key: value.strip().casefold() for key, value in selection.items()}
    return f"TAGS#{place.account_id}#{place.region}#{ids.digest(same)}"


def server_key(place: Place, server_id: str) -> str:
    """A source server (SERVER_CONFLICT)."""
    return f"SERVER#{place.account_id}#{place.region}#{server_id}"


def address_key(place: Place, subnet_id: str, address: str) -> str:
    """A static private address of a subnet (DUPLICATE_IP)."""
    return f"IP#{place.account_id}#{place.region}#{subnet_id}#{address}"


def server_of(key: str) -> str | None:
    """The server id of a SERVER# key; None for other keys."""
    return key.rsplit("#", 1)[1] if key.startswith("SERVER#") else None


def is_lost(standing: Standing | None, owner_id: str) -> bool:
    """Whether somebody else has the claim, or a run holds it for nobody."""
    if standing is None:
        return False
    if standing.owner is None:
        return standing.held_by is not None
    return standing.owner.id != owner_id


def surplus(owned: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Claims that an owner has and does not want any more, in a stable order."""
    return sorted(set(owned) - set(wanted))
