"""Edits are accepted; while a run is under way, a warning says what takes effect when."""

from __future__ import annotations

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, RecoveryPlan, Resource
from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.admission.people import Person

HELD = [
    (
        ProtectionGroup,
        "in-run",
        "PG_IN_ACTIVE_EXECUTION: DRExecution running holds ProtectionGroup in-run. Your edit is stored: the selection "
        "of servers counts for later runs, launch settings count at the next launch or retry, in this run too",
    ),
    (
        RecoveryPlan,
        "production",
        "PLAN_HAS_ACTIVE_EXECUTION: DRExecution running runs RecoveryPlan production as it was at the start. Your edit "
        "is stored and counts for later runs only",
    ),
]


@pytest.mark.parametrize(("kind", "name", "says"), HELD)
def test_an_edit_during_a_run_is_stored_with_a_warning(
    server: ControlPlane, kind: type[Resource], name: str, says: str
) -> None:
    answer = Person(server, "ordinary").edit(kind, name, {"description": "edited"})
    assert answer.accepted, answer.message
    assert answer.body["spec"]["description"] == "edited"
    assert any(says in warning for warning in answer.warnings), answer.warnings


@pytest.mark.parametrize(
    ("kind", "name"), [(ProtectionGroup, "free"), (ProtectionGroup, "in-plan"), (RecoveryPlan, "idle")]
)
def test_no_run_no_warning(server: ControlPlane, kind: type[Resource], name: str) -> None:
    answer = Person(server, "ordinary").edit(kind, name, {"description": "edited"})
    assert answer.accepted, answer.message
    assert answer.warnings == ()


@pytest.mark.parametrize(("kind", "name"), [(ProtectionGroup, "in-run"), (RecoveryPlan, "production")])
def test_a_label_needs_no_warning(server: ControlPlane, kind: type[Resource], name: str) -> None:
    answer = Person(server, "ordinary").patch(kind, name, {"metadata": {"labels": {"team": "payments"}}})
    assert answer.accepted, answer.message
    assert answer.warnings == ()
