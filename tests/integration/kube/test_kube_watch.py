"""From the API server through kopf into the cache, also across outages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, TargetAccount
from drs_operator.handlers.watch import watch
from drs_operator.kube.client import connect
from drs_operator.kube.lister import list_kind
from drs_operator.runtime.cache import Cache
from drs_operator.runtime.resync import WATCHED, Resync
from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.kube.admin import Admin
from tests.integration.kube.wire import Wire, wire

PATIENCE_SECONDS = 60


class Watched:
    """A cache that the watch feeds, and a way to wait for what it shows."""

    def __init__(self, admin: Admin) -> None:
        self.cache = Cache()
        self.cache.on_change(lambda *_: self._changed.set())
        self._changed = asyncio.Event()
        self._admin = admin

    def groups(self) -> dict[str, str | None]:
        """Groups of the test's namespace as the cache has them: name and version."""
        found = self.cache.all(ProtectionGroup, self._admin.namespace)
        return {group.metadata.name: group.metadata.resource_version for group in found}

    async def until(self, reached: Callable[[], bool]) -> None:
        """Waits until the cache shows something."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not reached():
                await self._changed.wait()
                self._changed.clear()


@asynccontextmanager
async def watching(watched: Watched, namespaces: Sequence[str] = ()) -> AsyncIterator[None]:
    """Watches as the operator does, from the moment on when everything is being watched."""
    ready, stop = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(watch(watched.cache, WATCHED, namespaces, ready, stop))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ready.wait()
        yield
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task


@asynccontextmanager
async def resyncing(watched: Watched) -> AsyncIterator[None]:
    """Repairs as the operator does: only after an outage, since the test is shorter than the interval."""
    async with connect() as client:
        resync = Resync(watched.cache, lambda kind: list_kind(client, kind, ()))
        task = asyncio.create_task(resync.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def laid(control_plane: ControlPlane) -> AsyncIterator[Wire]:
    """The wire of this test."""
    async with wire(control_plane.url) as between:
        yield between


@pytest.fixture
def _through_the_wire(laid: Wire, operator_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(laid.kubeconfig(operator_config, tmp_path / "kubeconfig")))


pytestmark = pytest.mark.usefixtures("_through_the_wire")


async def test_what_is_there_what_comes_what_changes_and_what_goes(admin: Admin) -> None:
    admin.create(ProtectionGroup, "before")
    watched = Watched(admin)
    async with watching(watched):
        await watched.until(lambda: set(watched.groups()) == {"before"})
        account = admin.create(TargetAccount, "production").metadata.name
        for kind, name in ((ProtectionGroup, "db"), (RecoveryPlan, "plan"), (DRExecution, "drill")):
            admin.create(kind, name)
        await watched.until(lambda: watched.cache.get(DRExecution, admin.namespace, "drill") is not None)
        await watched.until(lambda: watched.cache.get(RecoveryPlan, admin.namespace, "plan") is not None)
        await watched.until(lambda: watched.cache.get(TargetAccount, None, account) is not None)
        await watched.until(lambda: set(watched.groups()) == {"before", "db"})

        admin.annotate(DRExecution, "drill", resume="2.1")

        def resumed() -> bool:
            drill = watched.cache.get(DRExecution, admin.namespace, "drill")
            return drill is not None and drill.metadata.annotations.get("drs-operator.io/resume") == "2.1"

        await watched.until(resumed)
        admin.delete(ProtectionGroup, "db")
        await watched.until(lambda: set(watched.groups()) == {"before"})


async def test_only_the_namespaces_that_are_asked_for(admin: Admin) -> None:
    account = admin.create(TargetAccount, "production").metadata.name
    admin.create(ProtectionGroup, "db")
    watched = Watched(admin)
    async with watching(watched, ["default"]):
        await watched.until(lambda: watched.cache.get(TargetAccount, None, account) is not None)
        admin.create(ProtectionGroup, "web")
        admin.annotate(TargetAccount, account, reconcile="1")

        def marked() -> bool:
            found = watched.cache.get(TargetAccount, None, account)
            return found is not None and "drs-operator.io/reconcile" in found.metadata.annotations

        await watched.until(marked)
        assert watched.groups() == {}


async def test_a_connection_that_is_cut_loses_nothing(admin: Admin, laid: Wire) -> None:
    for name in ("kept", "deleted"):
        admin.create(ProtectionGroup, name)
    watched = Watched(admin)
    async with watching(watched), resyncing(watched):
        await watched.until(lambda: set(watched.groups()) == {"kept", "deleted"})
        await laid.cut()
        admin.delete(ProtectionGroup, "deleted")
        admin.create(ProtectionGroup, "created")
        await laid.mend()
        await watched.until(lambda: set(watched.groups()) == {"kept", "created"})


async def test_what_is_deleted_while_the_api_server_restarts_is_found_out(
    admin: Admin, laid: Wire, control_plane: ControlPlane
) -> None:
    """A restarted API server makes kopf list anew, and that list says nothing of what was deleted."""
    for name in ("kept", "changed", "deleted-1", "deleted-2"):
        admin.create(ProtectionGroup, name)
    watched = Watched(admin)
    async with watching(watched), resyncing(watched):
        await watched.until(lambda: len(watched.groups()) == 4)
        old = watched.groups()["changed"]
        await laid.cut()
        control_plane.stop_apiserver(kill=True)
        control_plane.start_apiserver()
        for name in ("deleted-1", "deleted-2"):
            admin.delete(ProtectionGroup, name)
        admin.annotate(ProtectionGroup, "changed", reconcile="now")
        admin.create(ProtectionGroup, "created")
        await laid.mend()
        await watched.until(lambda: set(watched.groups()) == {"kept", "changed", "created"})
        await watched.until(lambda: watched.groups()["changed"] != old)
        admin.delete(ProtectionGroup, "kept")
        await watched.until(lambda: set(watched.groups()) == {"changed", "created"})
