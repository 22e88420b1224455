"""Recovery points of many servers, a few reads at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from drs_operator.planning.facts import RecoveryPoint, SourceServer
from drs_operator.ports import Access
from drs_operator.reconcilers.context import Context

PROBES = 8


async def points_of(
    context: Context, access: Access, region: str, server_ids: Iterable[str]
) -> dict[str, tuple[RecoveryPoint, ...]]:
    """Recovery points by server, newest first, read now. Raises ReadFailed."""
    slots = asyncio.Semaphore(PROBES)

    async def probe(server_id: str) -> tuple[RecoveryPoint, ...]:
        async with slots:
            return await context.cloud.recovery_points(access, region, server_id)

    ids = list(server_ids)
    return dict(zip(ids, await asyncio.gather(*(probe(server_id) for server_id in ids)), strict=True))


async def has_points(context: Context, access: Access, region: str, servers: Iterable[SourceServer]) -> dict[str, bool]:
    """Of servers whose state leaves a doubt: whether a recovery point exists. Raises ReadFailed."""
    found = await points_of(context, access, region, (server.server_id for server in servers))
    return {server_id: bool(points) for server_id, points in found.items()}
