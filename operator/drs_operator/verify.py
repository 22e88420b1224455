"""`drs-operator ledger verify`: compares the ledger with the objects of this cluster, and mends what can be mended.

It works beside a running operator. The ledger is read before the objects, and what differs is looked at again after a
while: what was under way is done by then. A repair looks at the object once more right before each write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pydantic import ValidationError

from drs_operator.api.v1alpha1 import ProtectionGroup, RecoveryPlan
from drs_operator.kube.client import KubeClient, connect
from drs_operator.kube.cluster import KubeCluster
from drs_operator.kube.identity import cluster_identity
from drs_operator.kube.ledger_memory import LedgerMemory
from drs_operator.kube.lister import list_kind
from drs_operator.ledger import installation
from drs_operator.ledger.dynamo import DynamoLedger
from drs_operator.ledger.store import Store
from drs_operator.planning import leadership, verifying
from drs_operator.planning.claims import Mirror, MirrorHead, Owner, Standing
from drs_operator.planning.ids import group_id, plan_id
from drs_operator.planning.mirrors import owner_of
from drs_operator.planning.verifying import Declared, Declaring, Difference, Kind, Report
from drs_operator.ports import ClaimStore, Clock, LostRace
from drs_operator.process import SystemClock, lease_of
from drs_operator.settings import Settings

SETTLE_SECONDS = 10.0
"""What differs is looked at again after this time."""
PARALLEL = 8
Sleep = Callable[[float], Awaitable[Any]]


class NotHere(Exception):
    """This cluster is not the one to compare the ledger with, or the ledger is not the right one."""


class Source(Protocol):
    """The objects. Raises ReadFailed."""

    async def declared(self) -> Declared:
        """All of them."""

    async def fresh(self, owner: Owner) -> Declaring | None:
        """One of them as it is now; None: it does not exist."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a difference that was to be mended."""

    difference: Difference
    done: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """What there is to say."""

    installation: str
    report: Report
    """What differs, after the repair if there was one."""
    outcomes: tuple[Outcome, ...] = ()
    note: str | None = None


async def look(claims: ClaimStore, source: Source, name: str, sleep: Sleep = asyncio.sleep) -> Report:
    """What differs and stays so. Raises ReadFailed."""
    first = await _look_once(claims, source, name)
    if not first.differences:
        return first
    await sleep(SETTLE_SECONDS)
    return (await _look_once(claims, source, name)).lasting(first)


async def _look_once(claims: ClaimStore, source: Source, name: str) -> Report:
    standings, heads = await claims.standings(), await claims.mirrors(name)
    return verifying.compare(await source.declared(), standings, heads, name)


async def repair(
    claims: ClaimStore, source: Source, clock: Clock, name: str, report: Report
) -> tuple[list[Outcome], Report]:
    """Mends what is missing and free, stale, or of nobody; returns what became of it and what differs still.

    Never takes what somebody else has, and never lets go of what a run holds. Raises ReadFailed.
    """
    mender = _Mender(claims, source, clock, name, {head.owner_id: head for head in await claims.mirrors(name)})
    surplus = [d for d in report.differences if d.repairable and d.kind == Kind.CLAIM_SURPLUS]
    outcomes = await _each(surplus, mender.mend)
    freed = {outcome.difference.key for outcome in outcomes if outcome.done}
    rest = [d for d in report.differences if d.repairable and d.kind != Kind.CLAIM_SURPLUS]
    rest += [d for d in report.differences if d.kind == Kind.CLAIM_OF_OTHER and d.key in freed]
    outcomes += await _each(rest, mender.mend)
    return outcomes, (await _look_once(claims, source, name)).lasting(report)


async def _each(differences: Iterable[Difference], mend: Callable[[Difference], Awaitable[Outcome]]) -> list[Outcome]:
    """Mends all, a few at a time, and returns when nothing is under way any more; then raises the first failure."""
    slots = asyncio.Semaphore(PARALLEL)

    async def one(difference: Difference) -> Outcome:
        async with slots:
            return await mend(difference)

    outcomes = await asyncio.gather(*map(one, differences), return_exceptions=True)
    done = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        done.append(outcome)
    return done


