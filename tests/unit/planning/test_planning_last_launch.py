"""The second look for a lost launch: only a job that can be nothing else is taken for it."""

from typing import Any

import pytest

from drs_operator.planning import last_launch
from drs_operator.planning.facts import Job
from drs_operator.planning.launching import TOKEN_TAG
from drs_operator.planning.run import Run
from tests import builders as b
from tests.unit.planning.tables import table

LOST = b.job_id(7)


def _run(**changes: Any) -> Run:
    wave = b.run_wave(1, [1, 2], phase="Launching", start_time=b.NOW)
    return b.run(wave, intents=(b.intent(1, [1, 2], "Calling"),), **changes)


def _job(servers: tuple[int, ...] = (1, 2), **changes: Any) -> Job:
    fields = {"tags": {}, "created_at": b.at(1), "initiated_by": "START_DRILL", **changes}
    return b.job(7, [b.server_id(n) for n in servers], **fields)


def _found(run: Run, job: Job | None, last: tuple[str | None, ...] = (LOST, LOST)) -> Job | None:
    servers = [b.source_server(n, last_launch_job_id=job_id) for n, job_id in enumerate(last, start=1)]
    return last_launch.job_of(run, run.intents[0], servers, b.jobs(*([job] if job else [])))


def test_the_job_that_all_servers_name_is_the_launch() -> None:
    assert _found(_run(), _job()) == _job()


def test_own_tags_do_no_harm() -> None:
    run = _run()
    job = _job(tags={TOKEN_TAG: run.intents[0].token})
    assert _found(run, job) == job


@pytest.mark.parametrize(
    ("job", "last", "because"),
    table(
        ("no server names one", _job(), (None, None), "none of them was launched"),
        ("one names none", _job(), (LOST, None), "ours would have launched both"),
        ("they differ", _job(), (LOST, b.job_id(8)), "ours would have launched both"),
        ("one is gone", _job(), (LOST,), "of one nothing is known"),
        ("not on the board", None, (LOST, LOST), "it is older than the search reaches, or cannot be seen yet"),
        ("older", _job(created_at=b.at(minutes=-6)), (LOST, LOST), "it began before the call"),
        ("fewer servers", _job((1,)), (LOST, LOST), "another call"),
        ("more servers", _job((1, 2, 3)), (LOST, LOST), "somebody else's launch"),
        ("another token", _job(tags={TOKEN_TAG: "exec-other-w1-a1-s1"}), (LOST, LOST), "another call's"),
        ("another kind", _job(initiated_by="START_RECOVERY"), (LOST, LOST), "a drill never calls for a recovery"),
        ("a termination", _job(initiated_by="TERMINATE_RECOVERY_INSTANCES"), (LOST, LOST), "that launches nothing"),
    ),
)
def test_what_is_not_surely_the_launch_is_left(job: Job | None, last: tuple[str | None, ...], because: str) -> None:
    assert _found(_run(), job, last) is None, because


def test_a_job_that_another_call_of_the_run_has_is_not_taken_twice() -> None:
    run = _run()
    known = b.intent(1, [1, 2], "Ended", shard=2, job_id=LOST)
    assert _found(run.with_intent(known), _job()) is None
