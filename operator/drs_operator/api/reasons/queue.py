"""Quotas, busy servers, and other waiting of a wave that passes by itself."""

from drs_operator.api.reasons.record import RUN_QUEUE, Area, Reason, coded, condition, word
from drs_operator.api.v1alpha1.codes import Code

_AREA = Area.QUEUE
_FORESEEN = condition("RecoveryPlan", "WavesValid")

QUEUE: tuple[Reason, ...] = (
    coded(
        Code.CONCURRENT_JOBS_LIMIT_EXCEEDED,
        _AREA,
        (*RUN_QUEUE, *_FORESEEN),
        "20 DRS jobs are in progress in the account and Region, the most that AWS allows; the wave waits.",
        "See which jobs run: aws drs describe-jobs --region REGION; it goes on by itself when one ends.",
    ),
    coded(
        Code.SERVERS_IN_JOBS_LIMIT_EXCEEDED,
        _AREA,
        (*RUN_QUEUE, *_FORESEEN),
        "500 servers are in DRS jobs in the account and Region, the most that AWS allows; the wave waits.",
        "See which jobs run: aws drs describe-jobs --region REGION; it goes on by itself when one ends.",
    ),
    coded(
        Code.SERVER_IN_JOB,
        _AREA,
        RUN_QUEUE,
        "A server of the wave is in another DRS job, and DRS takes one job for a server at a time; the wave waits.",
        "Find that job: aws drs describe-jobs --region REGION; it may be somebody's by hand.",
    ),
    word(
        "Throttled",
        _AREA,
        RUN_QUEUE,
        "AWS has throttled the launch call; the operator asks again every 15 seconds.",
        "Find out what else calls DRS in that account so often.",
    ),
    word(
        "NotSent",
        _AREA,
        RUN_QUEUE,
        "The launch call did not reach AWS, or its credentials or signature were too old; it is made again.",
        "If it stays: check the operator's network, its AWS credentials and its clock.",
    ),
    word(
        "Denied",
        _AREA,
        RUN_QUEUE,
        "AWS refused the launch call for want of a permission; the wave is held (AccountUnavailable).",
    ),
    word(
        "Invalid",
        _AREA,
        RUN_QUEUE,
        "AWS called the launch request wrong; it is repeated in halves, until the server that is to blame fails alone.",
    ),
)
