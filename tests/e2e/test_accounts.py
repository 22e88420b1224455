"""Target accounts on real parts: Observe, namespaces, Secrets, duplicates, deletion in use, Regions that fail."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drs_sandbox.up import Sandbox
from tests.e2e import harness
from tests.e2e.harness import Kubectl, Operator, eventually, execution, plan
from tests.e2e.world import SPARE_EXTERNAL_ID, SPARES

READS = ("Describe", "List", "Get")
TENANT = "dr.example.com/tenant"
SLOW = {"DRS_OPERATOR_REFRESH_SECONDS": "3600"}
"""Nothing is looked at again by itself: what happens, happens because something has changed."""
_spares = iter(SPARES)
_numbers = itertools.count(1)
Start = Callable[[dict[str, str]], Operator]


@pytest.fixture
def spare() -> str:
    """The id of an account that no other test uses."""
    return next(_spares)


@pytest.fixture
def start(sandbox: Sandbox, tmp_path: Path) -> Iterator[Start]:
    """Starts an operator with settings of its own."""
    begun: list[Operator] = []

    def run(settings: dict[str, str]) -> Operator:
        begun.append(Operator(sandbox, tmp_path / "own.log", None, **settings))
        begun[-1].start()
        return begun[-1]

    yield run
    for operator in begun:
        operator.kill()
        assert "a defect in a reconciler" not in operator.log, operator.log


@pytest.fixture(autouse=True)
def _no_faults_left(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.control.clear_faults()


def account(account_id: str, **spec: Any) -> dict[str, Any]:
    """A TargetAccount with a name of its own."""
    made = harness.account(f"spare-{next(_numbers)}", account_id, SPARE_EXTERNAL_ID, ["us-east-1"])
    made["spec"].update(spec)
    return {**made, "spec": {key: value for key, value in made["spec"].items() if value is not None}}


def group(namespace: str, tier: str, of: dict[str, Any], region: str = "us-east-1") -> dict[str, Any]:
    """A ProtectionGroup of an account's servers of a tier, called as the tier."""
    made = harness.group(namespace, tier, tier, name_of(of))
    made["spec"] |= {"region": region, "serverSelectionTags": {"Tier": tier}}
    return made


def name_of(made: dict[str, Any]) -> str:
    return str(made["metadata"]["name"])


def says(kubectl: Kubectl, kind: str, name: str, namespace: str | None, reason: str) -> str:
    """The message of Ready once it has this reason."""

    def found() -> str | None:
        condition = kubectl.condition(kind, name, namespace, "Ready")
        return condition["message"] if condition.get("reason") == reason else None

    return str(eventually(f"{kind}/{name} Ready {reason}", found))


def calls_in(sandbox: Sandbox, account_id: str) -> list[str]:
    """Every operation that was called in an account."""
    return [call["operation"] for call in sandbox.control.calls() if call["account"] == account_id]


def requests(sandbox: Sandbox) -> list[tuple[str, str]]:
    """What the operator has asked the API server for: verb and resource."""
    audit = sandbox.control_plane.audit_log
    assert audit is not None
    entries = map(json.loads, audit.read_text().splitlines())
    return [
        (entry["verb"], entry["objectRef"]["resource"])
        for entry in entries
        if entry["user"]["username"] == "system:serviceaccount:drs-system:drs-operator" and "objectRef" in entry
    ]


