"""Who asked: written by the API server, whatever the request says, and no difference for GitOps."""

from __future__ import annotations

import itertools
import json

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup
from drs_operator.planning.start import REQUESTED_BY
from drs_operator.reconcilers import group_commands
from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.admission.people import NAMESPACE, Object, Person
from tests.integration.admission.world import COMMANDS, grant, verbs
from tests.integration.crds.objects import drill, group

CANCEL, BY = "drs-operator.io/cancel", "requested-by.drs-operator.io/cancel"
_numbers = itertools.count(1)


@pytest.fixture
def run(server: ControlPlane) -> str:
    """A run that `drill` has created."""
    name = f"stamped-{next(_numbers)}"
    answer = Person(server, "drill").create(DRExecution, name, drill(), keep=True)
    assert answer.annotations == {REQUESTED_BY: "drill"}
    return name


@pytest.mark.parametrize("forged", [None, "root", ""], ids=["nothing", "another", "empty"])
def test_the_creator_is_stamped_whatever_the_request_says(server: ControlPlane, forged: str | None) -> None:
    more: Object = {} if forged is None else {"annotations": {REQUESTED_BY: forged, "example.com/ticket": "DR-7"}}
    answer = Person(server, "drill").create(DRExecution, "asked", drill(), **more)
    assert answer.annotations.pop(REQUESTED_BY) == "drill"
    assert answer.annotations.get("example.com/ticket") == (None if forged is None else "DR-7")


@pytest.mark.parametrize("value", ["root", "", None], ids=["another", "empty", "taken off"])
def test_the_creator_stays(server: ControlPlane, admin: Person, run: str, value: str | None) -> None:
    for person in (Person(server, "ordinary"), Person(server, "drill"), admin):
        assert person.annotate(DRExecution, run, {REQUESTED_BY: value}).annotations == {REQUESTED_BY: "drill"}
        everything = person.patch(DRExecution, run, {"metadata": {"annotations": None}})
        assert everything.annotations == {REQUESTED_BY: "drill"}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("value", ["1", ""], ids=["value", "empty"])
def test_who_gives_a_command_is_stamped(server: ControlPlane, run: str, command: str, value: str) -> None:
    ask: dict[str, str | None] = {
        f"drs-operator.io/{command}": value,
        f"requested-by.drs-operator.io/{command}": "root",
    }
    stamped = Person(server, command).annotate(DRExecution, run, ask).annotations
    assert stamped[f"requested-by.drs-operator.io/{command}"] == command


def test_the_stamp_stays_with_the_command_and_goes_with_it(server: ControlPlane, run: str) -> None:
    def by(user: str, keys: dict[str, str | None]) -> str | None:
        return Person(server, user).annotate(DRExecution, run, keys, keep=True).annotations.get(BY)

    assert by("cancel", {CANCEL: "1"}) == "cancel"
    assert by("ordinary", {BY: "ordinary"}) == "cancel", "forged later"
    assert by("ordinary", {BY: None}) == "cancel", "taken off alone"
    assert by("pause", {"drs-operator.io/pause": "1"}) == "cancel", "another command of somebody else"
    assert by("pause-cancel", {CANCEL: "2"}) == "pause-cancel", "another value is another command"
    assert by("answer", {CANCEL: None}) is None, "the operator takes the command off"
    assert by("ordinary", {BY: "root"}) is None, "no stamp without a command"
    left = Person(server).get(DRExecution, run).annotations
    assert left["requested-by.drs-operator.io/pause"] == "pause"


def test_no_stamp_of_a_command_at_creation(server: ControlPlane) -> None:
    forged = {BY: "root", "requested-by.drs-operator.io/anything": "root"}
    made = Person(server, "drill").create(DRExecution, "asked", drill(), annotations=forged)
    assert made.annotations == {REQUESTED_BY: "drill"}
    group_made = Person(server, "use").create(ProtectionGroup, "asked", group(), annotations=forged)
    assert group_made.annotations == {}


def test_who_releases_servers_is_stamped(server: ControlPlane) -> None:
    ask: dict[str, str | None] = {group_commands.KEY: "all", group_commands.BY: "root"}
    assert Person(server, "release").annotate(ProtectionGroup, "free", ask).annotations == {
        group_commands.KEY: "all",
        group_commands.BY: "release",
    }
    assert Person(server, "ordinary").annotate(ProtectionGroup, "free", {group_commands.BY: "root"}).annotations == {}


def test_a_stamp_is_the_authenticated_name_of_a_service_account(server: ControlPlane) -> None:
    robot = f"system:serviceaccount:{NAMESPACE}:nightly"
    grant(server, robot, [verbs("drexecutions", "create"), verbs("recoveryplans", "drill")])
    made = Person(server, robot).create(DRExecution, "asked", drill())
    assert made.annotations == {REQUESTED_BY: robot}


def test_gitops_sees_no_difference(server: ControlPlane, run: str) -> None:
    """What Git has is applied again by others, on both ways, with a command in between that Git does not know."""
    manifest = json.dumps(
        {
            "apiVersion": "drs-operator.io/v1alpha1",
            "kind": "DRExecution",
            "metadata": {"name": f"{run}-git", "namespace": NAMESPACE, "annotations": {"example.com/ticket": "DR-7"}},
            "spec": drill(),
        }
    )
    apply, diff = ("apply", "--server-side", "-f", "-"), ("diff", "--server-side", "-f", "-")
    server.kubectl(*apply, "--as=drill", stdin=manifest)
    server.kubectl("annotate", "-n", NAMESPACE, f"drx/{run}-git", f"{CANCEL}=1", "--as=cancel")
    for user in ("drill", "ordinary"):
        drift = server.kubectl(*diff, f"--as={user}", stdin=manifest, check=False)
        assert (drift.returncode, drift.stdout) == (0, ""), drift.stderr
        server.kubectl(*apply, f"--as={user}", "--field-manager=another", stdin=manifest)
    drift = server.kubectl("diff", "-f", "-", stdin=manifest, check=False)
    assert (drift.returncode, drift.stdout) == (0, ""), drift.stderr
    server.kubectl("apply", "-f", "-", "--as=ordinary", stdin=manifest)
    kept = Person(server).get(DRExecution, f"{run}-git")
    assert kept.annotations[REQUESTED_BY] == "drill"
    assert (kept.annotations[CANCEL], kept.annotations[BY]) == ("1", "cancel")
    owned = json.dumps(kept.body["metadata"]["managedFields"])
    assert REQUESTED_BY not in owned, "nobody owns it, so nobody's apply takes it off"


def test_a_manifest_that_names_somebody_else_has_no_say(server: ControlPlane, run: str) -> None:
    body = {
        "apiVersion": "drs-operator.io/v1alpha1",
        "kind": "DRExecution",
        "metadata": {"name": run, "namespace": NAMESPACE, "annotations": {REQUESTED_BY: "root"}},
        "spec": drill(),
    }
    server.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", "--as=ordinary", stdin=json.dumps(body))
    assert Person(server).get(DRExecution, run).annotations == {REQUESTED_BY: "drill"}
