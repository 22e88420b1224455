"""Every reason in its situation: condition, message, details and Event, as a person reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from drs_operator.api.reasons import REASONS
from drs_sandbox.up import Sandbox
from tests.e2e.harness import Kubectl, Operator, eventually, installed
from tests.e2e.reason_accounts import ACCOUNTS
from tests.e2e.reason_answers import ANSWERS
from tests.e2e.reason_conflicts import CONFLICTS
from tests.e2e.reason_groups import GROUPS
from tests.e2e.reason_launch_settings import LAUNCH_SETTINGS
from tests.e2e.reason_plans import PLANS
from tests.e2e.reason_refusals import REFUSALS
from tests.e2e.reason_runs import RUNS
from tests.e2e.reason_waits import WAITS
from tests.e2e.reasons import HOME_ACCOUNT, Answer, Object, Refusal, Situation, namespaces, world

SITUATIONS: tuple[Situation, ...] = (*ACCOUNTS, *GROUPS, *CONFLICTS, *LAUNCH_SETTINGS, *PLANS, *RUNS, *WAITS)
SPEED = 200.0
SETTLE_SECONDS = "5"
"""A launch that AWS has taken and hides is given up after so long."""


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """kubectl on a world in which all situations are the case, with an operator that runs."""
    folder = tmp_path_factory.mktemp("reasons")
    file = folder / "world.yaml"
    file.write_text(world(SITUATIONS))
    with Sandbox(folder / "sandbox", world=file, speed=SPEED) as sandbox:
        kubectl = installed(sandbox)
        kubectl.apply(*namespaces(SITUATIONS))
        kubectl.apply(HOME_ACCOUNT, *(wanted for situation in SITUATIONS for wanted in situation.objects))
        operator = Operator(sandbox, folder / "operator.log", DRS_OPERATOR_SETTLE_SECONDS=SETTLE_SECONDS)
        operator.start()
        try:
            _happen(sandbox, kubectl)
            yield kubectl
        finally:
            operator.kill()
        assert "a defect in a reconciler" not in operator.log, operator.log


def _happen(sandbox: Sandbox, kubectl: Kubectl) -> None:
    """What happens only after something was the case; where that never comes, the row itself fails."""
    for situation in SITUATIONS:
        if situation.until is not None:
            kind, name, condition = situation.until
            where = ("-n", situation.name, f"--for=condition={condition}", f"{kind}/{name}")
            if kubectl.run("wait", *where, "--timeout=30s").returncode != 0:
                continue
        if situation.then is not None:
            situation.then(sandbox, kubectl)
        if situation.later:
            kubectl.apply(*situation.later)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: f"{situation.word}-{situation.name}")
def test_a_reason_is_seen_in_its_situation(kubectl: Kubectl, situation: Situation) -> None:
    kind, name, namespace = situation.kind, situation.name, situation.where

    def reason() -> str:
        return str(kubectl.condition(kind, name, namespace, situation.condition).get("reason"))

    try:
        eventually(f"{kind}/{name} {situation.condition}: {situation.word}", lambda: reason() == situation.word)
    except AssertionError as error:
        raise AssertionError(json.dumps(kubectl.status(kind, name, namespace), indent=1)) from error
    condition = kubectl.condition(kind, name, namespace, situation.condition)
    assert condition["status"] == situation.status, situation.because
    for words in situation.says:
        assert words in condition["message"]
    status = kubectl.status(kind, name, namespace)
    for field, wanted in situation.details.items():
        for words in wanted:
            assert words in json.dumps(status[field]), field
    assert status["observedGeneration"] == kubectl.get(kind, name, namespace)["metadata"]["generation"]
    for secret in situation.hides:
        assert secret not in json.dumps(status)
    if situation.event is not None:
        told = eventually(
            f"an Event {situation.event}",
            lambda: [e for e in kubectl.events(namespace or "default", name) if e["reason"] == situation.event],
        )
        assert told[0]["involvedObject"]["name"] == name


@pytest.mark.parametrize("asked", ANSWERS, ids=lambda asked: f"{asked.code}-{asked.command}={asked.value}")
def test_a_command_that_cannot_apply_is_answered(kubectl: Kubectl, asked: Answer) -> None:
    situation = next(s for s in SITUATIONS if s.name == asked.situation)
    name = situation.name

    def shown() -> bool:
        return bool(kubectl.condition("drx", name, name, situation.condition).get("reason") == situation.word)

    eventually(f"drx/{name} {situation.word}", shown)
    kubectl("annotate", "-n", name, f"drx/{name}", f"drs-operator.io/{asked.command}={asked.value}")

    def answers() -> list[Object]:
        given = kubectl.status("drx", name, name).get("requests", [])
        return [a for a in given if (a["type"], a["value"]) == (asked.command, asked.value)]

    answer = eventually(f"an answer to {asked.command}={asked.value}", answers)[0]
    assert (answer["outcome"], answer["code"]) == ("Refused", asked.code), asked.because
    for words in asked.says:
        assert words in answer["message"]
    told = eventually(
        "an Event",
        lambda: [
            e for e in kubectl.events(name, name) if e["reason"] == "CommandRefused" and asked.code in e["message"]
        ],
    )
    assert f"{asked.command}={asked.value}" in told[0]["message"]

    def taken_off() -> bool:
        annotations = kubectl.get("drx", name, name)["metadata"].get("annotations", {})
        return f"drs-operator.io/{asked.command}" not in annotations

    eventually("the command is off", taken_off)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: f"{refusal.code}-{refusal.name}")
def test_a_refusal_names_its_code_and_the_next_step(kubectl: Kubectl, refusal: Refusal) -> None:
    if refusal.before is not None:
        kubectl.apply(refusal.before)
    done = kubectl.run("apply", "-f", "-", stdin=json.dumps(refusal.wanted))
    assert done.returncode != 0, refusal.because
    assert f"{refusal.code}: " in done.stderr
    for words in refusal.says:
        assert words in done.stderr


_DELETIONS = "../integration/admission/test_admission_deletions.py"
ELSEWHERE = {
    "LedgerReplaced": ("test_leaders.py", "LedgerReplaced"),
    "LedgerRolledBack": ("test_leaders.py", "LedgerRolledBack"),
    "LedgerUnreachable": ("test_leaders.py", "LedgerUnreachable"),
    "StandbyInstallation": ("test_leaders.py", "StandbyInstallation"),
    "DynamodbError": ("test_reasons_alone.py", '"DynamodbError"'),
    "ObservationGap": ("test_orphans.py", '"ObservationGap"'),
    "WaitingForDrill": ("test_region_loss.py", '"WaitingForDrill"'),
    "CleanupFailed": ("../unit/reconcilers/test_execution_cleanup.py", '"CleanupFailed"'),
    "Superseded": ("test_reasons_alone.py", '"SUPERSEDED"'),
    "Drifted": ("test_launch_settings.py", '"Drifted"'),
    "NotFound": ("test_reasons_alone.py", "test_not_found"),
    "InternalError": ("../unit/reconcilers/test_execution_troubles.py", "INTERNAL_ERROR"),
    "Pending": ("../unit/reconcilers/test_reconcile_launch_settings.py", '"Pending"'),
    "ActiveExecution": (_DELETIONS, "ACTIVE_EXECUTION: DRExecution"),
    "InUse": (_DELETIONS, '"IN_USE: '),
    "PgInActiveExecution": (_DELETIONS, '"PG_IN_ACTIVE_EXECUTION: '),
    "PgInUse": (_DELETIONS, '"PG_IN_USE: '),
    "PlanHasActiveExecution": (_DELETIONS, '"PLAN_HAS_ACTIVE_EXECUTION: '),
}
"""Reasons that would stop everything else here, or that a policy answers: the module that brings them about, and what
names them there. Pending and InternalError come and go too quickly for a real cluster, and the
simulator of AWS always terminates what it is asked to: fakes stand still for them, and keep instances."""


def test_every_reason_with_a_runbook_has_a_row() -> None:
    """Fails when a reason was added without a row, and when one that was missing has got its own."""
    word_of = {str(entry.code): entry.word for entry in REASONS if entry.code}
    have = {situation.shows or situation.word for situation in SITUATIONS}
    have |= {situation.event for situation in SITUATIONS if situation.event is not None}
    have |= {word_of[code] for code in [*(r.code for r in REFUSALS), *(a.code for a in ANSWERS)]}
    for module, mark in ELSEWHERE.values():
        assert mark in (Path(__file__).parent / module).read_text(encoding="utf-8"), (module, mark)
    wanted = {entry.word for entry in REASONS if entry.has_runbook}
    assert wanted - have - ELSEWHERE.keys() == set()
    assert not have & ELSEWHERE.keys(), "a row is enough"
