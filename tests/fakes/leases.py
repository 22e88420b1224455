"""Leases of an API server in memory: versions, conflicts, merge patches, and a server that hangs or does not answer."""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from drs_operator.kube.client import KubeClient
from drs_operator.ports import LostRace, ReadFailed

Raw = dict[str, Any]
_yield = asyncio.sleep  # as it is now: tests put another one in its place


class FakeLeases(KubeClient):
    """As far as the elector and the memory of the ledger use an API server."""

    def __init__(self) -> None:
        self._versions = itertools.count(1)
        self.objects: dict[str, Raw] = {}
        self.requests = 0
        self.writes = 0
        self.failure: ReadFailed | None = None
        """Every request fails with this while it is set."""
        self.hangs = False
        """No request is answered while this is set."""
        self.namespace_exists = True

    def spec(self, name: str) -> Raw:
        """A Lease's spec."""
        return dict(self.objects[name]["spec"])

    def annotations(self, name: str) -> dict[str, str]:
        """A Lease's annotations."""
        return dict(self.objects[name]["metadata"]["annotations"])

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        check: Callable[[], None] = lambda: None,
    ) -> Raw | None:
        """One request; None for 404."""
        check()
        self.requests += 1
        if self.hangs:
            await asyncio.Event().wait()
        await _yield(0)
        if self.failure is not None:
            raise self.failure
        if method == "POST":
            return self._create(copy.deepcopy(body))
        name = path.rsplit("/", 1)[1]
        if name not in self.objects:
            return None
        if method == "PUT":
            if body["metadata"]["resourceVersion"] != self.objects[name]["metadata"]["resourceVersion"]:
                raise LostRace(f"PUT {path}: the object has changed meanwhile")
            self._store(copy.deepcopy(body))
        elif method == "PATCH":
            now = copy.deepcopy(self.objects[name])
            merged = {**now["metadata"]["annotations"], **body["metadata"]["annotations"]}
            now["metadata"]["annotations"] = {key: value for key, value in merged.items() if value is not None}
            self._store(now)
        return copy.deepcopy(self.objects[name])

    def _create(self, raw: Raw) -> Raw | None:
        if not self.namespace_exists:
            return None
        if raw["metadata"]["name"] in self.objects:
            raise LostRace("POST: the object has changed meanwhile")
        raw["metadata"].setdefault("annotations", {})
        self._store(raw)
        return copy.deepcopy(raw)

    def _store(self, raw: Raw) -> None:
        raw["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[raw["metadata"]["name"]] = raw
        self.writes += 1