def test_onboarding_in_observe_shows_everything_and_changes_nothing(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str, spare: str
) -> None:
    watched = account(spare, managementPolicy="Observe")
    kubectl.apply(watched, group(namespace, "one", watched), group(namespace, "two", watched))
    kubectl.apply(plan(namespace, "observed", "one", "two"))
    message = says(kubectl, "drta", name_of(watched), None, "Observing")
    assert all(part in message for part in (spare, "us-east-1", f"kubectl patch drta {name_of(watched)}"))
    kubectl(
        "wait", "-n", namespace, "--for=condition=Ready", "drpg/one", "drpg/two", "drplan/observed", "--timeout=60s"
    )
    for name, type in (("observed-drill", "DRILL"), ("observed-recovery", "RECOVERY")):
        kubectl.apply(execution(namespace, name, "observed", type))
        kubectl("wait", "-n", namespace, "--for=condition=Finished", f"drx/{name}", "--timeout=60s")
        error = kubectl.status("drx", name, namespace)["error"]
        assert error["code"] == "ACCOUNT_OBSERVE_ONLY"
        assert all(part in error["message"] for part in (name_of(watched), spare, "kubectl patch drta"))
    made = calls_in(sandbox, spare)
    assert "DescribeSourceServers" in made, "it was looked at"
    assert [operation for operation in made if not operation.startswith(READS)] == []


def test_the_emergency_stop_ends_launching_until_a_person_resumes(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str, spare: str
) -> None:
    used = account(spare)
    kubectl.apply(used, group(namespace, "one", used), group(namespace, "two", used))
    kubectl.apply(plan(namespace, "stopped", "one", "two", pauseBeforeWave=True))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/stopped", "--timeout=60s")
    kubectl.apply(execution(namespace, "stopped", "stopped"))

    def hold(reason: str) -> dict[str, Any] | None:
        holds = kubectl.status("drx", "stopped", namespace).get("holds") or [{}]
        return dict(holds[0]) if holds[0].get("reason") == reason else None

    paused = eventually("the pause", lambda: hold("PauseBeforeWave"))
    kubectl("patch", "drta", name_of(used), "--type=merge", "-p", '{"spec":{"managementPolicy":"Observe"}}')
    kubectl("annotate", "-n", namespace, "drx/stopped", f"drs-operator.io/resume={paused['id']}")
    stopped = eventually("the stop", lambda: hold("AccountUnavailable"))
    assert all(part in stopped["message"] for part in ("ACCOUNT_OBSERVE_ONLY", spare, name_of(used), "resume"))
    assert calls_in(sandbox, spare).count("StartRecovery") == 1
    kubectl("patch", "drta", name_of(used), "--type=merge", "-p", '{"spec":{"managementPolicy":"Manage"}}')
    kubectl("annotate", "-n", namespace, "drx/stopped", "--overwrite", f"drs-operator.io/resume={stopped['id']}")
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/stopped", "--timeout=90s")
    assert kubectl.status("drx", "stopped", namespace)["phase"] == "Completed"
    assert calls_in(sandbox, spare).count("StartRecovery") == 2


def test_labels_of_a_namespace_let_its_groups_in_and_out_at_once(
    sandbox: Sandbox, kubectl: Kubectl, start: Start, namespace: str, spare: str
) -> None:
    start(SLOW)
    selector = {"from": "Selector", "selector": {"matchLabels": {TENANT: namespace}}}
    limited = account(spare, allowedNamespaces=selector)
    kubectl.apply(limited, group(namespace, "one", limited))
    message = says(kubectl, "drpg", "one", namespace, "NamespaceNotAllowed")
    assert all(part in message for part in (name_of(limited), namespace, "kubectl label namespace"))
    kubectl("label", "namespace", namespace, f"{TENANT}={namespace}")
    says(kubectl, "drpg", "one", namespace, "Ready")
    kubectl("label", "namespace", namespace, f"{TENANT}-")
    says(kubectl, "drpg", "one", namespace, "NamespaceNotAllowed")


