"""An API server without MutatingAdmissionPolicies: a client may name itself or nobody, never somebody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.planning.start import REQUESTED_BY
from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.admission.conftest import INSTALL
from tests.integration.admission.people import Object, Person
from tests.integration.admission.world import stamping
from tests.integration.crds.objects import drill
from tests.integration.sandbox.waiting import until

CANCEL, BY = "drs-operator.io/cancel", "requested-by.drs-operator.io/cancel"
Keys = dict[str, str | None]


@pytest.fixture(scope="module", autouse=True)
def _no_stamping(server: ControlPlane) -> Iterator[None]:
    stamps = str(INSTALL / "admission" / "stamps.yaml")
    server.kubectl("delete", "-f", stamps)
    until(lambda: stamping(server) == (False, False), "nothing is stamped any more", seconds=20)
    yield
    server.kubectl("apply", "-f", stamps)
    until(lambda: stamping(server) == (True, True), "requests are stamped again", seconds=20)


def _made(server: ControlPlane, name: str, **annotations: str) -> Person:
    person = Person(server, "drill")
    more: Object = {"annotations": annotations} if annotations else {}
    assert person.create(DRExecution, name, drill(), keep=True, **more).accepted
    return person


def test_at_creation(server: ControlPlane) -> None:
    person = Person(server, "drill")
    assert person.create(DRExecution, "asked", drill()).message == "", "nobody: unknown"
    assert person.create(DRExecution, "asked", drill(), annotations={REQUESTED_BY: "drill"}).message == ""
    forged = person.create(DRExecution, "asked", drill(), annotations={REQUESTED_BY: "root"})
    assert (
        "INVALID_PARAMETER: annotation drs-operator.io/requested-by says root, but drill makes the request; leave the "
        "annotation out"
    ) in forged.message


def test_the_creator_never_changes(server: ControlPlane, admin: Person) -> None:
    _made(server, "named", **{REQUESTED_BY: "drill"})
    _made(server, "unnamed")
    for person in (Person(server, "ordinary"), admin):
        for name, value in (("named", "root"), ("named", None), ("unnamed", "root"), ("unnamed", "ordinary")):
            answer = person.annotate(DRExecution, name, {REQUESTED_BY: value})
            assert "says who created the DRExecution and never changes" in answer.message
    same = {"metadata": {"labels": {"team": "payments"}, "annotations": {REQUESTED_BY: "drill"}}}
    assert Person(server, "ordinary").patch(DRExecution, "named", same).message == ""


def test_the_giver_of_a_command(server: ControlPlane, admin: Person) -> None:
    _made(server, "commanded")
    cancel, ordinary, both = Person(server, "cancel"), Person(server, "ordinary"), Person(server, "pause-cancel")

    def says(person: Person, keys: Keys, *, keep: bool = False) -> str:
        return person.annotate(DRExecution, "commanded", keys, keep=keep).message

    forged = "INVALID_PARAMETER: annotation requested-by.drs-operator.io/cancel says who gave the command"
    assert says(cancel, {CANCEL: "1"}) == "", "nobody: unknown"
    assert forged in says(cancel, {CANCEL: "1", BY: "root"})
    assert forged in says(ordinary, {BY: "ordinary"}), "no command"
    assert says(cancel, {CANCEL: "1", BY: "cancel"}, keep=True) == ""
    for value in ("ordinary", "root", None):
        assert forged in says(ordinary, {BY: value})
    assert forged in says(both, {CANCEL: "2"}), "it would go by somebody else's name"
    assert says(both, {CANCEL: "2", BY: "pause-cancel"}) == ""
    assert says(ordinary, {"example.com/ticket": "DR-7"}) == "", "who changes something else may leave it as it is"
    assert says(Person(server, "answer"), {CANCEL: None, BY: None}, keep=True) == "", "the operator takes both off"
