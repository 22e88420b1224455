"""What runs claim: their ids for ever, plans and servers as long as they need them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from drs_operator.ledger.store import Store
from drs_operator.ledger.tables import LEDGER
from drs_operator.planning.claims import server_key
from drs_operator.planning.facts import Place
from drs_operator.ports import Holder, RunIdClaim

PARALLEL = 8


async def _each(server_ids: Iterable[str], act: Callable[[str], Awaitable[None]]) -> None:
    """Acts on all, a few at a time, and returns when nothing is under way any more; then raises the first failure."""
    slots = asyncio.Semaphore(PARALLEL)

    async def one(server_id: str) -> None:
        async with slots:
            await act(server_id)

    for outcome in await asyncio.gather(*map(one, dict.fromkeys(server_ids)), return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


def _item_key(place: Place, server_id: str) -> dict[str, str]:
    return {"pk": server_key(place, server_id)}


class RunClaims:
    """What a run claims: conditional writes on single items of table `ledger`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def claim_run_id(self, claim: RunIdClaim) -> RunIdClaim:
        """Takes the run id, or returns who has used it."""
        values = {
            "pk": f"RUN#{claim.run_id}",
            "runId": claim.run_id,
            "executionId": claim.execution_id,
            "digest": claim.digest,
            "installation": claim.installation,
            "namespace": claim.namespace,
            "name": claim.name,
        }
        standing = await self._store.put(LEDGER, values, "attribute_not_exists(#pk)")
        if standing is None:
            return claim
        return RunIdClaim(
            run_id=standing["runId"],
            execution_id=standing["executionId"],
            digest=standing["digest"],
            installation=standing["installation"],
            namespace=standing["namespace"],
            name=standing["name"],
        )

    async def lock_plan(self, plan_id: str, execution_id: str, execution: str) -> str | None:
        """Takes the plan for a run, or returns who holds it."""
        values = {"pk": f"PLAN#{plan_id}", "executionId": execution_id, "execution": execution}
        standing = await self._store.put(
            LEDGER, values, "attribute_not_exists(#pk) OR #executionId = :mine", {"mine": execution_id}
        )
        return None if standing is None else str(standing.get("execution", standing.get("executionId")))

    async def plan_holder(self, plan_id: str) -> Holder | None:
        """Who has taken the plan, by a consistent read; None: it is free."""
        item = await self._store.get(LEDGER, {"pk": f"PLAN#{plan_id}"})
        return None if item is None else Holder(item["executionId"], item.get("execution", item["executionId"]))

    async def unlock_plan(self, plan_id: str, execution_id: str) -> None:
        """Lets go of the plan, if this run holds it."""
        await self._store.delete(LEDGER, {"pk": f"PLAN#{plan_id}"}, "#executionId = :mine", {"mine": execution_id})

    async def hold_servers(
        self, place: Place, server_ids: Iterable[str], execution_id: str, execution: str
    ) -> dict[str, str]:
        """Holds servers for a run, in parallel; returns the executions (`namespace/name`) that hold the others."""
        losses: dict[str, str] = {}

        async def hold(server_id: str) -> None:
            standing = await self._store.update(
                LEDGER,
                _item_key(place, server_id),
                "SET #heldBy = :mine, #heldByName = :name",
                "attribute_not_exists(#heldBy) OR #heldBy = :mine",
                {"mine": execution_id, "name": execution},
            )
            if standing is not None:
                losses[server_id] = str(standing.get("heldByName", standing.get("heldBy", "another run")))

        await _each(server_ids, hold)
        return losses

    async def server_holders(self, place: Place, server_ids: Iterable[str]) -> dict[str, Holder]:
        """Who holds which of these servers, by consistent reads in parallel; those that are free are left out."""
        found: dict[str, Holder] = {}

        async def look(server_id: str) -> None:
            item = await self._store.get(LEDGER, _item_key(place, server_id)) or {}
            if "heldBy" in item:
                found[server_id] = Holder(item["heldBy"], item.get("heldByName", item["heldBy"]))

        await _each(server_ids, look)
        return found

    async def release_servers(self, place: Place, server_ids: Iterable[str], execution_id: str) -> None:
        """Lets go of the servers that this run holds; an item that no group claims goes with it."""

        async def release(server_id: str) -> None:
            key, mine = _item_key(place, server_id), {"mine": execution_id}
            standing = await self._store.delete(LEDGER, key, "#heldBy = :mine AND attribute_not_exists(#groupId)", mine)
            if standing and standing.get("heldBy") == execution_id:
                await self._store.update(LEDGER, key, "REMOVE #heldBy, #heldByName", "#heldBy = :mine", mine)

        await _each(server_ids, release)
