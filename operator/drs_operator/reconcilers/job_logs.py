"""Job logs as this process has read them last: a log is read again only where it can tell something new."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from drs_operator.planning.facts import Job, LogItem, Place

MOST_JOBS = 1000
"""Jobs whose logs are kept; of more, those that were read longest ago are read again."""
LAST_EVENTS = frozenset({"CONVERSION_END", "LAUNCH_START", "LAUNCH_END"})
"""After one of these a server's launch is all that is left, and that shows in the job itself."""


@dataclass(frozen=True, slots=True)
class _Kept:
    job: Job
    read_at: datetime
    items: tuple[LogItem, ...]


@dataclass(slots=True)
class JobLogs:
    """The rule: read when the job has changed since; also once a poll while a server has its conversion before it.

    Snapshot and conversion do not show in the job. What was read is told again, so that a look that could not be
    recorded is repeated with the same evidence. A restarted process reads each log once.
    """

    _kept: dict[tuple[Place, str], _Kept] = field(default_factory=dict)

    async def get(
        self,
        place: Place,
        job: Job,
        open_servers: frozenset[str],
        now: datetime,
        poll_seconds: float,
        read: Callable[[], Awaitable[tuple[LogItem, ...]]],
    ) -> tuple[LogItem, ...]:
        """The log of a job, whose `open_servers` have an open fate. Raises what `read` raises."""
        key = (place, job.job_id)
        kept = self._kept.get(key)
        if kept is not None and kept.job == job:
            young = (now - kept.read_at).total_seconds() < poll_seconds
            if young or not _early(open_servers, kept.items):
                return kept.items
        items = await read()
        self._kept.pop(key, None)
        self._kept[key] = _Kept(job, now, items)
        while len(self._kept) > MOST_JOBS:
            del self._kept[next(iter(self._kept))]
        return items


def _early(servers: frozenset[str], items: tuple[LogItem, ...]) -> bool:
    """Whether a server has its conversion still before it, as far as the log tells."""
    last = {item.server_id: item.event for item in items if item.server_id is not None}
    return any(last.get(server_id) not in LAST_EVENTS for server_id in servers)
