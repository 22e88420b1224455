"""The API server's own type check of the policies finds no fault, and it is shown to look.

kube-controller-manager checks a policy once, when it is stored, and passes over types that it does not know yet: it
learns of new CRDs every 30 seconds. So what is checked here are copies, stored once it is seen to find a misspelt field.
"""

from __future__ import annotations

import itertools
import json

import pytest

from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.admission.test_admission_installed import Document, written
from tests.integration.sandbox.waiting import until

POLICIES = [d for d in written() if d["kind"] == "ValidatingAdmissionPolicy"]
MISSPELT = json.loads(
    json.dumps(next(p for p in POLICIES if p["metadata"]["name"].startswith("recoveryplan-deletion"))).replace(
        "activeExecutions", "activeExecution"
    )
)
_numbers = itertools.count(1)


def _warnings(server: ControlPlane, policy: Document) -> str:
    """What the type check says of a copy of the policy, which is bound to nothing."""
    name = f"type-check-{next(_numbers)}"
    copy = {**policy, "metadata": {"name": name}}
    server.kubectl("create", "-f", "-", stdin=json.dumps(copy))

    def status() -> Document:
        stored: Document = json.loads(server.kubectl("get", "validatingadmissionpolicy", name, "-o", "json").stdout)
        return stored.get("status", {})

    until(lambda: "observedGeneration" in status(), f"{policy['metadata']['name']} is checked", seconds=20)
    found = json.dumps(status()["typeChecking"])
    server.kubectl("delete", "validatingadmissionpolicy", name)
    return found


@pytest.fixture(scope="module", autouse=True)
def _looking(server: ControlPlane) -> None:
    until(lambda: "undefined field 'activeExecution'" in _warnings(server, MISSPELT), "the type check looks")


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy["metadata"]["name"])
def test_no_expression_has_a_fault(server: ControlPlane, policy: Document) -> None:
    assert _warnings(server, policy) == "{}"
