"""What is known of the launch settings of servers: from the ledger, and from the last look at AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from drs_operator.planning.facts import Failure, Place
from drs_operator.planning.launch_settings import Actual, SettingsRecord, Wanted
from drs_operator.ports import Clock, SettingsStore

Key = tuple[Place, str]
FIRST_RETRY = timedelta(seconds=15)
LAST_RETRY = timedelta(minutes=15)
FIRST_PAUSE = timedelta(seconds=2)
LAST_PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A write that failed: it is tried again when its time has come, or when something else is wanted."""

    failure: Failure
    settings: str
    """`Wanted.version` of what was to be written."""
    pause: timedelta
    due: datetime


@dataclass(frozen=True, slots=True)
class Pause:
    """A place where nothing is read or written for a moment: AWS asks to slow down, or refuses the role."""

    failure: Failure
    length: timedelta
    due: datetime


class SettingsBook:
    """Records by place and server. The ledger's is the truth; what was seen on AWS saves reads only."""

    def __init__(self, store: SettingsStore, clock: Clock, installation: str) -> None:
        self._store = store
        self._clock = clock
        self._installation = installation
        self._records: dict[Key, SettingsRecord] = {}
        self._seen: dict[Key, Actual] = {}
        self._troubles: dict[Key, Trouble] = {}
        self._pauses: dict[Place, Pause] = {}

    async def load(self) -> None:
        """Reads all records. Raises ReadFailed."""
        found = await self._store.settings_records(self._installation)
        self._records = {(record.place, record.server_id): record for record in found}

    def record(self, place: Place, server_id: str) -> SettingsRecord | None:
        """What the ledger remembers."""
        return self._records.get((place, server_id))

    async def keep(self, record: SettingsRecord) -> None:
        """Writes a record, unless it stands so already. Raises ReadFailed."""
        key = (record.place, record.server_id)
        if self._records.get(key) != record:
            await self._store.save_settings(record)
            self._records[key] = record

    def version(self, place: Place, server_id: str) -> str | None:
        """What names the settings that a launch would use, as far as they are managed: see `SettingsRecord.version`."""
        record = self.record(place, server_id)
        return record.version if record is not None else None

    def seen(self, place: Place, server_id: str, default_versions: Mapping[str, int]) -> Actual | None:
        """The settings as they were read last, if the template's default version has not moved since."""
        actual = self._seen.get((place, server_id))
        if actual is None or default_versions.get(actual.template_id) != actual.default_version:
            return None
        return actual

    def saw(self, place: Place, server_id: str, actual: Actual) -> None:
        """Remembers a read."""
        self._seen[(place, server_id)] = actual

    def trouble(self, place: Place, server_id: str, wanted: Wanted) -> Failure | None:
        """Why this is not written now: it has failed lately."""
        trouble = self._troubles.get((place, server_id))
        if trouble is None or trouble.settings != wanted.version or self._clock.now() >= trouble.due:
            return None
        return trouble.failure

    def failed(self, place: Place, server_id: str, wanted: Wanted, failure: Failure) -> timedelta:
        """Remembers a failure: each pause is twice the last. Returns the pause until it is tried again."""
        before = self._troubles.get((place, server_id))
        again = before is not None and before.settings == wanted.version
        pause = min(LAST_RETRY, before.pause * 2) if before is not None and again else FIRST_RETRY
        self._troubles[(place, server_id)] = Trouble(failure, wanted.version, pause, self._clock.now() + pause)
        return pause

    def succeeded(self, place: Place, server_id: str) -> None:
        """Forgets failures."""
        self._troubles.pop((place, server_id), None)

    def pause(self, place: Place) -> Failure | None:
        """Why nothing is done in a place now."""
        pause = self._pauses.get(place)
        return pause.failure if pause is not None and self._clock.now() < pause.due else None

    def pause_seconds(self, place: Place) -> float:
        """How long nothing is done in a place."""
        pause = self._pauses.get(place)
        return max(0.0, (pause.due - self._clock.now()).total_seconds()) if pause is not None else 0.0

    def slow_down(self, place: Place, failure: Failure) -> None:
        """Begins a pause for all groups of a place, twice as long as the last; one that has begun is enough."""
        if self.pause(place) is None:
            before = self._pauses.get(place)
            length = min(LAST_PAUSE, before.length * 2) if before is not None else FIRST_PAUSE
            self._pauses[place] = Pause(failure, length, self._clock.now() + length)

    def speed_up(self, place: Place) -> None:
        """All is well again."""
        self._pauses.pop(place, None)
