"""Whether the ledger says what the objects say: claims and rows of one installation, and what to do where they differ.

Only an object that the operator has looked at since its last change says what it claims. A claim or row of an object
that is not settled (being deleted, suspended, changed, not to be read) is neither missed nor surplus.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.enums import ConditionStatus, ConditionType
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroup
from drs_operator.api.v1alpha1.recoveryplan import RecoveryPlan
from drs_operator.planning.claims import Mirror, MirrorHead, Owner, Standing, is_lost, server_of
from drs_operator.planning.mirrors import group_mirror, implied_by_group, implied_by_plan, owner_of, plan_mirror

Declaring = ProtectionGroup | RecoveryPlan
REPAIR = "mended by: drs-operator ledger verify --repair"


class Kind(StrEnum):
    """How ledger and objects differ."""

    CLAIM_MISSING = "ClaimMissing"
    CLAIM_STALE = "ClaimStale"
    CLAIM_SURPLUS = "ClaimSurplus"
    CLAIM_OF_OTHER = "ClaimOfOther"
    MIRROR_MISSING = "MirrorMissing"
    MIRROR_STALE = "MirrorStale"
    MIRROR_SURPLUS = "MirrorSurplus"


@dataclass(frozen=True, slots=True)
class Declared:
    """What the API server has."""

    objects: tuple[Declaring, ...]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """By owner id: an object that this version cannot read, and why."""
    namespaces: tuple[str, ...] = ()
    """Those that were looked into; empty: all."""

    def covers(self, namespace: str) -> bool:
        """Whether an object of this namespace would be there."""
        return not self.namespaces or namespace in self.namespaces


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the ledger has and the objects do not say, or the other way round."""

    kind: Kind
    owner: Owner
    """The group or plan that it concerns."""
    key: str
    """Of the claim; of a row the owner's id."""
    message: str
    step: str
    """What to do."""
    repairable: bool = True
    expected: bool = False
    """Something that is told elsewhere: a conflict that the object shows, a run that holds a server."""

    @property
    def identity(self) -> tuple[str, str, str]:
        """The same in two comparisons."""
        return self.kind, self.owner.id, self.key


@dataclass(frozen=True, slots=True)
class Report:
    """A comparison."""

    differences: tuple[Difference, ...]
    unsettled: tuple[str, ...]
    """Objects that were not compared, and why."""
    claims: int
    """How many claims of this installation there are."""
    rows: int
    """How many rows."""

    @property
    def same(self) -> bool:
        """Whether nothing differs but what is told elsewhere."""
        return all(difference.expected for difference in self.differences)

    def lasting(self, earlier: Report) -> Report:
        """Only what differed in an earlier comparison, too: the rest was under way."""
        before = {difference.identity for difference in earlier.differences}
        return replace(self, differences=tuple(d for d in self.differences if d.identity in before))


def kind_of(owner_id: str) -> type[Declaring]:
    """The kind of the object that has this id."""
    return RecoveryPlan if owner_id.startswith("plan-") else ProtectionGroup


def title(owner: Owner) -> str:
    """`ProtectionGroup dr/web`."""
    return f"{kind_of(owner.id).definition.kind} {owner}"


def implied(resource: Declaring, installation: str) -> set[str]:
    """The keys that an object claims."""
    if isinstance(resource, ProtectionGroup):
        return implied_by_group(resource, installation)
    return implied_by_plan(resource, installation)


def mirror(resource: Declaring, installation: str) -> Mirror:
    """The row of an object."""
    if isinstance(resource, ProtectionGroup):
        return group_mirror(resource, installation)
    return plan_mirror(resource, installation)


def unsettled(resource: Declaring) -> str | None:
    """Why an object does not say for sure what it claims now; None if it does."""
    if resource.metadata.deletion_timestamp is not None:
        return "is being deleted; what it has in the ledger goes before it"
    if resource.status.observed_generation != resource.metadata.generation:
        return "was changed and the operator has not looked at it since; see that the operator runs, then verify again"
    if isinstance(resource, ProtectionGroup):
        if resource.spec.suspend:
            return "is suspended and keeps the claims that it had"
        if resource.status.account_id is None:
            return "was not accepted for an account yet (see its conditions); until then it claims nothing"
    return None


