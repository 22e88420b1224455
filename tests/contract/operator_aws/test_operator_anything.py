"""Whatever AWS answers, a read ends in facts or in an error of the vocabulary; unknown values are kept."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drs_operator.api.v1alpha1.codes import Code
from drs_operator.aws.cloud import BotoCloud
from drs_operator.aws.sessions import Sessions
from drs_operator.ports import ReadFailed
from tests.contract.operator_aws.setting import EAST, HUB, OWN, READ
from tests.strategies.aws_answers import UNKNOWN, answers

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
EXAMPLES = 60
CALLER = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Account>{HUB}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""


class _Anything:
    """An AWS that answers what it is told, first with an empty page that has a next token."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {}
        self.empty_page_first = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = outer.reply(self.path, asked)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def reply(self, path: str, asked: bytes) -> bytes:
        """The body of an answer."""
        if b"Action=GetCallerIdentity" in asked:
            return CALLER.encode()
        if not path.startswith("/Describe"):
            return b'{"Quotas": []}'
        if self.empty_page_first and b"nextToken" not in asked:
            return b'{"items": [], "nextToken": "more"}'
        return json.dumps(self.answer).encode()

    def stop(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def anything(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[_Anything, BotoCloud]]:
    aws = _Anything()
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    sessions = Sessions(READ)
    yield aws, BotoCloud(sessions, refresh_seconds=0, tick_seconds=0)
    sessions.close()
    aws.stop()


READS: list[tuple[str, Callable[[BotoCloud], Awaitable[Any]]]] = [
    ("DescribeSourceServers", lambda cloud: cloud.inventory(OWN, EAST, datetime.now(UTC))),
    ("DescribeSourceServers", lambda cloud: cloud.report(OWN, EAST, datetime.now(UTC))),
    ("DescribeSourceServers", lambda cloud: cloud.source_servers(OWN, EAST, ["s-00000000000000001"])),
    ("DescribeJobs", lambda cloud: cloud.jobs(OWN, EAST, LONG_AGO)),
    ("DescribeJobLogItems", lambda cloud: cloud.job_log(OWN, EAST, "drsjob-00000000000000001")),
    ("DescribeRecoveryInstances", lambda cloud: cloud.recovery_instances(OWN, EAST, ["s-00000000000000001"])),
    ("DescribeRecoverySnapshots", lambda cloud: cloud.recovery_points(OWN, EAST, "s-00000000000000001")),
]


@pytest.mark.parametrize(
    ("operation", "read"), READS, ids=["inventory", "report", "servers", "jobs", "log", "instances", "points"]
)
def test_any_answer_becomes_facts_or_a_known_error(
    anything: tuple[_Anything, BotoCloud], operation: str, read: Callable[[BotoCloud], Awaitable[Any]]
) -> None:
    aws, cloud = anything

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(answers("drs", operation), st.booleans())
    def check(answer: dict[str, Any], empty_page_first: bool) -> None:
        aws.answer, aws.empty_page_first = answer, empty_page_first
        try:
            asyncio.run(_bounded(read(cloud)))
        except ReadFailed as error:
            Code(error.code)

    check()


async def _bounded(read: Awaitable[Any]) -> Any:
    async with asyncio.timeout(20):
        return await read


def test_a_state_of_tomorrow_is_kept_and_shown(anything: tuple[_Anything, BotoCloud]) -> None:
    aws, cloud = anything
    aws.answer = {
        "items": [
            {"sourceServerID": "s-00000000000000001", "dataReplicationInfo": {"dataReplicationState": UNKNOWN}},
        ]
    }
    inventory = asyncio.run(_bounded(cloud.inventory(OWN, EAST, datetime.now(UTC))))
    assert [server.replication_state for server in inventory.servers] == [UNKNOWN]
