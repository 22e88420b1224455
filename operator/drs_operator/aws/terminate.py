"""The one call that terminates recovery instances: made once, signed with the time of its intent."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from drs_operator.aws import errors, parse
from drs_operator.aws.launch import PINNED, READ_TIMEOUT_SECONDS, signed_at
from drs_operator.aws.sessions import Sessions, mutating
from drs_operator.planning.intents import TerminateIntent
from drs_operator.planning.launching import Refusal, Refused, Unknown
from drs_operator.ports import Access, AccessDenied, ReadFailed, Started


async def terminate_recovery_instances(
    sessions: Sessions, access: Access, intent: TerminateIntent, read_timeout: float = READ_TIMEOUT_SECONDS
) -> Started | Refused | Unknown:
    """Calls TerminateRecoveryInstances once for an intent in state CALLING. Never raises, never repeats.

    Needs `drs:TerminateRecoveryInstances`.
    """
    assert intent.called_at is not None
    config = mutating(read_timeout, signature_version=PINNED)
    try:
        client = await sessions.run(
            access, intent.region, lambda: sessions.client_for_one_call(access, "drs", intent.region, config)
        )
    except ReadFailed as error:
        kind = Refusal.DENIED if isinstance(error, AccessDenied) else Refusal.NOT_SENT
        return Refused(kind, error.code, error.message)

    def call() -> Started | Refused | Unknown:
        try:
            job = parse.job(client.terminate_recovery_instances(recoveryInstanceIDs=list(intent.instance_ids))["job"])
        except (ClientError, BotoCoreError) as error:
            return errors.launch_answer(error)
        except Exception as error:  # noqa: BLE001 - whatever it was, the job may exist: only looking tells
            return Unknown(f"the answer could not be read: {error!r}")
        finally:
            client.close()
        return Started(job.job_id, job.status, job.created_at)

    with signed_at(intent.called_at):
        answer = await sessions.run(access, intent.region, call)
    if isinstance(answer, Refused) and answer.code in errors.EXPIRED:
        sessions.forget(access)
    return answer
