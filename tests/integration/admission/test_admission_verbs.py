"""Our own verbs: each request is accepted from somebody who has just that verb, and refused from somebody without."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from drs_operator.api.v1alpha1 import DRExecution, DRSchedule, ProtectionGroup, Resource
from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.admission.people import Answer, Object, Person
from tests.integration.crds.objects import drill, group, recovery, schedule

IDLE = {"recoveryPlanRef": {"name": "idle"}}
TEMPLATE = drill(**IDLE)


@dataclass(frozen=True, slots=True)
class Row:
    """A request to create or, with `edits`, to edit an object."""

    asks: str
    kind: type[Resource]
    spec: Object
    accepted_from: tuple[str, ...]
    refused_from: tuple[str, ...]
    says: str
    """Of the refusal; {} is the user."""
    edits: str | None = None

    def ask(self, server: ControlPlane, user: str) -> Answer:
        person = Person(server, user)
        if self.edits is not None:
            return person.edit(self.kind, self.edits, self.spec)
        return person.create(self.kind, "asked", self.spec)


ROWS = [
    Row(
        "a drill",
        DRExecution,
        drill(),
        ("drill",),
        ("ordinary", "recover", "drill-idle", "use", "pause"),
        "{} may not drill recoveryplans.drs-operator.io/production in namespace dr; ask its administrator for the RBAC "
        "verb drill on it, which ClusterRole drs-operator-drill-operator has",
    ),
    Row(
        "a drill of the one plan",
        DRExecution,
        drill(**IDLE),
        ("drill", "drill-idle"),
        ("ordinary",),
        "{} may not drill recoveryplans.drs-operator.io/idle",
    ),
    Row(
        "a rehearsal that changes nothing",
        DRExecution,
        drill(dryRun=True),
        ("drill",),
        ("ordinary",),
        "{} may not drill",
    ),
    Row(
        "a recovery",
        DRExecution,
        recovery(),
        ("recover",),
        ("ordinary", "drill"),
        "{} may not recover recoveryplans.drs-operator.io/production in namespace dr; ask its administrator for the "
        "RBAC verb recover on it, which ClusterRole drs-operator-responder has",
    ),
    Row(
        "a recovery that keeps live instances",
        DRExecution,
        recovery(liveRecoveryInstances="Keep"),
        ("recover",),
        ("drill",),
        "{} may not recover",
    ),
    Row(
        "a recovery that replaces live instances",
        DRExecution,
        recovery(liveRecoveryInstances="Replace"),
        ("recover-replace",),
        ("recover",),
        "{} may not replace live recovery instances with recoveryplans.drs-operator.io/production in namespace dr; set "
        "liveRecoveryInstances to Keep",
    ),
    Row(
        "a schedule",
        DRSchedule,
        schedule(TEMPLATE),
        ("drill", "drill-idle"),
        ("ordinary", "recover"),
        "{} may not schedule drills of recoveryplans.drs-operator.io/idle in namespace dr; ask its administrator",
    ),
    Row(
        "another plan for a schedule",
        DRSchedule,
        {"executionTemplate": {"spec": TEMPLATE}},
        ("drill", "drill-idle"),
        ("ordinary",),
        "{} may not schedule drills of recoveryplans.drs-operator.io/idle",
        edits="weekly",
    ),
    Row(
        "another time for a schedule",
        DRSchedule,
        {"schedule": "0 4 * * 6"},
        ("drill",),
        ("ordinary", "drill-idle"),
        "{} may not schedule drills of recoveryplans.drs-operator.io/production",
        edits="weekly",
    ),
    Row(
        "a group",
        ProtectionGroup,
        group(),
        ("use", "use-production"),
        ("ordinary", "drill", "release"),
        "{} may not use targetaccounts.drs-operator.io/production from namespace dr; ask the administrator of the "
        "account for the RBAC verb use on it, which ClusterRole drs-operator-account-user has",
    ),
    Row(
        "a group of another account",
        ProtectionGroup,
        group(targetAccountRef={"name": "free"}),
        ("use",),
        ("ordinary", "use-production"),
        "{} may not use targetaccounts.drs-operator.io/free",
    ),
    Row(
        "another account for a group",
        ProtectionGroup,
        {"targetAccountRef": {"name": "free"}},
        ("use",),
        ("ordinary", "use-production"),
        "{} may not use targetaccounts.drs-operator.io/free",
        edits="free",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.asks)
def test_a_verb_of_ours(server: ControlPlane, row: Row) -> None:
    for user in row.accepted_from:
        assert row.ask(server, user).message == "", user
    for user in row.refused_from:
        answer = row.ask(server, user)
        assert answer.status == 403, user
        assert row.says.format(user) in answer.message


@pytest.mark.parametrize(
    ("kind", "name", "change", "because"),
    [
        (ProtectionGroup, "free", {"spec": {"description": "edited"}}, "the account stays the same"),
        (ProtectionGroup, "free", {"metadata": {"labels": {"team": "payments"}}}, "a label is no edit"),
        (DRSchedule, "weekly", {"metadata": {"labels": {"team": "payments"}}}, "a label is no edit"),
        (DRSchedule, "weekly", {"spec": {"schedule": "0 3 * * 6"}}, "applied again, nothing changes"),
        (
            ProtectionGroup,
            "free",
            {"metadata": {"annotations": {"drs-operator.io/reconcile": "1"}}},
            "update is enough",
        ),
        (DRExecution, "running", {"metadata": {"annotations": {"drs-operator.io/reconcile": "1"}}}, "update is enough"),
    ],
)
def test_what_needs_no_verb_of_ours(
    server: ControlPlane, kind: type[Resource], name: str, change: Object, because: str
) -> None:
    assert Person(server, "ordinary").patch(kind, name, change).message == "", because


def test_a_generated_name_is_no_way_around(server: ControlPlane) -> None:
    answer = Person(server, "ordinary").create(DRExecution, "", drill(), generateName="drill-")
    assert "ordinary may not drill recoveryplans.drs-operator.io/production" in answer.message


def test_server_side_apply_is_no_way_around(server: ControlPlane) -> None:
    manifest = (
        '{"apiVersion": "drs-operator.io/v1alpha1", "kind": "DRExecution", "metadata": {"name": "applied", '
        '"namespace": "dr"}, "spec": {"recoveryPlanRef": {"name": "production"}, "executionType": "DRILL"}}'
    )
    arguments = ("apply", "--server-side", "--dry-run=server", "-f", "-")
    refused = server.kubectl(*arguments, "--as=ordinary", stdin=manifest, check=False)
    assert "ordinary may not drill" in refused.stderr
    accepted = server.kubectl(*arguments, "--as=drill", stdin=manifest, check=False)
    assert accepted.returncode == 0, accepted.stderr
