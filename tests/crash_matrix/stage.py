"""A sandbox for worlds that come one after another, and an operator in it behind two proxies."""

from __future__ import annotations

import atexit
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import urllib3

from drs_sandbox.errors import SandboxError
from drs_sandbox.up import Sandbox
from tests.crash_matrix.gate import Gate
from tests.crash_matrix.points import Call, aws_call, kube_call
from tests.crash_matrix.proxy import Proxy, Tls
from tests.crash_matrix.world import World, world_file
from tests.e2e.harness import Kubectl, Operator, installed

SPEED = 200.0
SIGNATURE_SECONDS = 3.0
"""How long AWS takes a signature, by the wall clock."""
SETTLE_SECONDS = SIGNATURE_SECONDS + 2
"""The settle window: longer than a signature lives, as in a real installation."""
CAPACITY = 40
"""Worlds that a sandbox is good for: its books grow with each."""


class Stage:
    """One sandbox; `world()` gives its next world, None when all are used."""

    def __init__(self, folder: Path, capacity: int = CAPACITY) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._capacity, self._used = capacity, 0
        file = folder / "world.yaml"
        file.write_text(world_file(capacity))
        self.sandbox = Sandbox(
            folder / "sandbox", world=file, speed=SPEED, signature_ttl_seconds=SIGNATURE_SECONDS, audit_log=None
        )

    def __enter__(self) -> Self:
        self.sandbox.start()
        try:
            self.kubectl: Kubectl = installed(self.sandbox)
        except BaseException:
            self.sandbox.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def read(self, path: str) -> dict[str, Any] | None:
        """An object of the API server as its admin; None if it is not there or nobody answers."""
        try:
            return self.sandbox.control_plane.api.request("GET", path)
        except (SandboxError, urllib3.exceptions.HTTPError):
            return None

    def world(self) -> World | None:
        """A world that nobody has used."""
        if self._used == self._capacity:
            return None
        self._used += 1
        return World(self._used)


class Actor:
    """The operator of a world. It talks to the world through `gate`, which may kill it."""

    def __init__(self, stage: Stage, world: World, gate: Gate, source: Path | None = None, **settings: str) -> None:
        """`source`: a folder with another copy of the operator's package, which runs instead."""
        self.stage, self.world, self.gate = stage, world, gate
        self._processes = 0
        control_plane = stage.sandbox.control_plane
        keys = control_plane.authority.parent
        tls = Tls(keys / "server.crt", keys / "server.key", control_plane.authority)
        self._aws = Proxy(stage.sandbox.aws_endpoint, self._read_aws, gate)
        self._kube = Proxy(control_plane.url, self._read_kube, gate, tls)
        kubeconfig = stage.folder / f"{world.name}.kubeconfig"
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(stage.sandbox.operator_kubeconfig.read_text().replace(control_plane.url, self._kube.url))
        if source is not None:
            settings["PYTHONPATH"] = str(source)
        self._kubeconfig = kubeconfig
        self._settings = {
            "AWS_ENDPOINT_URL": self._aws.url,
            "DRS_OPERATOR_INSTALLATION": world.name,
            "DRS_OPERATOR_NAMESPACES": world.name,
            "DRS_OPERATOR_SETTLE_SECONDS": str(SETTLE_SECONDS),
            **settings,
        }
        self.operator = self.another()
        self.second: Operator | None = None
        self.starts = 0
        self.exits: list[int] = []
        gate.kill = self._kill

    def another(self) -> Operator:
        """A process of the same installation, not started yet."""
        self._processes += 1
        log = self.stage.folder / f"{self.world.name}-{self._processes}.log"
        return Operator(self.stage.sandbox, log, self._kubeconfig, **self._settings)

    @property
    def log(self) -> str:
        """What all of them have said so far."""
        return self.operator.log + (self.second.log if self.second is not None else "")

    def start(self) -> None:
        """Starts it."""
        _running.add(self)
        self.operator.start()
        self.starts += 1

    def keep_up(self) -> None:
        """Starts it again if it has ended, as Kubernetes would."""
        process = self.operator.process
        if process is not None and (code := process.poll()) is not None:
            self.exits.append(code)
            self.operator.kill()
            self.start()

    def end(self) -> None:
        """Ends the operator and its proxies, and lets the next operator see nothing of this world's account."""
        self.kill_all()
        self._aws.close()
        self._kube.close()
        kubectl, account = self.stage.kubectl, f"drta/{self.world.name}"
        unused = json.dumps({"metadata": {"finalizers": None}, "status": None})
        kubectl.run("patch", account, "--type=merge", "--subresource=status", "-p", unused)
        kubectl.run("patch", account, "--type=merge", "-p", unused)
        kubectl.run("delete", account, "--ignore-not-found", "--wait=false")

    def cut_watches(self) -> None:
        """Ends the operator's watches at the API server without a word."""
        self._kube.cut_watches()

    def kill_all(self) -> None:
        """Kills its processes, frozen or not."""
        _running.discard(self)
        for process in (self.operator, self.second):
            if process is not None:
                process.kill()

    def _kill(self) -> None:
        process = self.operator.process
        assert process is not None
        process.kill()

    def _read_aws(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Call:
        return aws_call(path, headers, body, self.world.plain)

    def _read_kube(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Call:
        return kube_call(method, path, body, self.world.plain)


_running: set[Actor] = set()


@atexit.register
def _end_all() -> None:
    """A matrix that is ended early leaves no operator behind."""
    for actor in tuple(_running):
        actor.kill_all()
