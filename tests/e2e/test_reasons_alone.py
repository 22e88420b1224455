"""Reasons that need a world of their own, or a moment in which nobody looks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import urllib3

from drs_sandbox.kube.control_plane import ControlPlane
from drs_sandbox.up import Sandbox
from tests.e2e.harness import Kubectl, Operator, eventually, execution, group


def test_dynamodb_error_is_told_and_heals_by_itself(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")  # the operator leads
    sandbox.control.add_faults(
        "faults: [{operation: UpdateItem, effect: error, code: AccessDeniedException}]", "the policy was edited"
    )
    try:
        kubectl.apply(group(namespace, "refused", "live"))

        def refused() -> dict[str, Any]:
            found = kubectl.condition("drpg", "refused", namespace, "LedgerSynced")
            return found if found.get("reason") == "DynamodbError" else {}

        condition = eventually("DynamodbError", refused)
        assert condition["status"] == "False"
        assert "UpdateItem on the ledger" in condition["message"]
        assert "check the operator's IAM policy" in condition["message"]
        ready = kubectl.condition("drpg", "refused", namespace, "Ready")
        assert ready["status"] != "True", "what is not claimed is not protected"
    finally:
        sandbox.control.clear_faults()
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drpg/refused", "--timeout=90s")


def test_what_comes_together_with_a_cancel_is_superseded(kubectl: Kubectl, operator: Operator, namespace: str) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")
    kubectl.apply(execution(namespace, "torn", "two"))
    eventually("a hold", lambda: kubectl.status("drx", "torn", namespace).get("holds"))
    operator.kill()
    kubectl("annotate", "-n", namespace, "drx/torn", "drs-operator.io/resume=true")
    kubectl("annotate", "-n", namespace, "drx/torn", "drs-operator.io/cancel=now")
    operator.start()
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/torn", "--timeout=90s")
    status = kubectl.status("drx", "torn", namespace)
    answers = {request["type"]: (request["outcome"], request.get("code")) for request in status["requests"]}
    assert answers == {"cancel": ("Accepted", None), "resume": ("Refused", "SUPERSEDED")}
    assert status["phase"] == "Cancelled"


def test_not_found_names_the_types_that_are_missing(sandbox: Sandbox, tmp_path: Path) -> None:
    with ControlPlane(tmp_path / "bare", controllers=False) as bare:
        lost = Operator(sandbox, tmp_path / "lost.log", bare.kubeconfig)
        lost.start()
        try:
            eventually("it says what it waits for", lambda: "CRDs missing" in lost.log)
            port = re.findall(r"serving metrics and health.*port=(\d+)", lost.log)[-1]
            answer = urllib3.request("GET", f"http://127.0.0.1:{port}/readyz", retries=False, timeout=5.0)
        finally:
            lost.kill()
    assert answer.status == 503
    assert "kubectl apply --server-side -f crds/" in answer.data.decode()
