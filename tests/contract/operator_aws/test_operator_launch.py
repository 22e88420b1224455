"""The one call that launches: one request whatever happens, signed with the time of its intent, its outcome known or
called unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from drs_operator.aws import once
from drs_operator.aws.cloud import BotoCloud
from drs_operator.aws.sessions import mutating
from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.launching import Refusal, Refused, Unknown
from drs_operator.ports import Access, Started
from tests.contract.operator_aws.setting import (
    EAST,
    NOT_INITIALIZED,
    ONE,
    PRODUCTION,
    ROLE,
    RUN,
    TOKEN_TAG,
    WEST,
    Setting,
    ago,
    intent,
    new_servers,
    tags_of,
    web,
)

START = "StartRecovery"
Outcome = Started | Refused | Unknown


async def call(
    cloud: BotoCloud, wanted: LaunchIntent, access: Access = RUN, region: str = EAST, is_drill: bool = True
) -> Outcome:
    """Calls for an intent."""
    return await cloud.start_recovery(access, region, wanted, is_drill, tags_of(wanted))


async def started(cloud: BotoCloud, wanted: LaunchIntent) -> bool:
    """Whether AWS has a job with the token of this intent."""
    board = await cloud.jobs(PRODUCTION, EAST, ago(days=1))
    return board.by_token(TOKEN_TAG, wanted.token) is not None


@pytest.mark.parametrize("is_drill", [True, False])
async def test_a_launch_says_everything_that_it_must(setting: Setting, is_drill: bool) -> None:
    cloud = setting.cloud()
    first, second = new_servers(2)
    point = (await cloud.recovery_points(PRODUCTION, EAST, first))[-1]
    wanted = intent(first, second, snapshots={first: point.snapshot_id})
    answer = await call(cloud, wanted, is_drill=is_drill)
    assert isinstance(answer, Started)
    (request,) = setting.calls(START)
    assert request["parameters"] == {
        "sourceServers": [
            {"sourceServerID": first, "recoverySnapshotID": point.snapshot_id},
            {"sourceServerID": second},
        ],
        "isDrill": is_drill,
        "tags": {TOKEN_TAG: wanted.token},
    }
    assert request["principal"] == f"arn:aws:sts::{ONE}:assumed-role/{ROLE}/{RUN.session_name}"
    job = (await cloud.jobs(PRODUCTION, EAST, ago(days=1))).by_id()[answer.job_id]
    assert (answer.status, answer.created_at) == ("PENDING", job.created_at)
    setting.finish_jobs()


@pytest.mark.parametrize(
    ("fault", "kind", "because"),
    [
        ({"effect": "error", "code": "AccessDeniedException"}, Refusal.DENIED, "403: the wave is held"),
        ({"effect": "error", "code": "ConflictException"}, Refusal.SERVER_IN_JOB, "409: the wave queues"),
        ({"effect": "error", "code": "InternalServerException"}, None, "500: nobody knows"),
        ({"effect": "error", "code": "ServiceUnavailable", "httpStatus": 503}, None, "503: nobody knows"),
        ({"effect": "error", "code": "ResourceNotFoundException"}, Refusal.INVALID, "404: halves find the server"),
        ({"effect": "error", "code": "ServiceQuotaExceededException"}, Refusal.JOBS_QUOTA, "402: the wave queues"),
        ({"effect": "error", "code": "ThrottlingException"}, Refusal.THROTTLED, "429: the wave queues"),
        ({"effect": "error", "code": "UninitializedAccountException"}, Refusal.DENIED, "a person initialises"),
        ({"effect": "error", "code": "ValidationException"}, Refusal.INVALID, "400: halves find the server"),
        ({"effect": "expireCredentials"}, Refusal.NOT_SENT, "an expired session launches nothing"),
        ({"effect": "hang"}, None, "no answer: nobody knows"),
    ],
    ids=str,
)
async def test_one_request_leaves_whatever_is_answered(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any], kind: Refusal | None, because: str
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")
    cloud = setting.cloud(launch_timeout_seconds=1)
    wanted = intent(web(1))
    setting.aws.inject({"operation": START, **fault})
    answer = await call(cloud, wanted)
    assert setting.count(START) == 1, because
    assert (answer.kind if isinstance(answer, Refused) else None) == kind, because
    assert isinstance(answer, Refused if kind else Unknown)
    assert answer.message
    setting.aws.clear()
    assert not await started(cloud, wanted)


@pytest.mark.parametrize("effect", [{"effect": "lostAnswer"}, {"effect": "delay", "seconds": 3}], ids=str)
async def test_a_launch_whose_answer_is_lost_is_unknown_and_found_by_its_token(
    setting: Setting, effect: dict[str, Any]
) -> None:
    cloud = setting.cloud(launch_timeout_seconds=1)
    wanted = intent(*new_servers())
    setting.aws.inject({"operation": START, **effect})
    answer = await call(cloud, wanted)
    assert isinstance(answer, Unknown)
    assert setting.count(START) == 1
    board = await cloud.jobs(PRODUCTION, EAST, ago(days=1))
    job = board.by_token(TOKEN_TAG, wanted.token)
    assert job is not None
    assert [server.server_id for server in job.servers] == list(wanted.server_ids)
    setting.finish_jobs()


async def test_a_job_that_is_seen_late_is_found_late(setting: Setting) -> None:
    cloud = setting.cloud(tick_seconds=-1)
    wanted = intent(*new_servers())
    setting.inject(START, ["hideJob", "lostAnswer"], seconds=60, times=1)
    assert isinstance(await call(cloud, wanted), Unknown)
    assert not await started(cloud, wanted)
    setting.finish_jobs()
    assert await started(cloud, wanted)


# --- refusals of the real simulator, not of a fault -----------------------------------------------------------------


async def test_a_server_in_a_job_queues(setting: Setting) -> None:
    cloud = setting.cloud()
    servers = new_servers()
    assert isinstance(await call(cloud, intent(*servers)), Started)
    again = await call(cloud, intent(*servers, token="another"))
    assert isinstance(again, Refused)
    assert (again.kind, again.code) == (Refusal.SERVER_IN_JOB, "ConflictException")
    assert "currently being processed by a Job" in again.message
    setting.finish_jobs()


async def test_a_full_account_queues(setting: Setting) -> None:
    """The world lets twelve jobs run at a time; the thirteenth waits for a slot."""
    cloud = setting.cloud()
    answers = [await call(cloud, intent(*new_servers())) for _ in range(13)]
    assert [type(answer) for answer in answers[:12]] == [Started] * 12
    assert isinstance(answers[12], Refused)
    assert (answers[12].kind, answers[12].code) == (Refusal.JOBS_QUOTA, "ServiceQuotaExceededException")
    setting.finish_jobs()


async def test_too_many_servers_for_one_job_are_split_not_queued(setting: Setting) -> None:
    servers = [f"s-app{number:014}" for number in range(1, 102)]
    answer = await call(setting.cloud(), intent(*servers), region=WEST)
    assert isinstance(answer, Refused)
    assert (answer.kind, answer.server_ids) == (Refusal.INVALID, ())


async def test_a_server_that_is_wrong_is_named(setting: Setting) -> None:
    (server,) = new_servers()
    answer = await call(setting.cloud(), intent(server, "s-0000000000nopoint"))
    assert isinstance(answer, Refused)
    assert (answer.kind, answer.server_ids) == (Refusal.INVALID, ("s-0000000000nopoint",))


async def test_a_region_that_was_never_initialised_is_denied(setting: Setting) -> None:
    answer = await call(setting.cloud(), intent(web(1)), region=NOT_INITIALIZED)
    assert isinstance(answer, Refused)
    assert (answer.kind, answer.code) == (Refusal.DENIED, "UninitializedAccountException")


# --- what never leaves ----------------------------------------------------------------------------------------------


async def test_a_request_that_is_not_valid_never_leaves(setting: Setting) -> None:
    answer = await call(setting.cloud(), intent("s-short"))
    assert isinstance(answer, Refused)
    assert answer.kind is Refusal.INVALID
    assert setting.count(START) == 0


async def test_an_account_that_cannot_be_entered_is_denied_before_anything_leaves(setting: Setting) -> None:
    answer = await call(setting.cloud(), intent(web(1)), replace(RUN, external_id="another-external-id"))
    assert isinstance(answer, Refused)
    assert (answer.kind, answer.code) == (Refusal.DENIED, "ROLE_ASSUMPTION_FAILED")
    assert setting.count(START) == 0


@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "error", "code": "Throttling"},
        {"effect": "error", "code": "InternalFailure"},
        {"effect": "lostAnswer"},
    ],
    ids=str,
)
async def test_trouble_of_sts_is_no_refusal_and_nothing_was_sent(setting: Setting, fault: dict[str, Any]) -> None:
    cloud = setting.cloud(setting.sessions())
    wanted = intent(*new_servers())
    setting.aws.inject({"operation": "AssumeRole", **fault})
    answer = await call(cloud, wanted)
    assert isinstance(answer, Refused)
    assert answer.kind is Refusal.NOT_SENT
    assert setting.count(START) == 0
    setting.aws.clear()
    assert isinstance(await call(cloud, wanted), Started)
    setting.finish_jobs()


async def test_a_region_that_cannot_be_reached_was_sent_nothing(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DRS", "http://127.0.0.1:9")
    answer = await call(setting.cloud(setting.sessions()), intent(web(1)))
    assert isinstance(answer, Refused)
    assert (answer.kind, answer.code) == (Refusal.NOT_SENT, "EndpointConnectionError")


async def test_after_an_expired_session_the_next_call_has_a_new_one(setting: Setting) -> None:
    cloud = setting.cloud(setting.sessions())
    wanted = intent(*new_servers())
    setting.inject(START, "expireCredentials", times=1)
    assert isinstance(await call(cloud, wanted), Refused)
    assert isinstance(await call(cloud, wanted), Started)
    assert setting.count("AssumeRole") == 2
    setting.finish_jobs()


# --- the time of the signature --------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [6, 60, -6])
async def test_a_call_that_is_sent_late_does_nothing(setting: Setting, minutes: int) -> None:
    """A process that slept between intent and call: AWS refuses the old signature, which names its time."""
    cloud = setting.cloud()
    called = ago(minutes=minutes)
    wanted = intent(*new_servers(), called_at=called)
    answer = await call(cloud, wanted)
    assert isinstance(answer, Refused)
    assert (answer.kind, answer.code) == (Refusal.NOT_SENT, "InvalidSignatureException")
    assert called.strftime("%Y%m%dT%H%M%SZ") in answer.message
    assert setting.count(START) == 1
    assert not await started(cloud, wanted)


async def test_a_call_of_four_minutes_ago_is_in_time(setting: Setting) -> None:
    wanted = intent(*new_servers(), called_at=ago(minutes=4))
    assert isinstance(await call(setting.cloud(), wanted), Started)
    setting.finish_jobs()


async def test_the_zone_in_which_an_intent_tells_its_time_does_not_matter(setting: Setting) -> None:
    called = datetime.now(timezone(timedelta(hours=9)))
    assert isinstance(await call(setting.cloud(), intent(*new_servers(), called_at=called)), Started)
    setting.finish_jobs()


class Sent:
    """Takes requests instead of AWS, through the hook that botocore has for it."""

    def __init__(self, client: Any) -> None:
        self.headers: list[dict[str, str]] = []
        client.meta.events.register("before-send", self._take)

    def _take(self, request: Any, **_: Any) -> AWSResponse:
        self.headers.append({name.lower(): _text(value) for name, value in request.headers.items()})
        return AWSResponse(request.url, 202, HTTPHeaders(), _Body(b'{"job": {"jobID": "drsjob-1"}}'))


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Any:
        yield self._content

    def read(self, *_: Any) -> bytes:
        return self._content


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def test_botocores_hook_for_signers_is_there_and_the_pinned_one_is_in_it() -> None:
    """`AUTH_TYPE_MAPS` is semi-public: if a new botocore moves it, this is where it shows."""
    assert botocore.auth.AUTH_TYPE_MAPS[once.PINNED] is once.PinnedSigV4Auth
    assert issubclass(once.PinnedSigV4Auth, botocore.auth.AUTH_TYPE_MAPS["v4"])


def test_a_pinned_client_signs_with_the_pinned_time_and_only_that(setting: Setting) -> None:
    config = mutating(5, signature_version=once.PINNED)
    client = setting.shared.client_for_one_call(RUN, "drs", EAST, config)
    sent = Sent(client)
    pinned = datetime(2026, 1, 31, 23, 59, 59, 999999, UTC)
    for moment in (pinned, pinned, pinned + timedelta(seconds=1)):
        with once.signed_at(moment):
            client.start_recovery(sourceServers=[{"sourceServerID": web(1)}], isDrill=True)
    first, second, third = sent.headers
    assert [headers["x-amz-date"] for headers in sent.headers] == [
        "20260131T235959Z",
        "20260131T235959Z",
        "20260201T000000Z",
    ]
    assert "/20260131/us-east-1/drs/aws4_request" in first["authorization"]
    assert "/20260201/us-east-1/drs/aws4_request" in third["authorization"]
    assert "x-amz-date" in first["authorization"], "the time is signed"
    assert first["authorization"] == second["authorization"] != third["authorization"]


def test_other_clients_sign_with_the_present(setting: Setting) -> None:
    client = setting.shared.client_for_one_call(RUN, "drs", EAST, mutating(5))
    sent = Sent(client)
    with once.signed_at(ago(days=30)):
        client.start_recovery(sourceServers=[{"sourceServerID": web(1)}], isDrill=True)
    signed = datetime.strptime(sent.headers[0]["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert abs(signed - datetime.now(UTC)) < timedelta(minutes=1)


async def test_an_answer_that_cannot_be_read_is_unknown(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job may exist: only looking tells."""
    sessions = setting.sessions()
    made = sessions.client_for_one_call

    def answering_nonsense(*arguments: Any) -> Any:
        client = made(*arguments)
        client.meta.events.register(
            "before-send", lambda request, **_: AWSResponse(request.url, 202, HTTPHeaders(), _Body(b"{}"))
        )
        return client

    monkeypatch.setattr(sessions, "client_for_one_call", answering_nonsense)
    assert isinstance(await call(setting.cloud(sessions), intent(web(1))), Unknown)
