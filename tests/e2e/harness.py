"""The operator as a real process on the sandbox, and kubectl as a person uses it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drs_sandbox.up import Sandbox

ROOT = Path(__file__).resolve().parents[2]
REFRESH_SECONDS = 2.0
SETTINGS = {
    "DRS_OPERATOR_INSTALLATION": "e2e",
    "DRS_OPERATOR_POLL_SECONDS": "0.4",
    "DRS_OPERATOR_REFRESH_SECONDS": str(REFRESH_SECONDS),
    "DRS_OPERATOR_LEADER_ELECTION": "false",
    "DRS_OPERATOR_LEDGER_RENEW_SECONDS": "600",
    "DRS_OPERATOR_LOG_FORMAT": "text",
    "DRS_OPERATOR_LOG_LEVEL": "DEBUG",
}
COMMAND = Path(sys.executable).parent / "drs-operator"
PATIENCE_SECONDS = 90.0


def eventually(what: str, condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Waits until the condition gives something true, and returns that."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)
    return found


class Operator:
    """`drs-operator run` under its own role."""

    def __init__(self, sandbox: Sandbox, log: Path, kubeconfig: Path | None = None, /, **settings: str) -> None:
        self._sandbox = sandbox
        self._log = log
        self._kubeconfig = kubeconfig or sandbox.operator_kubeconfig
        self._settings = {**SETTINGS, **settings}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it; it is not awaited."""
        with self._log.open("ab") as output:
            self.process = subprocess.Popen([COMMAND, "run"], env=self._environment, stdout=output, stderr=output)

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Runs another command of the operator with its settings."""
        return subprocess.run(
            [COMMAND, *arguments], env=self._environment, input=stdin, capture_output=True, text=True, check=False
        )

    @property
    def _environment(self) -> dict[str, str]:
        return {**self._sandbox.environment, **self._settings, "KUBECONFIG": str(self._kubeconfig)}

    def kill(self) -> None:
        """SIGKILL: nothing is put in order."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self.process = None
        return code

    @property
    def log(self) -> str:
        """All that it has said so far."""
        return self._log.read_text() if self._log.exists() else ""

    @property
    def resident_megabytes(self) -> float:
        """Its resident memory."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


class Kubectl:
    """kubectl with the cluster admin's kubeconfig."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Whatever it answers."""
        return subprocess.run(
            ["kubectl", *arguments],
            env=self._sandbox.environment,
            cwd=ROOT,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Its output; a failure fails the test."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def apply(self, *objects: dict[str, Any]) -> None:
        """Applies objects."""
        self("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
        """An object."""
        where = ("-n", namespace) if namespace else ()
        return dict(json.loads(self("get", kind, name, *where, "-o", "json")))

    def status(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
        """An object's status."""
        return dict(self.get(kind, name, namespace).get("status", {}))

    def condition(self, kind: str, name: str, namespace: str | None, type: str) -> dict[str, Any]:
        """A condition; empty if it is not there."""
        conditions = self.status(kind, name, namespace).get("conditions", [])
        return next((dict(c) for c in conditions if c["type"] == type), {})

    def await_policies(self) -> None:
        """Returns when the policies of manifests/install count: a moment later, and up to 10 s after the CRDs."""
        probe = json.dumps(execution("default", "probe", "none"))

        def stamped() -> bool:
            done = self.run("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=probe)
            return "drs-operator.io/requested-by" in done.stdout

        eventually("new executions are stamped", stamped)

    def events(self, namespace: str, name: str) -> list[dict[str, Any]]:
        """Events about an object of this name."""
        found = json.loads(self("get", "events", "-n", namespace, "-o", "json"))["items"]
        return [event for event in found if event["involvedObject"]["name"] == name]


def installed(sandbox: Sandbox) -> Kubectl:
    """The operator's types, roles, policies and tables in a sandbox that has just started; returns its kubectl."""
    kubectl = Kubectl(sandbox)
    kubectl("apply", "--server-side", "-f", "crds/")
    kubectl("apply", "-k", "manifests/install")
    subprocess.run([COMMAND, "init-ledger"], env=sandbox.environment, check=True, capture_output=True)
    eventually("the operator's kubeconfig", sandbox.operator_kubeconfig.exists)
    kubectl.await_policies()
    return kubectl


def account(name: str, account_id: str, external_id: str, regions: list[str]) -> dict[str, Any]:
    """A TargetAccount for every namespace."""
    return {
        "apiVersion": "drs-operator.io/v1alpha1",
        "kind": "TargetAccount",
        "metadata": {"name": name},
        "spec": {
            "accountId": account_id,
            "assumeRoleName": "DRSOrchestrationRole",
            "externalId": external_id,
            "regions": regions,
            "allowedNamespaces": {"from": "All"},
        },
    }


def group(namespace: str, name: str, tier: str, account_name: str = "production") -> dict[str, Any]:
    """A ProtectionGroup of the servers that a tier has in this namespace."""
    return {
        "apiVersion": "drs-operator.io/v1alpha1",
        "kind": "ProtectionGroup",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "targetAccountRef": {"name": account_name},
            "region": "us-east-1",
            "serverSelectionMode": "tags",
            "serverSelectionTags": {"Tier": tier, "Namespace": namespace},
        },
    }


def plan(namespace: str, name: str, *groups: str, **of_last_wave: Any) -> dict[str, Any]:
    """A RecoveryPlan with a wave for each group."""
    waves: list[dict[str, Any]] = [
        {"waveNumber": number, "name": f"wave {number}", "protectionGroupRef": {"name": group_name}}
        for number, group_name in enumerate(groups, start=1)
    ]
    waves[-1].update(of_last_wave)
    return {
        "apiVersion": "drs-operator.io/v1alpha1",
        "kind": "RecoveryPlan",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"waves": waves},
    }


def execution(namespace: str, name: str, plan_name: str, type: str = "DRILL", **spec: Any) -> dict[str, Any]:
    """A DRExecution."""
    asked: dict[str, Any] = {"recoveryPlanRef": {"name": plan_name}, "executionType": type, **spec}
    if type == "RECOVERY":
        asked = {"reason": "test", "recoveryPoint": {"policy": "ExistingLatest"}, **asked}
    return {
        "apiVersion": "drs-operator.io/v1alpha1",
        "kind": "DRExecution",
        "metadata": {"name": name, "namespace": namespace},
        "spec": asked,
    }
