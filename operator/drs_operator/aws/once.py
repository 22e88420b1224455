"""Calls that begin a job: each made once, signed with the time of its intent.

A process that slept between intent and call cannot send it late: AWS refuses a signature older than five minutes, and
the settle window of the intent is longer than that. botocore offers no parameter for the signing time, so a signer of
our own is registered under its own name; `botocore.auth.AUTH_TYPE_MAPS` is semi-public, a contract test guards it.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import botocore.auth
from botocore.exceptions import BotoCoreError, ClientError

from drs_operator.aws import errors, parse
from drs_operator.aws.sessions import Sessions, mutating
from drs_operator.planning.launching import Refusal, Refused, Unknown
from drs_operator.ports import Access, AccessDenied, ReadFailed, Started

PINNED = "v4-pinned"
READ_TIMEOUT_SECONDS = 60.0
_signing_time: contextvars.ContextVar[datetime] = contextvars.ContextVar("signing_time")


class PinnedSigV4Auth(botocore.auth.SigV4Auth):
    """SigV4 that signs with the pinned time instead of the present."""

    def _modify_request_before_signing(self, request: Any) -> None:
        pinned = _signing_time.get().astimezone(UTC)
        request.context["timestamp"] = pinned.strftime(botocore.auth.SIGV4_TIMESTAMP)
        super()._modify_request_before_signing(request)  # type: ignore[misc]  # the stubs leave it out


botocore.auth.AUTH_TYPE_MAPS[PINNED] = PinnedSigV4Auth


@contextmanager
def signed_at(moment: datetime) -> Iterator[None]:
    """Within this, clients with the pinned signer sign with `moment`."""
    token = _signing_time.set(moment)
    try:
        yield
    finally:
        _signing_time.reset(token)


async def begin_job(
    sessions: Sessions,
    access: Access,
    region: str,
    called_at: datetime | None,
    read_timeout: float,
    request: Callable[[Any], Any],
) -> Started | Refused | Unknown:
    """Makes a call of DRS that answers with a job. Never raises for what AWS answers, never repeats.

    `called_at`: when the intent was written; `request` is given a client of DRS and returns AWS's answer.
    """
    assert called_at is not None  # written with CALLING
    config = mutating(read_timeout, signature_version=PINNED)
    try:
        # Making the client may assume the role: whatever fails there, nothing was sent.
        client = await sessions.run(access, region, lambda: sessions.client_for_one_call(access, "drs", region, config))
    except ReadFailed as error:
        kind = Refusal.DENIED if isinstance(error, AccessDenied) else Refusal.NOT_SENT
        return Refused(kind, error.code, error.message)

    def call() -> Started | Refused | Unknown:
        try:
            job = parse.job(request(client)["job"])
        except (ClientError, BotoCoreError) as error:
            return errors.launch_answer(error)
        except Exception as error:  # noqa: BLE001 - whatever it was, the job may exist: only looking tells
            return Unknown(f"the answer could not be read: {error!r}")
        finally:
            client.close()
        return Started(job.job_id, job.status, job.created_at)

    with signed_at(called_at):
        answer = await sessions.run(access, region, call)
    if isinstance(answer, Refused) and answer.code in errors.EXPIRED:
        sessions.forget(access)
    return answer
