"""One API server for these tests, with everything installed and no operator: the policies have to hold without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.admission import world
from tests.integration.admission.people import Person
from tests.integration.sandbox.waiting import until

ROOT = Path(__file__).parents[3]
INSTALL = ROOT / "manifests" / "install"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The API server, its users and objects; every policy is enforced."""
    with ControlPlane(tmp_path_factory.mktemp("admission")) as running:
        documents = json.dumps({"apiVersion": "v1", "kind": "List", "items": world.crds()})
        running.kubectl("create", "-f", "-", stdin=documents)
        running.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
        running.kubectl("apply", "-k", str(INSTALL))
        world.populate(running)
        for policy, enforced in world.probes(running).items():
            until(enforced, f"policy {policy} is enforced", seconds=20)
        until(lambda: world.stamping(running) == (True, True), "requests are stamped", seconds=20)
        yield running


@pytest.fixture
def admin(server: ControlPlane) -> Person:
    """Somebody who may do everything."""
    return Person(server)