def test_steady_state_reads_neither_namespaces_nor_secrets(
    sandbox: Sandbox, kubectl: Kubectl, start: Start, namespace: str, spare: str
) -> None:
    kubectl("label", "namespace", namespace, f"{TENANT}=steady")
    _secret(kubectl, namespace, SPARE_EXTERNAL_ID)
    start(SLOW)
    used = account(
        spare,
        externalId=None,
        externalIdSecretRef={"namespace": namespace, "name": "ids", "key": "id"},
        allowedNamespaces={"from": "Selector", "selector": {"matchLabels": {TENANT: "steady"}}},
    )
    kubectl.apply(used, group(namespace, "one", used), group(namespace, "two", used))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drpg/one", "drpg/two", "--timeout=60s")
    says(kubectl, "drta", name_of(used), None, "Ready")
    before = len(requests(sandbox))
    for number in range(10):
        for kind, name, where in (
            ("drpg", "one", namespace),
            ("drpg", "two", namespace),
            ("drta", name_of(used), None),
        ):
            token = f"look-{number}"
            kubectl("annotate", kind, name, *(("-n", where) if where else ()), "--overwrite", f"{RECONCILE}={token}")
            eventually(token, lambda: kubectl.status(kind, name, where).get("lastHandledReconcile") == token)  # noqa: B023
    asked = requests(sandbox)[before:]
    assert ("patch", "protectiongroups") in asked, "the audit log shows what it does"
    assert [entry for entry in asked if entry[1] in ("namespaces", "secrets")] == []


RECONCILE = "drs-operator.io/reconcile"


def _secret(kubectl: Kubectl, namespace: str, value: str) -> None:
    """A Secret with an external id, and the operator's right to read it."""
    rbac = "rbac.authorization.k8s.io"
    meta = {"name": "ids", "namespace": namespace}
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["ids"], "verbs": ["get"]}
    subject = {"kind": "ServiceAccount", "name": "drs-operator", "namespace": "drs-system"}
    kubectl.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"id": value}},
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": [rule]},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "ids"},
            "subjects": [subject],
        },
    )


def test_a_secret_that_is_corrected_is_picked_up_and_never_shown(
    kubectl: Kubectl, operator: Operator, namespace: str, spare: str
) -> None:
    used = account(spare, externalId=None, externalIdSecretRef={"namespace": namespace, "name": "ids", "key": "id"})
    kubectl.apply(used)
    message = says(kubectl, "drta", name_of(used), None, "RoleAssumptionFailed")
    assert "secrets-role.example.yaml" in message, "there is no right to read it"
    _secret(kubectl, namespace, "a-wrong-external-id")
    eventually(
        "STS refuses",
        lambda: "expects the external id" in says(kubectl, "drta", name_of(used), None, "RoleAssumptionFailed"),
    )
    _secret(kubectl, namespace, SPARE_EXTERNAL_ID)
    says(kubectl, "drta", name_of(used), None, "Ready")
    shown = operator.log + json.dumps(kubectl.get("drta", name_of(used)))
    assert SPARE_EXTERNAL_ID not in shown
    assert "a-wrong-external-id" not in shown


def test_of_two_objects_for_one_account_the_older_has_it(
    kubectl: Kubectl, start: Start, namespace: str, spare: str
) -> None:
    start(SLOW)
    first, second = account(spare), account(spare)
    kubectl.apply(first)
    says(kubectl, "drta", name_of(first), None, "Ready")
    kubectl.apply(second, group(namespace, "one", second))
    message = says(kubectl, "drta", name_of(second), None, "AlreadyExists")
    assert all(part in message for part in (spare, name_of(first), f"kubectl delete drta {name_of(second)}"))
    says(kubectl, "drpg", "one", namespace, "AlreadyExists")
    assert kubectl.condition("drta", name_of(first), None, "Ready")["status"] == "True"
    kubectl("delete", "drta", name_of(first), "--timeout=30s")
    says(kubectl, "drta", name_of(second), None, "Ready")
    says(kubectl, "drpg", "one", namespace, "Ready")


