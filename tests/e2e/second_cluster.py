"""A cluster beside the sandbox's own, on the same AWS and the same ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from drs_sandbox.kube.control_plane import ControlPlane
from drs_sandbox.kube.operator_access import operator_kubeconfig
from tests.e2e.harness import ROOT, eventually


class Cluster:
    """A second cluster on the same AWS and ledger, set up like the first."""

    def __init__(self, folder: Path) -> None:
        self.control_plane = ControlPlane(folder / "second", audit_log=folder / "second-audit.jsonl")
        self.control_plane.start()
        self.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
        self.kubectl("apply", "-k", str(ROOT / "manifests" / "install"))
        self.kubeconfig = operator_kubeconfig(self.control_plane, folder / "second-operator")

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """kubectl as its admin."""
        return self.control_plane.kubectl(*arguments, stdin=stdin).stdout

    def apply(self, *objects: dict[str, Any]) -> None:
        """Applies objects, as soon as the admission policies know their kinds: right after the install they do not."""
        document = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})

        def applied() -> bool:
            done = self.control_plane.kubectl("apply", "-f", "-", stdin=document, check=False)
            if done.returncode and "ServiceUnavailable" not in done.stderr:
                raise AssertionError(done.stderr)
            return done.returncode == 0

        eventually("objects are admitted", applied)

    def get(self, kind: str, name: str, namespace: str | None) -> dict[str, Any]:
        """An object."""
        where = ("-n", namespace) if namespace else ()
        return dict(json.loads(self.kubectl("get", kind, name, *where, "-o", "json")))

    def ready(self, kind: str, name: str, namespace: str | None) -> tuple[str, str] | None:
        """Status and reason of Ready."""
        conditions = self.get(kind, name, namespace).get("status", {}).get("conditions", [])
        return next(((c["status"], c["reason"]) for c in conditions if c["type"] == "Ready"), None)