@dataclass(frozen=True, slots=True)
class _Mender:
    claims: ClaimStore
    source: Source
    clock: Clock
    installation: str
    heads: Mapping[str, MirrorHead]

    async def mend(self, difference: Difference) -> Outcome:
        """Mends one difference, if the object still says so."""
        left = await self._left(difference)
        return Outcome(difference, done=left is None, detail=left or "")

    async def _left(self, difference: Difference) -> str | None:
        """None if it was mended, or why it was left."""
        owner, key = difference.owner, difference.key
        resource = await self.source.fresh(owner)
        if resource is not None and (why := verifying.unsettled(resource)) is not None:
            return f"{verifying.title(owner)} {why}"
        wanted = verifying.implied(resource, self.installation) if resource is not None else set()
        match difference.kind:
            case Kind.CLAIM_MISSING | Kind.CLAIM_STALE | Kind.CLAIM_OF_OTHER if resource and key in wanted:
                standing = await self.claims.take(key, owner_of(resource, self.installation))
                return None if standing is None else f"{standing.owner or _run(standing)} has it meanwhile"
            case Kind.CLAIM_SURPLUS if key not in wanted:
                standing = await self.claims.let_go(key, owner.id)
                return None if standing is None else f"{_run(standing)} holds it meanwhile"
            case Kind.MIRROR_MISSING | Kind.MIRROR_STALE if resource:
                return await self._write_row(verifying.mirror(resource, self.installation))
            case Kind.MIRROR_SURPLUS if resource is None:
                await self.claims.delete_mirror(owner.id)
                return None
        return f"{verifying.title(owner)} has changed meanwhile; verify again"

    async def _write_row(self, row: Mirror) -> str | None:
        head = self.heads.get(row.owner.id)
        # Marks of commands that were honoured are no part of the object: they are taken over.
        row = replace(row, honoured=head.honoured if head else ())
        try:
            await self.claims.save_mirror(row, head.version if head else None, self.clock.now())
        except LostRace as race:
            return f"somebody else has written it meanwhile: {race}"
        return None


def _run(standing: Standing) -> str:
    return f"run {standing.held_by_name or standing.held_by}"


class ClusterSource:
    """The objects of a cluster."""

    def __init__(self, client: KubeClient, name: str, namespaces: tuple[str, ...]) -> None:
        self._client = client
        self._cluster = KubeCluster(client, "drs-operator-ledger-verify")
        self._installation = name
        self._namespaces = namespaces

    async def declared(self) -> Declared:
        """All groups and plans; one that cannot be read hurts no other."""
        objects: list[Declaring] = []
        unreadable: dict[str, str] = {}
        for kind, make_id in ((ProtectionGroup, group_id), (RecoveryPlan, plan_id)):
            for raw in await list_kind(self._client, kind, self._namespaces):
                try:
                    objects.append(kind.model_validate(raw))
                except ValidationError as error:
                    namespace, called = raw["metadata"].get("namespace", ""), raw["metadata"]["name"]
                    where = ".".join(map(str, error.errors()[0]["loc"]))
                    unreadable[make_id(self._installation, namespace, called)] = (
                        f"{kind.definition.kind} {namespace}/{called} cannot be read by this version: {where}: "
                        f"{error.errors()[0]['msg']}; use the version of the running operator"
                    )
        return Declared(tuple(objects), unreadable, self._namespaces)

    async def fresh(self, owner: Owner) -> Declaring | None:
        """One object as it is now."""
        return await self._cluster.fresh(verifying.kind_of(owner.id), owner.namespace, owner.name)


async def verify(settings: Settings, mend: bool) -> Verified:
    """Compares, and mends if told. Raises NotHere, ReadFailed, NoCluster."""
    name = settings.installation
    with closing(Store(settings.table_prefix, settings.ledger_region)) as store:
        async with connect() as client:
            note = await trouble(store, client, settings)
            if mend and note is not None:
                raise NotHere(f"nothing was repaired: {note}")
            claims, source = DynamoLedger(store, 0), ClusterSource(client, name, settings.namespaces)
            report = await look(claims, source, name)
            if not mend or not any(difference.repairable for difference in report.differences):
                return Verified(name, report, note=note)
            outcomes, left = await repair(claims, source, SystemClock(), name, report)
            return Verified(name, left, tuple(outcomes))


async def trouble(store: Store, client: KubeClient, settings: Settings) -> str | None:
    """Why objects of this cluster and this ledger do not belong together; None if they do."""
    name = settings.installation
    found, leader = await installation.find(store, name)
    cluster = await cluster_identity(client)
    if leader is None:
        return f"nobody has led installation {name} in this ledger yet; start its operator first"
    if leader.cluster != cluster:
        return (
            f"installation {name} is led by cluster {leader.cluster}, this is {cluster}; set KUBECONFIG to that one, "
            "or let this one lead with: drs-operator take-over"
        )
    known = await LedgerMemory(lease_of(client, settings)).read()
    problem = leadership.judge(known, found) if known is not None else None
    return None if problem is None else f"{problem.code}: {problem.message}"
