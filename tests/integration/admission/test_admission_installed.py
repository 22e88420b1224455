"""What is installed is what the kustomization has, and all of it is bound and enforced."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.admission.conftest import INSTALL
from tests.integration.admission.world import probes

Document = dict[str, Any]
KINDS = [
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
]
WARNINGS = {"protectiongroup-edit.drs-operator.io", "recoveryplan-edit.drs-operator.io"}


def documents(text: str) -> list[Document]:
    return [document for document in yaml.safe_load_all(text) if document]


def written() -> list[Document]:
    return [d for file in sorted((INSTALL / "admission").glob("*.yaml")) for d in documents(file.read_text())]


def _installed(server: ControlPlane, kind: str) -> dict[str, Document]:
    items: list[Document] = json.loads(server.kubectl("get", kind, "-o", "json").stdout)["items"]
    return {item["metadata"]["name"]: item for item in items if item["metadata"]["name"].endswith(".drs-operator.io")}


@pytest.mark.parametrize("kind", KINDS)
def test_installed_is_what_the_kustomization_has(server: ControlPlane, kind: str) -> None:
    built = documents(server.kubectl("kustomize", str(INSTALL)).stdout)
    wanted = {document["metadata"]["name"] for document in built if document["kind"] == kind}
    assert wanted
    assert set(_installed(server, kind)) == wanted


def test_every_file_is_in_the_kustomization_except_what_is_optional() -> None:
    for folder in ("admission", "roles"):
        files = {file.name for file in (INSTALL / folder).glob("*.yaml")} - {"kustomization.yaml"}
        named = yaml.safe_load((INSTALL / folder / "kustomization.yaml").read_text())["resources"]
        assert {file for file in files if not file.endswith(".optional.yaml")} == set(named)
        assert folder in yaml.safe_load((INSTALL / "kustomization.yaml").read_text())["resources"]


def test_every_policy_is_bound_and_fails_closed() -> None:
    found = written()
    for family in ("Validating", "Mutating"):
        policies = {d["metadata"]["name"]: d for d in found if d["kind"] == f"{family}AdmissionPolicy"}
        bindings = {d["metadata"]["name"]: d for d in found if d["kind"] == f"{family}AdmissionPolicyBinding"}
        assert set(policies) == {binding["spec"]["policyName"] for binding in bindings.values()} == set(bindings)
        for name, policy in policies.items():
            assert policy["spec"]["failurePolicy"] == "Fail", name
            for rule in policy["spec"]["matchConstraints"]["resourceRules"]:
                assert "*" not in rule["apiVersions"], f"{name}: a wildcard switches the type check off"
            if family == "Validating":
                wanted = ["Warn"] if name in WARNINGS else ["Deny"]
                assert bindings[name]["spec"]["validationActions"] == wanted, name


def test_every_policy_has_a_probe(server: ControlPlane) -> None:
    """The fixture awaits what it can see: a policy that nothing shows to be enforced could be missing unnoticed."""
    policies = {d["metadata"]["name"] for d in written() if d["kind"] == "ValidatingAdmissionPolicy"}
    seen_elsewhere = {"drexecution-stamps", "command-stamps", "crd-deletion"}
    known = {*probes(server), *seen_elsewhere}
    assert policies == {f"{name}.drs-operator.io" for name in known}
