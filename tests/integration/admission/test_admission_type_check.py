"""The API server's type check finds no fault with any expression of the policies, and it is shown to look at each.

It reads validations only, so every other expression (of variables, match conditions, messages) is checked as the
validation of a copy that is bound to nothing.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest

from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.admission.test_admission_installed import Document, written
from tests.integration.sandbox.waiting import until

POLICIES = [d for d in written() if d["kind"] == "ValidatingAdmissionPolicy"]
_numbers = itertools.count(1)


def _expressions(spec: Document) -> Iterator[str]:
    for validation in spec["validations"]:
        yield validation["expression"]
        if "messageExpression" in validation:
            yield validation["messageExpression"]
    for other in (*spec.get("variables", []), *spec.get("matchConditions", [])):
        yield other["expression"]


def _faults(server: ControlPlane, policy: Document) -> str:
    name = f"type-check-{next(_numbers)}"
    validations = [{"expression": f"[{expression}].size() == 1"} for expression in _expressions(policy["spec"])]
    copy = {**policy, "metadata": {"name": name}, "spec": {**policy["spec"], "validations": validations}}
    server.kubectl("create", "-f", "-", stdin=json.dumps(copy))

    def status() -> Document:
        stored: Document = json.loads(server.kubectl("get", "validatingadmissionpolicy", name, "-o", "json").stdout)
        found: Document = stored.get("status", {})
        return found

    until(lambda: "observedGeneration" in status(), f"{policy['metadata']['name']} is checked", seconds=20)
    found = json.dumps(status()["typeChecking"])
    server.kubectl("delete", "validatingadmissionpolicy", name)
    return found


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy["metadata"]["name"])
def test_no_expression_has_a_fault(server: ControlPlane, policy: Document) -> None:
    assert _faults(server, policy) == "{}"


@pytest.mark.parametrize(
    ("policy", "right", "wrong"),
    [
        ("recoveryplan-deletion", "activeExecutions", "activeExecution"),
        ("recoveryplan-deletion", "run.name", "run.names"),
        ("protectiongroup-deletion", "usedByPlans", "usedBy"),
        ("targetaccount-deletion", "usedByCount", "protectionGroups"),
        ("drexecution-deletion", "finishTime", "finished"),
        ("drexecution-verbs", "liveRecoveryInstances", "liveInstances"),
        ("drschedule-verbs", "executionTemplate.spec", "executionTemplate.specs"),
        ("protectiongroup-edit", "object.spec", "object.specs"),
        ("drexecution-commands", "metadata.?annotations", "metadata.?annotation"),
    ],
)
def test_a_misspelt_field_would_be_found(server: ControlPlane, policy: str, right: str, wrong: str) -> None:
    named = next(p for p in POLICIES if p["metadata"]["name"] == f"{policy}.drs-operator.io")
    text = json.dumps(named)
    assert right in text
    assert f"undefined field '{wrong.rpartition('.')[2].lstrip('?')}'" in _faults(
        server, json.loads(text.replace(right, wrong))
    )
