"""Every constraint of the CRDs on the real API server: one object that it accepts, one that it refuses."""

from collections.abc import Iterator
from typing import Any

import pytest

from drs_operator.api.crd import crd
from drs_operator.api.v1alpha1 import KINDS, DRExecution, DRSchedule, Resource
from drs_operator.api.v1alpha1.codes import Code
from tests.integration.crds import cases_account, cases_execution, cases_group, cases_plan, cases_schedule
from tests.integration.crds.cluster import Cluster, Refused
from tests.integration.crds.objects import Creation, Edit

CREATIONS: list[Creation] = [
    *cases_account.CREATIONS,
    *cases_group.CREATIONS,
    *cases_plan.CREATIONS,
    *cases_execution.CREATIONS,
    *cases_schedule.CREATIONS,
]
EDITS: list[Edit] = [*cases_account.EDITS, *cases_group.EDITS, *cases_execution.EDITS]


def _id(case: Creation | Edit) -> str:
    return f"{case.kind}: {case.name}"


@pytest.mark.parametrize("case", CREATIONS, ids=_id)
def test_creation(cluster: Cluster, case: Creation) -> None:
    # A kind that is refused as a whole is accepted only when the refusal is lifted.
    cluster.create(case.kind, case.good, lifted=case.lifted or case.kind == "DRSchedule")

    with pytest.raises(Refused) as refusal:
        cluster.create(case.kind, case.bad, lifted=case.lifted)

    assert case.says in str(refusal.value)


@pytest.mark.parametrize("case", EDITS, ids=_id)
def test_edit(cluster: Cluster, case: Edit) -> None:
    cluster.create(case.kind, case.spec, lifted=case.lifted, dry_run=False)
    try:
        cluster.change(case.kind, "test", {"spec": case.good}, lifted=case.lifted)

        with pytest.raises(Refused) as refusal:
            cluster.change(case.kind, "test", {"spec": case.bad}, lifted=case.lifted)
    finally:
        cluster.delete(case.kind, "test", lifted=case.lifted)

    assert case.says in str(refusal.value)


def _rules(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for rule in node.get("x-kubernetes-validations", []):
            yield rule["message"]
        for child in node.values():
            yield from _rules(child)
    elif isinstance(node, list):
        for child in node:
            yield from _rules(child)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.definition.kind))
def test_every_rule_is_in_the_tables(kind: type[Resource]) -> None:
    cases: list[Creation | Edit] = [*CREATIONS, *EDITS]
    said = [case.says for case in cases if case.kind == kind.definition.kind]
    messages = set(_rules(crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]))

    untested = {message for message in messages if not any(_asserts(text, message) for text in said)}

    if kind is DRSchedule:
        # The template repeats the rules of a DRExecution, which are tested there.
        untested -= set(_rules(crd(DRExecution)))
    assert not untested


def _asserts(said: str, message: str) -> bool:
    """Whether a case says a part of this message that begins with its code."""
    code = message.split(":")[0]
    assert code in Code.__members__
    start = said.find(f"{code}: ")
    return start >= 0 and message.startswith(said[start:])
