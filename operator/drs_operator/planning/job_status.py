"""How a status shows a job, of a launch or of a clean-up."""

from __future__ import annotations

from drs_operator.api.v1alpha1.drexecution_status import JobStatus
from drs_operator.planning.facts import Place
from drs_operator.planning.intents import Intent


def job_status(intent: Intent, place: Place, servers: int, attempt: int | None = None) -> JobStatus:
    """The call of an intent and the job that it has begun."""
    return JobStatus(
        shard=intent.shard,
        attempt=attempt,
        state=intent.state,
        job_id=intent.job_id,
        account_id=place.account_id,
        region=place.region,
        servers=servers,
        status=intent.job_status,
        start_time=intent.start_time,
        end_time=intent.end_time,
    )
