"""The one call that terminates recovery instances."""

from __future__ import annotations

from drs_operator.aws.once import READ_TIMEOUT_SECONDS, begin_job
from drs_operator.aws.sessions import Sessions
from drs_operator.planning.intents import TerminateIntent
from drs_operator.planning.launching import Refused, Unknown
from drs_operator.ports import Access, Started


async def terminate_recovery_instances(
    sessions: Sessions, access: Access, intent: TerminateIntent, read_timeout: float = READ_TIMEOUT_SECONDS
) -> Started | Refused | Unknown:
    """Calls TerminateRecoveryInstances once for an intent in state CALLING. Never raises, never repeats.

    Needs `drs:TerminateRecoveryInstances`.
    """
    return await begin_job(
        sessions,
        access,
        intent.region,
        intent.called_at,
        read_timeout,
        lambda drs: drs.terminate_recovery_instances(recoveryInstanceIDs=list(intent.instance_ids)),
    )
