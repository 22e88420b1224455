"""One world for all end-to-end tests, a namespace for each."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from drs_sandbox.up import Sandbox
from tests.e2e.crew import Crew
from tests.e2e.harness import Kubectl, Operator, account, eventually, group, installed, plan
from tests.e2e.world import world as world_text

SPEED = 200.0


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The whole sandbox with the operator's types, role and tables."""
    folder = tmp_path_factory.mktemp("e2e")
    world = folder / "world.yaml"
    world.write_text(world_text())
    with Sandbox(folder / "sandbox", world=world, speed=SPEED, audit_log=folder / "audit.jsonl") as running:
        kubectl = installed(running)
        probe = json.dumps(group("default", "probe", "database"))
        eventually(  # right after the install they answer that they do not know our kinds
            "the admission policies know our kinds",
            lambda: kubectl.run("create", "--dry-run=server", "-f", "-", stdin=probe).returncode == 0,
        )
        kubectl.apply(account("production", "123456789012", "unique-external-id-123", ["us-east-1", "eu-west-1"]))
        yield running


@pytest.fixture(scope="session")
def kubectl(sandbox: Sandbox) -> Kubectl:
    """kubectl on the world."""
    return Kubectl(sandbox)


@pytest.fixture
def operator(sandbox: Sandbox, tmp_path: Path) -> Iterator[Operator]:
    """A running operator, ended with the test."""
    running = Operator(sandbox, tmp_path / "operator.log")
    running.start()
    yield running
    running.kill()
    for line in running.log.splitlines():
        assert "a defect in a reconciler" not in line, running.log


@pytest.fixture
def crew(sandbox: Sandbox, tmp_path: Path, namespace: str) -> Iterator[Crew]:
    """Operators for the test's namespace alone."""
    together = Crew(sandbox, tmp_path, DRS_OPERATOR_NAMESPACES=namespace)
    yield together
    together.dismiss()


_numbers = itertools.count(1)


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A namespace of its own, with a group for each tier and a plan `three` over them."""
    name = f"dr-{next(_numbers)}"
    kubectl("create", "namespace", name)
    kubectl.apply(
        group(name, "db", "database"),
        group(name, "app", "application"),
        group(name, "web", "web"),
        plan(name, "three", "db", "app", "web"),
        plan(name, "two", "db", "app", pauseBeforeWave=True),
    )
    yield name
    # A run that is held stays held when its namespace goes: a deletion is no command.
    kubectl.run("annotate", "drx", "--all", "-n", name, "--overwrite", "drs-operator.io/cancel=the-test-is-over")
    # Nobody waits for it: the servers are this namespace's own, and the next operator lets go of them.
    kubectl.run("delete", "namespace", name, "--wait=false")
