"""Clients for changes that are made in one attempt and may be made again: kept for a while, unlike those for launches.

A client costs some 50 ms and 1 MB to make, so that hundreds of changes must not each make one. Its credentials are
fixed; when AWS calls them expired, nothing was done, and the call is made once more with new ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from drs_operator.aws import errors
from drs_operator.aws.sessions import Identity, Sessions, identity_of, mutating
from drs_operator.ports import Access

T = TypeVar("T")
Key = tuple[Identity, str, str]

READ_TIMEOUT_SECONDS = 20.0
IDLE_SECONDS = 60.0
OLDEST_SECONDS = 900.0
"""Credentials are renewed by a new client long before they expire."""


@dataclass(slots=True)
class _Kept:
    client: Any
    made: float
    used: float


class Writers:
    """Clients of one attempt by account, role, service and Region. Thread-safe."""

    def __init__(self, sessions: Sessions, read_timeout_seconds: float = READ_TIMEOUT_SECONDS) -> None:
        self._sessions = sessions
        self._config = mutating(read_timeout_seconds)
        self._lock = threading.Lock()
        self._kept: dict[Key, _Kept] = {}

    async def run(self, access: Access, region: str, service: str, call: Callable[[Any], T]) -> T:
        """Makes a change on one of the place's threads. Raises ReadFailed; whether it was done may be open then."""

        def once() -> T:
            key = (identity_of(access), service, region)
            client = self._client(key, access)
            try:
                return call(client)
            except ClientError as error:
                if errors.code_of(error) in errors.EXPIRED:
                    self._drop(key, client)
                raise

        return await self._sessions.run(access, region, once)

    def _client(self, key: Key, access: Access) -> Any:
        now = time.monotonic()
        with self._lock:
            for other, kept in list(self._kept.items()):
                if now - kept.used > IDLE_SECONDS or now - kept.made > OLDEST_SECONDS:
                    del self._kept[other]  # a call that is under way keeps its client
            if (kept_one := self._kept.get(key)) is not None:
                kept_one.used = now
                return kept_one.client
        _, service, region = key
        client = self._sessions.client_for_one_call(access, service, region, self._config)
        with self._lock:
            return self._kept.setdefault(key, _Kept(client, now, now)).client

    def _drop(self, key: Key, client: Any) -> None:
        with self._lock:
            if (kept := self._kept.get(key)) is not None and kept.client is client:
                del self._kept[key]