def test_an_account_in_use_is_deleted_when_its_last_group_is(
    kubectl: Kubectl, operator: Operator, namespace: str, spare: str
) -> None:
    used = account(spare)
    kubectl.apply(used, group(namespace, "one", used), group(namespace, "two", used))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drpg/one", "drpg/two", "--timeout=60s")
    refused = kubectl.run("delete", "drta", name_of(used), "--wait=false")
    assert f"IN_USE: TargetAccount {name_of(used)} is used by 2 ProtectionGroups" in refused.stderr
    operator.kill()  # the guard reads the operator's count: without one a deletion gets through, and is held
    uncounted = json.dumps({"status": {"usedByCount": None}})
    kubectl("patch", "drta", name_of(used), "--subresource=status", "--type=merge", "-p", uncounted)
    kubectl("delete", "drta", name_of(used), "--wait=false")
    operator.start()

    def deleting() -> bool:
        message = kubectl.condition("drta", name_of(used), None, "Ready").get("message", "")
        return "being deleted, and 2 protection groups use it" in message

    eventually("it says by how many it is used", deleting)
    told = eventually(
        "the Event", lambda: [e for e in kubectl.events("default", name_of(used)) if e["reason"] == "InUse"]
    )
    assert [event["type"] for event in told] == ["Warning"]
    assert namespace not in json.dumps(kubectl.status("drta", name_of(used))), "no names: they would leak"
    kubectl("annotate", "-n", namespace, "drpg/one", "drs-operator.io/reconcile=still")
    eventually("still used", lambda: kubectl.status("drpg", "one", namespace).get("lastHandledReconcile") == "still")
    assert kubectl.condition("drpg", "one", namespace, "Ready")["status"] == "True"
    assert len([e for e in kubectl.events("default", name_of(used)) if e["reason"] == "InUse"]) == 1
    kubectl("delete", "drpg/one", "drpg/two", "-n", namespace, "--timeout=30s")
    kubectl("wait", "--for=delete", f"drta/{name_of(used)}", "--timeout=30s")


@pytest.mark.parametrize(
    ("effect", "state"),
    [({"effect": "hang"}, "UNREACHABLE"), ({"effect": "error", "code": "InternalServerException"}, "ERROR")],
    ids=["hangs", "answers 500"],
)
def test_a_region_that_fails_takes_nothing_from_the_others_and_heals(
    sandbox: Sandbox,
    kubectl: Kubectl,
    operator: Operator,
    namespace: str,
    spare: str,
    effect: dict[str, str],
    state: str,
) -> None:
    fault = {"operation": "DescribeSourceServers", "account": spare, "region": "eu-central-1", **effect}
    sandbox.control.add_faults(json.dumps({"faults": [fault]}), "test")
    used = account(spare, regions=["us-east-1", "eu-central-1"])
    kubectl.apply(used, group(namespace, "one", used), group(namespace, "three", used, "eu-central-1"))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drpg/one", "--timeout=60s")
    says(kubectl, "drta", name_of(used), None, "Ready")
    reachable = kubectl.condition("drta", name_of(used), None, "Reachable")
    assert (reachable["status"], reachable["reason"]) == ("True", "PartlyReachable")
    assert f"eu-central-1 ({state})" in reachable["message"]
    regions = {region["name"]: region for region in kubectl.status("drta", name_of(used))["regions"]}
    assert (regions["us-east-1"]["state"], regions["us-east-1"]["sourceServers"]) == ("ACTIVE", 2)
    assert all(part in regions["eu-central-1"]["message"] for part in (spare, "eu-central-1"))
    assert kubectl.condition("drpg", "three", namespace, "Ready")["status"] == "Unknown"
    sandbox.control.clear_faults()
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drpg/three", "--timeout=90s")
    eventually(
        "every Region answers",
        lambda: kubectl.condition("drta", name_of(used), None, "Reachable").get("reason") == "Reachable",
    )


def test_quotas_that_cannot_be_read_are_the_published_ones_and_the_region_says_so(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, spare: str
) -> None:
    fault = {"operation": "ListServiceQuotas", "account": spare, "effect": "error", "code": "AccessDeniedException"}
    sandbox.control.add_faults(json.dumps({"faults": [fault]}), "test")
    used = account(spare)
    kubectl.apply(used)
    says(kubectl, "drta", name_of(used), None, "Ready")
    (region,) = kubectl.status("drta", name_of(used))["regions"]
    assert (region["state"], region["quotas"]["replicatingServers"]) == ("ACTIVE", 300)
    assert "AWS's published ones" in region["message"]
    assert f"account {spare} in us-east-1" in region["message"]
