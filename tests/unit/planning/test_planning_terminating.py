"""Which instances a clean-up may terminate at all, and what looking makes of a call whose outcome is unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from drs_operator.planning import terminating
from drs_operator.planning.facts import Job, Jobs, JobServer, Place, RecoveryInstance
from drs_operator.planning.intents import Cleanup, TerminateIntent
from drs_operator.planning.terminating import Sight

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
PLACE = Place("123456789012", "us-east-1")
SETTLE = timedelta(minutes=6)
CALLING = TerminateIntent(
    shard=1,
    token="exec-1/clean-up/1",
    account_name="production",
    account_id=PLACE.account_id,
    region=PLACE.region,
    instance_ids=("i-1", "i-2"),
    server_ids=("s-1", "s-2"),
    state="Calling",
    caller="me",
    called_at=NOW,
    called_at_aws=NOW,
)


def there(*instance_ids: str, state: str = "RUNNING") -> tuple[RecoveryInstance, ...]:
    """Instances of the run."""
    return tuple(RecoveryInstance(i, i.replace("i-", "s-"), "drsjob-1", True, state, None, None) for i in instance_ids)


def job(*servers: str, type: str = "TERMINATE", after: float = 1, status: str = "STARTED") -> Job:
    """A job created so many seconds after the call."""
    members = tuple(JobServer(server, "") for server in servers)
    return Job("drsjob-9", status, type, "", NOW + timedelta(seconds=after), None, members, {})


@pytest.mark.parametrize(
    ("jobs", "instances", "minutes", "want", "because"),
    [
        ((job("s-1", "s-2"),), there("i-1", "i-2"), 1, "Started", "it is its job"),
        ((job("s-1", "s-2", status="COMPLETED"),), there("i-1", "i-2"), 1, "Ended", "it is its job, and over"),
        ((), there("i-1", "i-2"), 5, "Calling", "a job may be seen only later"),
        ((), there("i-1", "i-2"), 6, "Planned", "nothing has happened: it may be called again"),
        ((), (), 1, "Ended", "the instances are gone: so is the work"),
        ((), there("i-1", "i-2", state="SHUTTING-DOWN"), 1, "Ended", "they are going"),
        ((), there("i-2"), 1, "Calling", "one is still there"),
        ((job("s-1"),), there("i-1", "i-2"), 6, "Planned", "the job of other servers"),
        ((job("s-1", "s-2", type="LAUNCH"),), there("i-1", "i-2"), 6, "Planned", "a launch"),
        ((job("s-1", "s-2", after=-60),), there("i-1", "i-2"), 6, "Planned", "older than the call"),
    ],
)
def test_an_unknown_outcome(
    jobs: tuple[Job, ...], instances: tuple[RecoveryInstance, ...], minutes: int, want: str, because: str
) -> None:
    board = Jobs(PLACE, jobs, NOW + timedelta(minutes=minutes), NOW - timedelta(minutes=15))
    before = Cleanup(phase="Running", intents=(CALLING,))
    after = terminating.followed(before, PLACE, Sight(instances, board), SETTLE, NOW)
    assert after.intents[0].state == want, because


def test_nothing_is_concluded_without_a_board() -> None:
    before = Cleanup(phase="Running", intents=(CALLING,))
    assert terminating.followed(before, PLACE, Sight(there("i-1")), SETTLE, NOW + timedelta(hours=1)) == before
