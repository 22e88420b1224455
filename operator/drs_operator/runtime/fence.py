"""The fence around a leader: once its lease may have ended, nothing of it writes any more, however late it wakes up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from drs_operator.kube.client import KubeClient
from drs_operator.ledger.store import Store
from drs_operator.ports import Fenced

T = TypeVar("T")

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def uptime() -> float:
    """Seconds that never go back and, where the system can tell, count on while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


class Fence:
    """Until when this process may write. Open for ever where leaders are not elected."""

    def __init__(self, until: float = math.inf) -> None:
        self.until = until

    def close(self) -> None:
        """Nothing is written from now on."""
        self.until = -math.inf

    def check(self) -> None:
        """Raises Fenced when the lease may have ended."""
        if uptime() >= self.until:
            raise Fenced("this process does not lead any more, or could not renew its Lease in time")


class FencedStore(Store):
    """The ledger for a leader's work; asks right before each call, in its thread."""

    def __init__(self, prefix: str, region: str | None, fence: Fence) -> None:
        super().__init__(prefix, region)
        self._fence = fence

    async def call(self, operation: Callable[[], T]) -> T:
        """As Store. Raises Fenced, too."""

        def fenced() -> T:
            self._fence.check()
            return operation()

        return await super().call(fenced)


class FencedClient(KubeClient):
    """The API server for a leader's work: reads go through, writes ask the fence."""

    def __init__(self, inner: KubeClient, fence: Fence) -> None:
        self._inner = inner
        self._fence = fence

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        check: Callable[[], None] = lambda: None,
    ) -> dict[str, Any] | None:
        """As KubeClient. Raises Fenced, too."""
        if method != "GET":
            check = self._fence.check
        return await self._inner.request(method, path, body, query, content_type, check)
