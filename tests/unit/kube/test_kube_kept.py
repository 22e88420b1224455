"""What is read of Secrets and namespaces: once for all who ask, for a while, and read anew when it has to be."""

from __future__ import annotations

import asyncio
import base64
import gc
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

import pytest

from drs_operator.kube.client import KubeClient
from drs_operator.kube.cluster import KubeCluster
from drs_operator.kube.kept import Kept
from drs_operator.ports import AccessDenied, ReadFailed

LONG = 3600.0
SECRET = ("drs-system", "ids", "production")


class ApiServer:
    """Secrets and namespaces behind paths, and how often each path was asked for."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.failure: ReadFailed | None = None
        self.asked: Counter[str] = Counter()

    def secret(self, value: str) -> None:
        """The external id in the Secret of these tests."""
        data = {"production": base64.b64encode(value.encode()).decode()}
        self.objects["/api/v1/namespaces/drs-system/secrets/ids"] = {"data": data}

    def namespace(self, name: str, **labels: str) -> None:
        """A namespace."""
        self.objects[f"/api/v1/namespaces/{name}"] = {"metadata": {"name": name, "labels": labels}}

    async def request(self, method: str, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        """What a GET answers."""
        self.asked[path] += 1
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        return self.objects.get(path)

    def cluster(self, keep_seconds: float = LONG, **watched: dict[str, str]) -> KubeCluster:
        """The adapter on it, and what its watch has brought."""
        return KubeCluster(cast(KubeClient, self), "operator-1", keep_seconds, watched.get)


async def test_a_secret_is_read_once_for_all_who_ask() -> None:
    server = ApiServer()
    server.secret("one")
    cluster = server.cluster()
    values = await asyncio.gather(*(cluster.secret_value(*SECRET) for _ in range(100)))
    assert set(values) == {"one"}
    assert await cluster.secret_value(*SECRET) == "one"
    assert server.asked.total() == 1


async def test_a_fresh_value_is_read_now_and_serves_everybody_from_then_on() -> None:
    server = ApiServer()
    server.secret("one")
    cluster = server.cluster()
    await cluster.secret_value(*SECRET)
    server.secret("two")
    assert await cluster.secret_value(*SECRET) == "one"
    assert await cluster.secret_value(*SECRET, fresh=True) == "two"
    assert await cluster.secret_value(*SECRET) == "two"
    assert server.asked.total() == 2


async def test_a_secret_is_not_kept_longer_than_it_is_told() -> None:
    """Forgotten by itself, whether somebody asks for it again or not."""
    server = ApiServer()
    server.secret("a-private-external-id")
    cluster = server.cluster(keep_seconds=0.01)
    await cluster.secret_value(*SECRET)
    async with asyncio.timeout(10):
        while cluster._secrets._answers:  # noqa: ASYNC110 - a timer of the loop
            await asyncio.sleep(0.01)
    gc.collect()
    server.secret("the next one")
    assert await cluster.secret_value(*SECRET) == "the next one"


async def test_a_secret_that_is_missing_is_an_answer() -> None:
    server = ApiServer()
    cluster = server.cluster()
    assert [await cluster.secret_value(*SECRET) for _ in range(5)] == [None] * 5
    assert server.asked.total() == 1


async def test_a_refused_permission_is_an_answer_and_an_outage_is_none() -> None:
    server = ApiServer()
    cluster = server.cluster()
    server.failure = ReadFailed("INTERNAL_ERROR", "the API server does not answer")
    for _ in range(3):
        with pytest.raises(ReadFailed):
            await cluster.secret_value(*SECRET)
    assert server.asked.total() == 3
    server.failure = AccessDenied("INTERNAL_ERROR", "HTTP 403")
    for _ in range(3):
        with pytest.raises(AccessDenied):
            await cluster.secret_value(*SECRET)
    assert server.asked.total() == 4
    server.failure = None
    server.secret("one")
    assert await cluster.secret_value(*SECRET, fresh=True) == "one"


async def test_labels_that_the_watch_has_brought_are_not_read() -> None:
    server = ApiServer()
    cluster = server.cluster(dr={"tenant": "payments"})
    assert await cluster.namespace_labels("dr") == {"tenant": "payments"}
    assert server.asked.total() == 0


async def test_labels_are_read_where_no_watch_brings_them_and_kept_for_a_while() -> None:
    server = ApiServer()
    server.namespace("dr", tenant="payments")
    cluster = server.cluster()
    for _ in range(10):
        assert await cluster.namespace_labels("dr") == {"tenant": "payments"}
        assert await cluster.namespace_labels("gone") == {}
    assert server.asked == {"/api/v1/namespaces/dr": 1, "/api/v1/namespaces/gone": 1}


async def test_before_a_launch_labels_are_read_whatever_the_watch_says() -> None:
    server = ApiServer()
    server.namespace("dr", tenant="web")
    cluster = server.cluster(dr={"tenant": "payments"})
    assert await cluster.namespace_labels("dr", fresh=True) == {"tenant": "web"}


async def test_a_slow_answer_does_not_come_back_after_a_fresh_one() -> None:
    kept, gate = Kept[str, int](LONG), asyncio.Event()

    async def slow() -> int:
        await gate.wait()
        return 1

    async def quick() -> int:
        return 2

    first = asyncio.ensure_future(kept.get("key", slow))
    await asyncio.sleep(0)
    assert await kept.get("key", quick, fresh=True) == 2
    gate.set()
    assert await first == 1
    assert await kept.get("key", quick) == 2


async def test_an_asker_that_goes_away_does_not_end_the_read_of_the_others() -> None:
    kept, gate = Kept[str, int](LONG), asyncio.Event()

    async def read() -> int:
        await gate.wait()
        return 1

    leaving, staying = (asyncio.ensure_future(kept.get("key", read)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert await staying == 1
