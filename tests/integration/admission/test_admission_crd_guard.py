"""The optional guard: deleting a type deletes its objects without asking for each, so it has to be meant."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.admission.conftest import INSTALL
from tests.integration.admission.people import Answer, Person
from tests.integration.sandbox.waiting import until

ROOT = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OURS = f"{ROOT}/recoveryplans.drs-operator.io"
OTHERS = "widgets.example.com"


@pytest.fixture(scope="module", autouse=True)
def _guarded(server: ControlPlane) -> Iterator[None]:
    assert _delete(server).accepted, "it is no part of the install"
    guard = str(INSTALL / "admission" / "crd-guard.optional.yaml")
    server.kubectl("apply", "-f", guard)
    until(lambda: not _delete(server).accepted, "the guard is enforced", seconds=20)
    yield
    server.kubectl("delete", "-f", guard)


def _delete(server: ControlPlane, path: str = OURS) -> Answer:
    return Person(server).request("DELETE", path)


def test_a_type_of_ours_is_deleted_only_when_it_is_meant(server: ControlPlane, admin: Person) -> None:
    message = _delete(server).message
    assert "IN_USE: deleting recoveryplans.drs-operator.io deletes every object of that type" in message
    line = message[message.index("kubectl annotate crd") :].split()
    server.kubectl(*line[1:])
    assert _delete(server).message == ""
    server.kubectl("annotate", "crd", "recoveryplans.drs-operator.io", "drs-operator.io/allow-deletion-")
    assert not _delete(server).accepted


def test_types_of_others_are_not_our_business(server: ControlPlane, admin: Person) -> None:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": OTHERS},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Widget", "plural": "widgets"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
    assert admin.request("POST", ROOT, body, keep=True).accepted
    assert admin.request("DELETE", f"{ROOT}/{OTHERS}", keep=True).message == ""
