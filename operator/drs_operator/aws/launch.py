"""The one call that launches."""

from __future__ import annotations

from collections.abc import Mapping

from drs_operator.aws.once import READ_TIMEOUT_SECONDS, begin_job
from drs_operator.aws.sessions import Sessions
from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.launching import Refused, Unknown
from drs_operator.ports import Access, Started


async def start_recovery(
    sessions: Sessions,
    access: Access,
    region: str,
    intent: LaunchIntent,
    is_drill: bool,
    tags: Mapping[str, str],
    read_timeout: float = READ_TIMEOUT_SECONDS,
) -> Started | Refused | Unknown:
    """Calls StartRecovery once for an intent in state CALLING. Never raises for what AWS answers, never repeats."""
    servers = [
        {"sourceServerID": server_id}
        | ({"recoverySnapshotID": intent.snapshots[server_id]} if server_id in intent.snapshots else {})
        for server_id in intent.server_ids
    ]
    return await begin_job(
        sessions,
        access,
        region,
        intent.called_at,
        read_timeout,
        lambda drs: drs.start_recovery(sourceServers=servers, isDrill=is_drill, tags=dict(tags)),
    )