def compare(
    declared: Declared, standings: Iterable[Standing], heads: Iterable[MirrorHead], installation: str
) -> Report:
    """Compares what objects say with what the ledger has. The ledger must have been read before the objects."""
    by_key = {standing.key: standing for standing in standings}
    owned: defaultdict[str, dict[str, Standing]] = defaultdict(dict)
    for standing in by_key.values():
        if standing.owner is not None and standing.owner.installation == installation:
            owned[standing.owner.id][standing.key] = standing
    rows = {head.owner_id: head for head in heads}
    found: list[Difference] = []
    skipped: list[str] = list(declared.unreadable.values())
    known = set(declared.unreadable)
    for resource in declared.objects:
        owner = owner_of(resource, installation)
        known.add(owner.id)
        if (why := unsettled(resource)) is not None:
            skipped.append(f"{title(owner)} {why}")
            continue
        found += _claims_of(resource, owner, owned.get(owner.id, {}), by_key, installation)
        if not (isinstance(resource, RecoveryPlan) and _has_lost_its_name(found, owner)):
            found += _row_of(mirror(resource, installation), rows.get(owner.id))
    found += _ownerless_claims(declared, owned, known)
    found += _ownerless_rows(declared, rows, known, installation)
    order = list(Kind)
    found.sort(key=lambda d: (d.owner.namespace, d.owner.name, d.owner.id, order.index(d.kind), d.key))
    return Report(tuple(found), tuple(sorted(skipped)), sum(map(len, owned.values())), len(rows))


def _claims_of(
    resource: Declaring,
    owner: Owner,
    owned: Mapping[str, Standing],
    by_key: Mapping[str, Standing],
    installation: str,
) -> Iterator[Difference]:
    wanted = implied(resource, installation)
    for key in wanted - owned.keys():
        if is_lost(by_key.get(key), owner.id):
            yield _of_other(resource, owner, by_key[key])
        else:
            yield Difference(
                Kind.CLAIM_MISSING, owner, key, f"{title(owner)} has this, and nobody claims it in the ledger", REPAIR
            )
    for key in wanted & owned.keys():
        claimant = owned[key].owner
        if claimant is not None and claimant != owner:
            message = f"claimed as {claimant.display_name!r}, and {title(owner)} is {owner.display_name!r} now"
            yield Difference(Kind.CLAIM_STALE, owner, key, message, REPAIR)
    for key in owned.keys() - wanted:
        yield _surplus(owned[key], owner, f"{title(owner)} claims this in the ledger and does not want it any more")


def _of_other(resource: Declaring, owner: Owner, standing: Standing) -> Difference:
    shows = find_condition(resource.status.conditions, ConditionType.READY)
    told = shows is not None and shows.status == ConditionStatus.FALSE and server_of(standing.key) is None
    if standing.owner is None:
        message = f"{title(owner)} has this, and run {standing.held_by_name or standing.held_by} holds it for nobody"
        step = "wait until the run has ended, or cancel it; the operator takes it then"
    else:
        other = f"{title(standing.owner)} of installation {standing.owner.installation}"
        message = f"{title(owner)} has this, and {other} claims it"
        step = f"let one of the two go: change {title(owner)}, or the other one"
    return Difference(Kind.CLAIM_OF_OTHER, owner, standing.key, message, step, repairable=False, expected=told)


def _surplus(standing: Standing, owner: Owner, message: str) -> Difference:
    if standing.held_by is None:
        return Difference(Kind.CLAIM_SURPLUS, owner, standing.key, message, REPAIR)
    run = standing.held_by_name or standing.held_by
    step = f"none: run {run} holds it until it ends; verify again then"
    return Difference(Kind.CLAIM_SURPLUS, owner, standing.key, message, step, repairable=False, expected=True)


def _has_lost_its_name(found: Iterable[Difference], owner: Owner) -> bool:
    """A plan whose name is another's has no row of its own, or an old one."""
    return any(difference.kind == Kind.CLAIM_OF_OTHER and difference.owner.id == owner.id for difference in found)


def _row_of(wanted: Mirror, head: MirrorHead | None) -> Iterator[Difference]:
    owner = wanted.owner
    if head is None:
        yield Difference(Kind.MIRROR_MISSING, owner, owner.id, f"{title(owner)} has no row in the ledger", REPAIR)
        return
    account_id = wanted.content.get("accountId")
    if (head.namespace, head.name, head.account_id) != (owner.namespace, owner.name, account_id):
        message = f"its row is that of {head.namespace}/{head.name} in account {head.account_id}, not {account_id}"
    elif head.digest != wanted.digest:
        message = f"its row (version {head.version}) says something else than {title(owner)}"
    else:
        return
    yield Difference(Kind.MIRROR_STALE, owner, owner.id, message, REPAIR)


def _ownerless_claims(
    declared: Declared, owned: Mapping[str, Mapping[str, Standing]], known: set[str]
) -> Iterator[Difference]:
    for owner_id, standings in owned.items():
        for standing in standings.values():
            if standing.owner is not None and owner_id not in known and declared.covers(standing.owner.namespace):
                message = f"{title(standing.owner)} does not exist, and claims this in the ledger"
                yield _surplus(standing, standing.owner, message)


def _ownerless_rows(
    declared: Declared, rows: Mapping[str, MirrorHead], known: set[str], installation: str
) -> Iterator[Difference]:
    for head in rows.values():
        if head.owner_id not in known and declared.covers(head.namespace):
            owner = Owner(head.owner_id, installation, head.namespace, head.name, head.name)
            message = f"{title(owner)} does not exist, and has a row in the ledger"
            yield Difference(Kind.MIRROR_SURPLUS, owner, owner.id, message, REPAIR)
