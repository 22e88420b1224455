"""The operator's client under its own role, and a namespace for each test."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from drs_operator.kube.client import KubeClient, connect
from drs_operator.kube.cluster import KubeCluster
from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.kube.admin import Admin


@pytest.fixture
def admin(control_plane: ControlPlane) -> Iterator[Admin]:
    """Somebody who may do everything, in a namespace of this test, which goes afterwards."""
    someone = Admin(control_plane, f"t-{uuid.uuid4().hex[:8]}")
    someone.create_namespace()
    yield someone
    someone.clear()


@pytest.fixture
async def client(operator_config: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KubeClient]:
    """The operator's client."""
    monkeypatch.setenv("KUBECONFIG", str(operator_config))
    async with connect() as connected:
        yield connected


@pytest.fixture
def cluster(client: KubeClient) -> KubeCluster:
    """The port's adapter under the operator's role."""
    return KubeCluster(client, "operator-1")
