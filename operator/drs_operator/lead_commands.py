"""The commands by which a person decides who leads and which ledger is the right one.

They work while the operator runs: what is decided is recorded where it looks, in the ledger and in its Lease.
"""

from __future__ import annotations

import getpass
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime

from drs_operator.kube.client import KubeClient, connect
from drs_operator.kube.identity import cluster_identity
from drs_operator.kube.ledger_memory import LedgerMemory
from drs_operator.ledger import installation
from drs_operator.ledger.store import Store
from drs_operator.planning.leadership import Wish
from drs_operator.process import lease_of
from drs_operator.settings import Settings

Agrees = Callable[[str, str], bool]
"""Given what is about to happen and the word to type for it: whether the person agrees."""


class Declined(Exception):
    """Nothing was done, and why."""


def person() -> str:
    """Who runs this command, as far as the machine knows."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in a pod
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


@asynccontextmanager
async def _both(settings: Settings) -> AsyncIterator[tuple[Store, KubeClient]]:
    with closing(Store(settings.table_prefix, settings.ledger_region)) as store:
        async with connect() as client:
            yield store, client


async def take_over(settings: Settings, agrees: Agrees, by: str) -> str:
    """Records in the ledger that this cluster shall lead; its operator does so at its next look. Returns what to say.

    Raises Declined, ReadFailed, NoCluster.
    """
    name = settings.installation
    async with _both(settings) as (store, client):
        cluster = await cluster_identity(client)
        leader = await installation.leader(store, name)
        if leader is None:
            raise Declined(f"nobody has led installation {name} yet; start an operator, it leads at once")
        if leader.cluster == cluster:
            return f"this cluster ({cluster}) leads installation {name} already, with epoch {leader.epoch}"
        text = (
            f"Installation {name} is led by {leader.process or 'an operator'} of cluster {leader.cluster} with epoch "
            f"{leader.epoch}, last seen {leader.renewed}.\nThis cluster ({cluster}) shall lead instead: it adopts the "
            "active runs, and the other one stops at its next write."
        )
        if not agrees(text, name):
            raise Declined("not confirmed; nothing was changed")
        wish = Wish(cluster, by, datetime.now(UTC).isoformat(timespec="seconds"))
        other = await installation.wish_for(store, name, wish, leader)
        if other is not None:
            raise Declined(f"cluster {other.cluster} has begun to lead meanwhile, with epoch {other.epoch}; look again")
        return (
            f"recorded for {by}: the operator of this cluster leads within {settings.ledger_renew_seconds:.0f} s, or "
            "as soon as it runs"
        )


async def adopt_ledger(settings: Settings, agrees: Agrees, by: str) -> str:
    """Records in the Lease that the ledger as it is now is the right one. Returns what to say.

    Raises Declined, ReadFailed, NoCluster.
    """
    async with _both(settings) as (store, client):
        memory = LedgerMemory(lease_of(client, settings))
        known = await memory.read()
        if known is None or known.ledger_id is None:
            raise Declined(
                f"no operator of installation {settings.installation} has seen a ledger in this cluster yet (Lease in "
                f"namespace {settings.lease_namespace}); start one, it takes the ledger that it finds"
            )
        found, _ = await installation.find(store, settings.installation)
        if found.missing_tables:
            missing = ", ".join(found.missing_tables)
            raise Declined(
                f"tables are missing in {found.region}: {missing}; restore them, or run: drs-operator init-ledger"
            )
        if known.problem is None and found.ledger_id == known.ledger_id and found.epoch >= known.epoch:
            return f"ledger {known.ledger_id} is the one that is known; there is nothing to adopt"
        text = (
            f"Known: ledger {known.ledger_id} with epoch {known.epoch}. Found in {found.region}: ledger "
            f"{found.ledger_id or 'without an id'} with epoch {found.epoch}.\nRuns, claims and launches that only the "
            "known one had are forgotten: look in AWS for launches that nobody follows."
        )
        if not agrees(text, settings.installation):
            raise Declined("not confirmed; nothing was changed")
        ledger_id = found.ledger_id or await installation.make_meta(store)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        await memory.accept(ledger_id, f"{by} {now}")
        return (
            f"recorded for {by}: ledger {ledger_id} is accepted; the operator claims and launches again within "
            f"{settings.ledger_renew_seconds:.0f} s, or as soon as it runs"
        )
