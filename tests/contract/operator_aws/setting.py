"""What tests of the AWS adapter are given: a simulated AWS and the operator's adapter on it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from botocore.config import Config

from drs_operator.aws.cloud import BotoCloud
from drs_operator.aws.sessions import Sessions
from drs_operator.planning.facts import Inventory
from drs_operator.planning.intents import LaunchIntent
from drs_operator.ports import Access, ReadFailed
from tests.contract.simulated_aws import SimulatedAws

T = TypeVar("T")

HUB, ONE, TWO = "111111111111", "123456789012", "210987654321"
ROLE, EXTERNAL_ID = "DRSOrchestrationRole", "unique-external-id-123"
EAST, WEST, NOT_INITIALIZED = "us-east-1", "us-west-2", "eu-west-1"
SUBNET, OTHER_SUBNET, VPC = "subnet-0aaa1111bbb22222c", "subnet-0ccc1111bbb22222c", "vpc-0aaa1111bbb22222c"
GROUP, PROFILE = "sg-0aaa1111bbb22222c", "DB-Role"
"""What launch settings may name in WEST."""
SERVERS = 80
MANY = 230
"""Servers of a place of two pages."""
QUICK = 10_000
"""A speed at which a job ends at once, and its hour, after which AWS clears its participants, does not."""
TOKEN_TAG = "drs-operator.io/token"
WORLD: dict[str, Any] = {
    "apiVersion": "sandbox.drs-operator.io/v1alpha1",
    "kind": "World",
    "hubAccount": HUB,
    "accounts": [
        {
            "id": ONE,
            "roles": [{"name": ROLE, "externalId": EXTERNAL_ID}],
            "regions": [
                {
                    "name": EAST,
                    "quotas": {"jobsInProgress": 12},
                    "sourceServers": [
                        {
                            "count": SERVERS,
                            "idPrefix": "s-web",
                            "hostnamePrefix": "web-",
                            "tags": {"Tier": "web"},
                            "snapshots": ["PT5M", "PT1H"],
                            "lag": "PT2S",
                        },
                        {"id": "s-0000000000nopoint", "hostname": "new-01", "replicationState": "INITIAL_SYNC"},
                    ],
                },
                {
                    "name": WEST,
                    "subnets": [
                        {"id": SUBNET, "vpcId": VPC, "cidr": "10.0.1.0/24", "usedIps": ["10.0.1.17"]},
                        {"id": OTHER_SUBNET, "vpcId": VPC, "cidr": "10.0.2.0/24"},
                    ],
                    "securityGroups": [{"id": GROUP, "vpcId": VPC}],
                    "instanceProfiles": [PROFILE],
                    "sourceServers": [{"count": MANY, "idPrefix": "s-app", "hostnamePrefix": "app-"}],
                },
                {"name": NOT_INITIALIZED, "initialized": False},
            ],
        },
        {"id": TWO, "roles": [{"name": "Recovery"}], "regions": [{"name": EAST, "quotas": {"jobsInProgress": 1}}]},
        {"id": HUB, "regions": [{"name": EAST}]},
    ],
}
READ = Config(connect_timeout=2, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
"""The operator's own patience is a minute and a half."""
PRODUCTION = Access("production", ONE, ROLE, EXTERNAL_ID)
PARTNER = Access("partner", TWO, "Recovery")
RUN = replace(PRODUCTION, session_name="exec-0123456789abcdef0")
"""The same account under the session of a run."""
OWN = Access("own", HUB, None)
_NUMBERS = itertools.count(10)


class Setting:
    """The simulated AWS, and as many operators as a test starts."""

    def __init__(self, aws: SimulatedAws, shared: Sessions) -> None:
        self.aws = aws
        self.shared = shared
        self.opened: list[Sessions] = []
        self.begin()

    def begin(self) -> None:
        """Counts calls from now on."""
        self._began = len(self.aws.calls())

    def sessions(self) -> Sessions:
        """Sessions of an operator that has just started."""
        self.opened.append(Sessions(READ))
        return self.opened[-1]

    def cloud(self, sessions: Sessions | None = None, **options: Any) -> BotoCloud:
        """The adapter with nothing remembered; on sessions that are there already, unless told."""
        wanted: dict[str, Any] = {"refresh_seconds": 3600, "tick_seconds": 3600, "launch_timeout_seconds": 5, **options}
        return BotoCloud(sessions or self.shared, **wanted)

    def calls(self, operation: str, **matching: Any) -> list[dict[str, Any]]:
        """Calls of an operation since the test began."""
        return [
            call
            for call in self.aws.calls()[self._began :]
            if call["operation"] == operation and all(call[key] == value for key, value in matching.items())
        ]

    def count(self, operation: str, **matching: Any) -> int:
        """How many calls of an operation there were since the test began."""
        return len(self.calls(operation, **matching))

    async def until_called(self, operation: str) -> None:
        """Returns once AWS has taken a call of this operation."""
        async with asyncio.timeout(30):
            while not self.count(operation):  # noqa: ASYNC110 - another process counts
                await asyncio.sleep(0.02)

    def finish_jobs(self, seconds: float = 900) -> None:
        """Lets AWS work for so long, which ends jobs and sessions; its clock stays that of this machine."""
        made = 0.0
        while made < seconds:
            began, ended = (self._clock_at(speed) for speed in (QUICK, 1))
            made += (ended - began).total_seconds() * QUICK
        for access in (PRODUCTION, PARTNER, RUN):
            self.shared.forget(access)

    def _clock_at(self, speed: float) -> datetime:
        self.aws.moved()
        return datetime.fromisoformat(self.aws.control("POST", "clock", {"speed": speed})["time"])

    def inject(self, operation: str, effect: str | list[str], **more: Any) -> None:
        """A fault."""
        self.aws.inject({"operation": operation, "effect": effect, **more})

    def close(self) -> None:
        """Lets go of the threads of the test's own operators."""
        for sessions in self.opened:
            sessions.close()


def web(number: int) -> str:
    """The id of a web server."""
    return f"s-web{number:014}"


def new_servers(count: int = 1) -> tuple[str, ...]:
    """Servers that no other test launches; those up to 9 nobody does."""
    return tuple(web(next(_NUMBERS)) for _ in range(count))


def intent(*server_ids: str, called_at: datetime | None = None, **changes: Any) -> LaunchIntent:
    """An intent that is being called, now unless told, with a token of its own."""
    called = called_at or datetime.now(UTC)
    fields = {
        "wave_number": 1,
        "attempt": 1,
        "shard": 1,
        "token": f"token-of-{'-'.join(server_ids)}",
        "state": "Calling",
        "server_ids": server_ids,
        "caller": "me",
        "called_at": called,
        "called_at_aws": called,
    }
    return LaunchIntent.model_validate({**fields, **changes})


def tags_of(intent: LaunchIntent) -> dict[str, str]:
    """The tags of its job."""
    return {TOKEN_TAG: intent.token}


def ids(inventory: Inventory) -> list[str]:
    """The ids of its servers."""
    return [server.server_id for server in inventory.servers]


def ago(**span: float) -> datetime:
    """A moment before now."""
    return datetime.now(UTC) - timedelta(**span)


async def refused(read: Awaitable[Any]) -> ReadFailed:
    """How a read failed."""
    with pytest.raises(ReadFailed) as failed:
        await read
    return failed.value
