"""Commands: each has its verb, one a request, none at creation, and none is taken off behind its giver's back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup
from drs_operator.planning.commands import ORDER
from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.admission.people import Person
from tests.integration.admission.world import COMMANDS
from tests.integration.crds.objects import drill, group

PREFIX = "drs-operator.io/"
RELEASE = f"{PREFIX}release-servers"


def test_these_are_all_the_commands_that_the_operator_takes() -> None:
    assert set(COMMANDS) == {*ORDER, "force-delete"}


@pytest.mark.parametrize("value", ["now", ""], ids=["value", "empty"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_needs_its_own_verb(server: ControlPlane, command: str, value: str) -> None:
    ask: dict[str, str | None] = {PREFIX + command: value}
    assert Person(server, command).annotate(DRExecution, "running", ask).message == ""
    for user in ("ordinary", "drill", "answer", *(other for other in COMMANDS if other != command)):
        answer = Person(server, user).annotate(DRExecution, "running", ask)
        assert answer.status == 403, user
        assert (
            f"{user} may not {command} drexecutions.drs-operator.io/running in namespace dr; ask its administrator for "
            f"the RBAC verb {command} on it"
        ) in answer.message


def test_a_verb_may_be_given_for_one_run(server: ControlPlane) -> None:
    person = Person(server, "cancel-running")
    assert person.annotate(DRExecution, "running", {f"{PREFIX}cancel": "1"}).message == ""
    refused = person.annotate(DRExecution, "paused", {f"{PREFIX}cancel": "1"})
    assert "cancel-running may not cancel drexecutions.drs-operator.io/paused" in refused.message


def test_one_command_a_request(server: ControlPlane) -> None:
    person = Person(server, "pause-cancel")
    both = person.annotate(DRExecution, "running", {f"{PREFIX}pause": "1", f"{PREFIX}cancel": "1"})
    assert both.status == 422
    assert "INVALID_PARAMETER: pause, cancel in one request; give them one after the other" in both.message
    for command in ("pause", "cancel"):
        assert person.annotate(DRExecution, "running", {f"{PREFIX}{command}": "1"}).message == ""


@pytest.mark.parametrize("value", ["now", ""], ids=["value", "empty"])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_at_creation(server: ControlPlane, admin: Person, command: str, value: str) -> None:
    answer = admin.create(DRExecution, "asked", drill(), annotations={PREFIX + command: value})
    assert answer.status == 422
    assert (
        f"INVALID_PARAMETER: a DRExecution cannot be created with the command {command}; create it without, then give "
        f"the command: kubectl annotate drx/NAME drs-operator.io/{command}=now"
    ) in answer.message


def test_other_annotations_at_creation_are_no_commands(server: ControlPlane) -> None:
    own = {"example.com/ticket": "DR-7", f"{PREFIX}reconcile": "1"}
    assert Person(server, "drill").create(DRExecution, "asked", drill(), annotations=own).message == ""


@pytest.fixture
def cancelled(admin: Person) -> Iterator[str]:
    """A run with a command that is not answered yet."""
    assert admin.annotate(DRExecution, "running", {f"{PREFIX}cancel": "1"}, keep=True).accepted
    yield "running"
    admin.annotate(DRExecution, "running", {f"{PREFIX}cancel": None, f"{PREFIX}pause": None}, keep=True)


def test_another_value_is_another_command(server: ControlPlane, cancelled: str) -> None:
    other: dict[str, str | None] = {f"{PREFIX}cancel": "2"}
    assert Person(server, "cancel").annotate(DRExecution, cancelled, other).message == ""
    assert "pause may not cancel" in Person(server, "pause").annotate(DRExecution, cancelled, other).message


def test_a_command_that_stands_needs_no_verb_of_others(server: ControlPlane, cancelled: str) -> None:
    change = {"metadata": {"labels": {"team": "payments"}, "annotations": {f"{PREFIX}cancel": "1"}}}
    assert Person(server, "ordinary").patch(DRExecution, cancelled, change).message == ""
    assert Person(server, "pause").annotate(DRExecution, cancelled, {f"{PREFIX}pause": "1"}).message == ""


def test_only_the_operator_or_its_verb_takes_a_command_off(server: ControlPlane, cancelled: str) -> None:
    off: dict[str, str | None] = {f"{PREFIX}cancel": None}
    for user in ("cancel", "answer"):
        assert Person(server, user).annotate(DRExecution, cancelled, off).message == "", user
    for user in ("ordinary", "pause"):
        answer = Person(server, user).annotate(DRExecution, cancelled, off)
        assert answer.status == 403, user
        assert (
            f"{user} may not take cancel off drexecutions.drs-operator.io/running in namespace dr: it is not answered "
            "yet; wait for the operator"
        ) in answer.message
    everything = Person(server, "ordinary").patch(DRExecution, cancelled, {"metadata": {"annotations": None}})
    assert "ordinary may not take cancel off" in everything.message


def test_two_commands_at_once_are_taken_off_by_the_operator_alone(
    server: ControlPlane, admin: Person, cancelled: str
) -> None:
    assert admin.annotate(DRExecution, cancelled, {f"{PREFIX}pause": "1"}, keep=True).accepted
    off: dict[str, str | None] = {f"{PREFIX}cancel": None, f"{PREFIX}pause": None}
    assert Person(server, "answer").annotate(DRExecution, cancelled, off).message == ""
    refused = Person(server, "pause-cancel").annotate(DRExecution, cancelled, off)
    assert "pause-cancel may not take pause, cancel off" in refused.message


def test_annotations_sent_to_the_status_change_nothing(admin: Person) -> None:
    """The way around that is none: the API server leaves metadata out of a status write."""
    change = {"metadata": {"annotations": {f"{PREFIX}cancel": "1"}}, "status": {"phase": "Running"}}
    answer = admin.patch(DRExecution, "running", change, sub="status")
    assert answer.accepted
    assert f"{PREFIX}cancel" not in answer.annotations


@pytest.mark.parametrize("value", ["all", ""], ids=["value", "empty"])
def test_release_servers_needs_release(server: ControlPlane, value: str) -> None:
    ask: dict[str, str | None] = {RELEASE: value}
    assert Person(server, "release").annotate(ProtectionGroup, "free", ask).message == ""
    for user in ("ordinary", "use", "answer"):
        answer = Person(server, user).annotate(ProtectionGroup, "free", ask)
        assert answer.status == 403, user
        assert (
            f"{user} may not release servers of protectiongroups.drs-operator.io/free in namespace dr; ask its "
            "administrator for the RBAC verb release on it, which ClusterRole drs-operator-editor has"
        ) in answer.message


@pytest.mark.parametrize("value", ["all", ""], ids=["value", "empty"])
def test_no_release_at_creation(server: ControlPlane, admin: Person, value: str) -> None:
    answer = admin.create(ProtectionGroup, "asked", group(), annotations={RELEASE: value})
    assert answer.status == 422
    assert "INVALID_PARAMETER: a ProtectionGroup cannot be created with the command release-servers" in answer.message
    assert Person(server, "use").create(ProtectionGroup, "asked", group(), annotations={"a": "b"}).message == ""


def test_a_release_is_taken_off_by_the_operator_or_its_verb(server: ControlPlane, admin: Person) -> None:
    assert admin.annotate(ProtectionGroup, "unseen", {RELEASE: "all"}, keep=True).accepted
    off: dict[str, str | None] = {RELEASE: None}
    for user in ("release", "answer"):
        assert Person(server, user).annotate(ProtectionGroup, "unseen", off).message == "", user
    refused = Person(server, "ordinary").annotate(ProtectionGroup, "unseen", off)
    assert "ordinary may not take release-servers off protectiongroups.drs-operator.io/unseen" in refused.message
    label = {"metadata": {"labels": {"team": "payments"}}}
    assert Person(server, "ordinary").patch(ProtectionGroup, "unseen", label).message == ""
    assert admin.annotate(ProtectionGroup, "unseen", off, keep=True).accepted
