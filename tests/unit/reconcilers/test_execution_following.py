"""How closely a run follows its jobs, and with how few reads."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from drs_operator.planning.facts import Job, LogItem
from drs_operator.planning.polling import NEAR_SECONDS
from drs_operator.reconcilers.job_logs import JobLogs
from tests.builders import NOW, PLACE, at, job, server_id
from tests.unit.reconcilers.world import World

POLL = 15.0


@pytest.mark.parametrize("seconds", [0.0, 1.3, 2.9, 4.4])
@pytest.mark.parametrize("wait_after", [0, 47])
def test_the_next_wave_starts_soon_after_the_last_server_is_up(seconds: float, wait_after: int) -> None:
    world = World()
    world.quickstart((), waitAfterSeconds=wait_after)
    world.cloud.launch_takes = timedelta(minutes=11, seconds=seconds)
    world.execute()
    world.until(world.finished)

    waves = world.run_of().waves
    assert [wave.phase for wave in waves] == ["Completed"] * 3
    for before, after in pairwise(waves):
        assert before.start_time is not None
        assert before.ready_time is not None
        assert after.start_time is not None
        up = before.start_time + world.cloud.launch_takes
        assert before.ready_time - up <= timedelta(seconds=NEAR_SECONDS), "seen at the next short look"
        assert after.start_time - before.ready_time == timedelta(seconds=wait_after), "to the second"


class _Log:
    """The log of one job, and how often it was read."""

    def __init__(self) -> None:
        self.items: tuple[LogItem, ...] = ()
        self.reads = 0

    async def read(self) -> tuple[LogItem, ...]:
        self.reads += 1
        return self.items

    def tell(self, event: str, number: int = 1) -> None:
        self.items += (LogItem(event, NOW, server_id(number), None),)


def test_a_log_is_read_once_a_poll_until_the_launch_is_all_that_is_left() -> None:
    logs, log, open_servers = JobLogs(), _Log(), frozenset({server_id(1)})
    pending, launched = job(1, {server_id(1): "PENDING"}), job(1, {server_id(1): "LAUNCHED"})

    def look(seconds: float, seen: Job = pending) -> tuple[LogItem, ...]:
        now = at(seconds)
        return asyncio.run(logs.get(PLACE, seen, open_servers, now, POLL, log.read))

    log.tell("CONVERSION_START")
    for seconds in (0, 0, 5, 10):
        assert [item.event for item in look(seconds)] == ["CONVERSION_START"]
    assert log.reads == 1, "the looks of one poll share it, and so do the rounds of one look"
    log.tell("CONVERSION_END")
    assert [item.event for item in look(15)] == ["CONVERSION_START", "CONVERSION_END"]
    assert log.reads == 2
    for seconds in (20, 60, 600):
        look(seconds)
    assert log.reads == 2, "what is left shows in the job"
    look(605, launched)
    assert log.reads == 3, "the job has changed"


def test_a_log_that_cannot_be_read_is_asked_for_again() -> None:
    logs, log = JobLogs(), _Log()

    async def fails() -> tuple[LogItem, ...]:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(logs.get(PLACE, job(1), frozenset({server_id(1)}), NOW, POLL, fails))
    asyncio.run(logs.get(PLACE, job(1), frozenset({server_id(1)}), NOW, POLL, log.read))
    assert log.reads == 1
