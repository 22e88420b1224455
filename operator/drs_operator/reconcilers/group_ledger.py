"""What a group has in the ledger: its claims, and its row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroupStatus
from drs_operator.planning import release
from drs_operator.planning.claims import Owner, Settled, Standing, is_lost, server_key, server_of
from drs_operator.planning.facts import Failure, Place, SourceServer
from drs_operator.planning.group_conditions import InLedger
from drs_operator.planning.membership import selects
from drs_operator.planning.mirrors import group_keys, group_mirror
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers.context import Context


@dataclass(frozen=True, slots=True)
class Stand:
    """How a group stands in the ledger."""

    settled: Settled

    @property
    def servers(self) -> frozenset[str]:
        """Ids of the servers that it holds."""
        return server_ids(self.settled.owned)

    @property
    def in_ledger(self) -> InLedger:
        """The same for its conditions."""
        losses = self.settled.losses
        kept = {i: standing for key, standing in self.settled.kept.items() if (i := server_of(key)) is not None}
        return InLedger(_of(losses, "NAME#"), _of(losses, "TAGS#"), kept, self.settled.failure)


def server_ids(keys: Iterable[str]) -> frozenset[str]:
    """Ids of the servers among keys."""
    return frozenset(server_id for key in keys if (server_id := server_of(key)) is not None)


def held(context: Context, owner: Owner) -> frozenset[str]:
    """Ids of the servers that a group holds, as far as memory knows."""
    return server_ids(context.claims.owned(owner.id))


def others_have(context: Context, owner: Owner, place: Place, servers: Iterable[SourceServer]) -> dict[str, Standing]:
    """Those of the servers that somebody else has, as far as memory knows, by id."""
    found = ((s.server_id, context.claims.standing(server_key(place, s.server_id))) for s in servers)
    return {server_id: standing for server_id, standing in found if standing and is_lost(standing, owner.id)}


def asked_for(
    context: Context, owner: Owner, place: Place, leaving: Iterable[str], by_id: Mapping[str, SourceServer]
) -> set[str]:
    """Those Leaving servers that another group selects and waits for."""
    return {
        server_id
        for server_id in leaving
        for rival in context.claims.wanted_by(server_key(place, server_id), owner.id)
        if _would_take(context.objects.get(ProtectionGroup, rival.namespace, rival.name), by_id[server_id])
    }


def _would_take(group: ProtectionGroup | None, server: SourceServer) -> bool:
    going = group is None or group.metadata.deletion_timestamp is not None
    return group is not None and not going and not group.spec.suspend and selects(group, server)


async def claim(
    context: Context, group: ProtectionGroup, owner: Owner, place: Place, servers: Iterable[SourceServer]
) -> Stand:
    """Makes the claims those of a group with these servers. Raises Fenced.

    Whoever has lost its tag set to another group keeps its servers and takes no further one: they are the other's.
    Addresses are claimed for the servers that it has got.
    """
    book = context.claims
    if (problem := context.ledger_problem()) is not None:
        return Stand(Settled(book.owned(owner.id), failure=problem))
    names = await book.take(owner, group_keys(group, context.installation, place, ()))
    if names.failure is not None:
        return Stand(names)
    wanted = {server_key(place, server.server_id) for server in servers}
    if _of(names.losses, "TAGS#") is not None:
        wanted &= names.owned
    taken = await book.take(owner, wanted)
    if taken.failure is not None:
        return Stand(taken)
    got = server_ids(wanted & taken.owned)
    return Stand(await book.settle(owner, wanted | group_keys(group, context.installation, place, got)))


async def keep(context: Context, group: ProtectionGroup, owner: Owner, account_id: str) -> Stand:
    """Keeps the servers of a group that cannot be looked at; name, tags and addresses follow its spec."""
    book = context.claims
    if (problem := context.ledger_problem()) is not None:
        return Stand(Settled(book.owned(owner.id), failure=problem))
    place = Place(account_id, group.spec.region)
    servers = server_ids(book.owned(owner.id))
    return Stand(await book.settle(owner, group_keys(group, context.installation, place, servers)))


async def mirror(
    context: Context, group: ProtectionGroup, status: ProtectionGroupStatus, answered: release.Release | None
) -> tuple[int | None, Failure | None]:
    """Makes the row say what the group is with this status; returns its version. Raises LostRace, Fenced."""
    wanted = group_mirror(group.model_copy(update={"status": status}), context.installation)
    head = context.mirrors.head(wanted.owner.id)
    honoured = release.remembered(head.honoured if head else (), answered)
    try:
        return await context.mirrors.keep(replace(wanted, honoured=honoured)), None
    except ReadFailed as error:
        return group.status.version, Failure(error.code, error.message)


async def let_go(context: Context, owner: Owner) -> tuple[Failure | None, dict[str, Standing]]:
    """Releases all claims, then deletes the row; returns what has failed, and what runs hold by server id."""
    if (problem := context.ledger_problem()) is not None:
        return problem, {}
    settled = await context.claims.release_all(owner)
    kept = {server_of(key) or key: standing for key, standing in settled.kept.items()}
    if settled.failure is not None or kept:
        return settled.failure, kept
    try:
        await context.mirrors.drop(owner.id)
    except ReadFailed as error:
        return Failure(error.code, error.message), {}
    return None, {}


def _of(losses: Mapping[str, Standing], prefix: str) -> Standing | None:
    return next((standing for key, standing in sorted(losses.items()) if key.startswith(prefix)), None)
