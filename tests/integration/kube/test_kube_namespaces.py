"""Labels of namespaces from the API server through kopf, under the operator's own role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.handlers.watch import watch
from drs_operator.runtime.cache import Cache
from drs_operator.runtime.namespaces import Namespaces
from drs_operator.runtime.resync import WATCHED
from tests.integration.kube.admin import Admin

PATIENCE_SECONDS = 60
TENANT = "dr.example.com/tenant"


class Watched:
    """Labels and groups that the watch feeds, and a way to wait for what they show."""

    def __init__(self) -> None:
        self.cache, self.namespaces = Cache(), Namespaces()
        self.told: list[str] = []
        self._changed = asyncio.Event()
        self.cache.on_change(lambda *_: self._changed.set())
        self.namespaces.on_change(self._tell)

    def _tell(self, name: str) -> None:
        self.told.append(name)
        self._changed.set()

    def tenant(self, name: str) -> str | None:
        """The tenant of a namespace, if the watch has brought it."""
        return (self.namespaces.labels(name) or {}).get(TENANT)

    async def until(self, reached: Callable[[], bool]) -> None:
        """Waits until something is shown."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not reached():
                await self._changed.wait()
                self._changed.clear()


@asynccontextmanager
async def watching(watched: Watched, namespaces: Sequence[str] = ()) -> AsyncIterator[None]:
    """Watches as the operator does."""
    ready, stop = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(watch(watched.cache, WATCHED, namespaces, ready, stop, watched.namespaces))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ready.wait()
        yield
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task


@pytest.fixture(autouse=True)
def _operator(operator_config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(operator_config))


async def test_labels_come_change_and_go(admin: Admin) -> None:
    watched, name = Watched(), admin.namespace
    label = ("label", "namespace", name, "--overwrite")
    admin.control_plane.kubectl(*label, f"{TENANT}=payments")
    async with watching(watched):
        await watched.until(lambda: watched.tenant(name) == "payments")
        admin.control_plane.kubectl(*label, f"{TENANT}=web")
        await watched.until(lambda: watched.tenant(name) == "web")
        told = watched.told.count(name)
        admin.control_plane.kubectl("annotate", "namespace", name, "note=nothing")
        admin.control_plane.kubectl(*label, f"{TENANT}-")
        await watched.until(lambda: watched.tenant(name) is None)
        assert watched.told.count(name) == told + 1, "an annotation is nobody's concern"


async def test_who_looks_after_some_namespaces_only_does_not_watch_them(admin: Admin) -> None:
    """It may have no right to: labels are read then, and kept for a while."""
    watched = Watched()
    async with watching(watched, [admin.namespace]):
        admin.create(ProtectionGroup, "db")
        await watched.until(lambda: watched.cache.get(ProtectionGroup, admin.namespace, "db") is not None)
        assert watched.told == []
        assert watched.namespaces.labels(admin.namespace) is None
