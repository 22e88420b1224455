"""What is in use cannot be deleted, by whomever; what is free can."""

from __future__ import annotations

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.admission.people import NAMESPACE, Person
from tests.integration.admission.world import ACCOUNT_DELETER
from tests.integration.crds.objects import drill

FREE = [
    (TargetAccount, "free", "no group uses it"),
    (TargetAccount, "unseen", "a status that was never written says nothing"),
    (ProtectionGroup, "free", "neither plan nor run"),
    (ProtectionGroup, "unseen", "a status that was never written says nothing"),
    (RecoveryPlan, "idle", "no run"),
    (DRExecution, "unseen", "nothing is claimed before the operator has seen it"),
    (DRExecution, "pending", "nothing is claimed and nothing called"),
    (DRExecution, "completed", "history"),
    (DRExecution, "failed", "history"),
    (DRExecution, "ended-in-a-newer-version", "final is what has a finishTime"),
]
CANCEL = f"kubectl annotate -n {NAMESPACE} drx/running drs-operator.io/cancel=now"
IN_USE = [
    (
        TargetAccount,
        "production",
        "IN_USE: TargetAccount production is used by 2 ProtectionGroups; delete them first: "
        "kubectl get drpg -A --field-selector spec.targetAccountRef.name=production",
    ),
    (
        ProtectionGroup,
        "in-plan",
        "PG_IN_USE: ProtectionGroup in-plan is in waves of RecoveryPlan production; take it out first: "
        f"kubectl edit drplan -n {NAMESPACE} production",
    ),
    (
        ProtectionGroup,
        "in-run",
        "PG_IN_ACTIVE_EXECUTION: ProtectionGroup in-run is held by DRExecution running; wait until it has ended, or "
        f"cancel it: {CANCEL}",
    ),
    (
        RecoveryPlan,
        "production",
        "PLAN_HAS_ACTIVE_EXECUTION: RecoveryPlan production is run by DRExecution running; wait until it has ended, or "
        f"cancel it: {CANCEL}",
    ),
    *(
        (DRExecution, name, f"ACTIVE_EXECUTION: DRExecution {name} is {phase}; a deletion is no command, cancel it")
        for name, phase in [
            ("running", "Running"),
            ("validating", "Validating"),
            ("paused", "Paused"),
            ("of-a-newer-version", "Hibernating"),
        ]
    ),
]


def _deleter(server: ControlPlane, kind: type[Resource]) -> Person:
    return Person(server, ACCOUNT_DELETER if kind is TargetAccount else "ordinary")


@pytest.mark.parametrize(("kind", "name", "because"), FREE, ids=lambda value: getattr(value, "__name__", value))
def test_what_is_free_is_deleted(server: ControlPlane, kind: type[Resource], name: str, because: str) -> None:
    assert _deleter(server, kind).delete(kind, name).message == "", because


@pytest.mark.parametrize(("kind", "name", "says"), IN_USE, ids=lambda value: getattr(value, "__name__", value)[:30])
def test_what_is_in_use_is_not(server: ControlPlane, admin: Person, kind: type[Resource], name: str, says: str) -> None:
    for person in (_deleter(server, kind), admin):
        answer = person.delete(kind, name)
        assert answer.status == 403
        assert says in answer.message


def test_the_next_step_of_an_execution_is_a_command_that_works(server: ControlPlane, admin: Person) -> None:
    message = admin.delete(DRExecution, "paused").message
    line = message[message.index("kubectl annotate") :].split()
    done = server.kubectl(*line[1:], "--dry-run=server", check=False)
    assert done.returncode == 0, done.stderr


def test_a_collection_loses_what_is_free_and_keeps_what_is_in_use(server: ControlPlane, admin: Person) -> None:
    labels = {"labels": {"sweep": "yes"}}
    for name in ("sweep-running", "sweep-done"):
        assert admin.create(DRExecution, name, drill(), keep=True, **labels).accepted
    admin.patch(DRExecution, "sweep-running", {"status": {"phase": "Running"}}, keep=True, sub="status")

    done = server.kubectl("delete", "drx", "-n", NAMESPACE, "-l", "sweep=yes", check=False)
    assert done.returncode == 1
    assert "ACTIVE_EXECUTION: DRExecution sweep-running is Running" in done.stderr
    assert admin.get(DRExecution, "sweep-done").status == 404
    assert admin.get(DRExecution, "sweep-running").accepted


def test_force_delete_lets_a_run_go_and_its_finalizer_holds_it(server: ControlPlane, admin: Person) -> None:
    ordinary, forcer = Person(server, "ordinary"), Person(server, "force-delete")
    held = {"finalizers": ["drs-operator.io/operator"]}
    assert admin.create(DRExecution, "stuck", drill(), keep=True, **held).accepted
    admin.patch(DRExecution, "stuck", {"status": {"phase": "Running"}}, keep=True, sub="status")
    assert "ACTIVE_EXECUTION" in forcer.delete(DRExecution, "stuck", keep=True).message

    force = {"drs-operator.io/force-delete": "the operator is gone for good"}
    assert "ordinary may not force-delete" in ordinary.annotate(DRExecution, "stuck", force, keep=True).message
    assert forcer.annotate(DRExecution, "stuck", force, keep=True).accepted
    assert ordinary.delete(DRExecution, "stuck", keep=True).accepted
    going = admin.get(DRExecution, "stuck").body["metadata"]
    assert "deletionTimestamp" in going
    assert going["finalizers"] == ["drs-operator.io/operator"]
    assert going["annotations"]["requested-by.drs-operator.io/force-delete"] == "force-delete"

    assert ordinary.delete(DRExecution, "stuck", keep=True).accepted, "it is going: deleting it again changes nothing"
    assert admin.patch(DRExecution, "stuck", {"metadata": {"finalizers": None}}, keep=True).accepted
    assert admin.get(DRExecution, "stuck").status == 404


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (TargetAccount, {"usedByCount": 1}),
        (ProtectionGroup, {"usedByPlans": ["production"]}),
        (RecoveryPlan, {"activeExecutions": [{"name": "running"}]}),
    ],
)
def test_what_is_going_already_may_be_deleted_again(
    admin: Person, kind: type[Resource], status: dict[str, object]
) -> None:
    """kubectl delete waits for the end of a deletion that somebody else has begun."""
    source = "free" if kind is not RecoveryPlan else "idle"
    spec = admin.get(kind, source).body["spec"]
    assert admin.create(kind, "going", spec, keep=True, finalizers=["drs-operator.io/operator"]).accepted
    assert admin.delete(kind, "going", keep=True).accepted
    admin.patch(kind, "going", {"status": status}, keep=True, sub="status")
    assert admin.delete(kind, "going", keep=True).message == ""
    admin.patch(kind, "going", {"metadata": {"finalizers": None}}, keep=True)
